#include "engine/snapshot_records.h"

#include "base/bytes.h"

namespace pawl::engine {

std::string snapshot_prologue(std::uint8_t format) { return {'\0', static_cast<char>(format)}; }

std::optional<std::uint8_t> snapshot_format(std::string_view content) {
  for (std::uint8_t format = kSnapshotFormatOldest; format <= kSnapshotFormat; ++format) {
    if (content.starts_with(snapshot_prologue(format))) return format;
  }
  return std::nullopt;
}

void append_record(SnapshotRecord kind, std::string_view body, std::string* out) {
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(kind));
  writer.str(body);
}

void RecordSplitter::feed(std::string_view bytes) {
  buffer_.erase(0, taken_);
  taken_ = 0;
  buffer_.append(bytes);
}

bool RecordSplitter::next(std::uint8_t* kind, std::string_view* body) {
  const std::string_view rest = std::string_view(buffer_).substr(taken_);
  ByteReader in(rest);
  *kind = in.u8();
  *body = in.str();
  if (!in.ok()) return false;
  taken_ = buffer_.size() - in.remaining();
  return true;
}

}  // namespace pawl::engine
