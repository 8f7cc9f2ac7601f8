#include "log/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"
#include "log/names.h"

namespace pawl::log {
namespace {

constexpr std::size_t kWindowBytes = 1 * limits::MiB;
constexpr std::string_view kAnotherStore = "pawl/another-store";

}  // namespace

SegmentReader::SegmentReader(FileSystem& files, std::string path, std::uint64_t file_bytes,
                             std::string* buffer)
    : files_(files), path_(std::move(path)), file_bytes_(file_bytes), buffer_(buffer) {}

bool is_of_another_store(const absl::Status& status) {
  return status.GetPayload({kAnotherStore.data(), kAnotherStore.size()}).has_value();
}

FrameState frame_in(std::string_view bytes, std::uint32_t seed, std::uint64_t segment,
                    std::uint32_t offset, FrameHeader* header, std::string_view* payload) {
  const FrameFault fault = decode(bytes, seed, segment, offset, header);
  if (fault == FrameFault::kNoMagic) return FrameState::kNone;
  if (fault != FrameFault::kNone) return FrameState::kBadHeader;
  if (bytes.size() < header->frame_bytes()) return FrameState::kBadPayload;
  const std::string_view stored = bytes.substr(
      header->header_bytes, static_cast<std::size_t>(header->frame_bytes()) - header->header_bytes);
  if (crc32c(stored, seed) != header->payload_crc) return FrameState::kBadPayload;
  *payload = stored.substr(0, header->payload_bytes);
  return FrameState::kWhole;
}

absl::StatusOr<std::string_view> SegmentReader::view(std::uint64_t offset, std::size_t bytes) {
  if (offset >= file_bytes_) return std::string_view();
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, file_bytes_ - offset));
  if (offset < window_at_ || offset + bytes > window_at_ + window_bytes_) {
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::max(bytes, kWindowBytes), file_bytes_ - offset));
    if (buffer_->size() < wanted) buffer_->resize(wanted);
    window_bytes_ = 0;
    absl::StatusOr<std::size_t> got = files_.read(path_, offset, buffer_->data(), wanted);
    if (!got.ok()) return got.status();
    if (*got != wanted) return damage(path_, offset + *got, "the file became shorter while read");
    window_at_ = offset;
    window_bytes_ = wanted;
  }
  return std::string_view(*buffer_).substr(offset - window_at_, bytes);
}

absl::Status SegmentReader::read_header(std::uint64_t number, std::uint32_t feature_level,
                                        StoreId* store_id, SegmentHeader* header) {
  absl::StatusOr<std::string_view> bytes = view(0, format::kSegmentHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < format::kSegmentHeaderBytes) {
    return damage(path_, bytes->size(), "the file ends within its header");
  }
  switch (decode(*bytes, header)) {
    case SegmentHeaderFault::kDamaged:
      return damage(path_, 0, "the segment header is damaged");
    case SegmentHeaderFault::kNewerFormat:
      return absl::FailedPreconditionError("read " + path_ +
                                           ": written in a newer format; use the version of "
                                           "Pawl that wrote it, or a later one");
    case SegmentHeaderFault::kNone:
      break;
  }
  if (!is_known(*store_id)) *store_id = header->store_id;
  if (header->store_id != *store_id) {
    absl::Status status = absl::FailedPreconditionError(
        "read " + path_ +
        ": at offset 16 it names another store; put back the files of this store, or start with "
        "the other store's directory");
    status.SetPayload({kAnotherStore.data(), kAnotherStore.size()}, {});
    return status;
  }
  if (header->segment != number) {
    return damage(path_, 32,
                  "the header names segment " + segment_name(header->segment) +
                      " (was the file renamed or copied?)");
  }
  if (header->feature_level > feature_level) {
    return absl::FailedPreconditionError(
        "read " + path_ + ": needs feature level " + std::to_string(header->feature_level) +
        ", this version of Pawl has " + std::to_string(feature_level) +
        "; use the version that wrote it, or a later one");
  }
  return absl::OkStatus();
}

absl::StatusOr<FrameState> SegmentReader::frame_at(std::uint32_t seed, std::uint64_t segment,
                                                   std::uint64_t offset, FrameHeader* header,
                                                   std::string_view* payload) {
  absl::StatusOr<std::string_view> bytes = view(offset, format::kFrameFixedBytes);
  if (!bytes.ok()) return bytes.status();
  const auto at = static_cast<std::uint32_t>(offset);
  FrameFault fault = decode(*bytes, seed, segment, at, header);
  if (fault == FrameFault::kIncomplete && header->header_bytes > bytes->size()) {
    bytes = view(offset, header->header_bytes);
    if (!bytes.ok()) return bytes.status();
    fault = decode(*bytes, seed, segment, at, header);
  }
  if (fault == FrameFault::kNoMagic) return FrameState::kNone;
  if (fault != FrameFault::kNone) return FrameState::kBadHeader;
  bytes = view(offset, static_cast<std::size_t>(header->frame_bytes()));
  if (!bytes.ok()) return bytes.status();
  return frame_in(*bytes, seed, segment, at, header, payload);
}

absl::StatusOr<std::uint64_t> SegmentReader::find_header_after(std::uint32_t seed,
                                                               std::uint64_t segment,
                                                               std::uint64_t offset,
                                                               FrameHeader* header) {
  char magic[4];
  for (int i = 0; i < 4; ++i) magic[i] = static_cast<char>(format::kFrameMagic >> (8 * i));
  const std::string_view wanted(magic, sizeof magic);
  std::uint64_t at = offset + format::kFrameAlignment;
  while (at + format::kFrameFixedBytes <= file_bytes_) {
    // A step is shorter than a window, so that headers over its border are seen whole.
    const std::size_t step = kWindowBytes - format::kFrameHeaderBytesMax;
    absl::StatusOr<std::string_view> bytes = view(at, kWindowBytes);
    if (!bytes.ok()) return bytes.status();
    for (std::size_t from = 0;;) {
      const std::size_t hit = bytes->find(wanted, from);
      if (hit == std::string_view::npos || hit >= step) break;
      from = hit + 1;
      if (hit % format::kFrameAlignment != 0) continue;
      const std::uint64_t place = at + hit;
      if (decode(bytes->substr(hit), seed, segment, static_cast<std::uint32_t>(place), header) ==
          FrameFault::kNone) {
        return place;
      }
    }
    at += step;
  }
  return std::uint64_t{0};
}

absl::StatusOr<std::uint64_t> SegmentReader::last_nonzero_end(std::uint64_t offset) {
  std::uint64_t end = offset;
  for (std::uint64_t at = offset; at < file_bytes_;) {
    absl::StatusOr<std::string_view> bytes = view(at, kWindowBytes);
    if (!bytes.ok()) return bytes.status();
    const std::size_t last = bytes->find_last_not_of('\0');
    if (last != std::string_view::npos) end = at + last + 1;
    at += bytes->size();
  }
  return end;
}

}  // namespace pawl::log
