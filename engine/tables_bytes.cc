// A group's tables as the bytes of a snapshot:
//
//   u8 format (1), varint group, zigzag time, varint feature level,
//   varint count, then each run by its index: varint index, length-prefixed run (run.h),
//   length-prefixed dedupe, length-prefixed channels
//
// The indexes are not stored: they are rebuilt.
#include "base/bytes.h"
#include "engine/table_index.h"
#include "engine/tables.h"

namespace pawl::engine {
namespace {

constexpr std::uint8_t kFormat = 2;  // 1: without forwarded requests

}  // namespace

void Tables::encode(std::string* out) const {
  ByteWriter writer(out);
  writer.u8(kFormat);
  writer.varint(group_.v);
  writer.svarint(time_.v);
  writer.varint(feature_level_);
  writer.varint(runs_.size());
  std::string part;
  for (const auto& [index, run] : runs_) {
    writer.varint(index.v);
    part.clear();
    encode_run(*run, &part);
    writer.str(part);
  }
  part.clear();
  dedupe_.encode(&part);
  writer.str(part);
  part.clear();
  channels_.encode(&part);
  writer.str(part);
}

bool Tables::decode(std::string_view bytes, Tables* out) {
  ByteReader in(bytes);
  if (in.u8() != kFormat || in.varint() != out->group_.v) return false;
  Tables tables(out->group_);
  tables.time_ = TimeMs(in.svarint());
  tables.feature_level_ = static_cast<std::uint16_t>(in.varint());
  const std::uint64_t count = in.varint();
  TableIndexes indexes{tables.timers_, tables.queues_, tables.open_by_version_,
                       tables.runs_with_incidents_};
  Index last;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const Index index(in.varint());
    auto run = std::make_shared<Run>();
    if (index <= last || !decode_run(in.str(), run.get())) return false;
    if (run->uid() != RunUid{out->group_, index} || run->updated_at > tables.time_) return false;
    last = index;
    tables.by_id_[run->id()] = index;
    Applied ignored;
    reindex(index, nullptr, run.get(), &indexes, &ignored);
    tables.runs_.emplace_hint(tables.runs_.end(), index, std::move(run));
  }
  if (!tables.dedupe_.decode(in.str())) return false;
  if (!tables.channels_.decode(in.str()) || !in.done()) return false;
  *out = std::move(tables);
  return true;
}

}  // namespace pawl::engine
