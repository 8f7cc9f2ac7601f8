#include "engine/table_thaw.h"

#include "base/bytes.h"

namespace pawl::engine {

bool TableThaw::take(std::uint8_t kind, std::string_view body) {
  const auto record = static_cast<SnapshotRecord>(kind);
  const bool first = last_ == SnapshotRecord{};
  if (done() || first != (record == SnapshotRecord::head)) return false;
  // Everything else comes in the order of the kinds.
  if (record == SnapshotRecord::members) return true;
  if (record == SnapshotRecord::batches) {
    return tables_.batches_.empty() && tables_.batches_.decode(body);
  }
  if (record == SnapshotRecord::limits) {
    return tables_.limits_.empty() && tables_.limits_.decode(body) && !tables_.limits_.empty();
  }
  if (record < last_) return false;
  last_ = record;
  switch (record) {
    case SnapshotRecord::head:
      return take_head(body);
    case SnapshotRecord::run: {
      ByteReader in(body);
      const Index index(in.varint());
      const std::string_view run = in.raw(in.remaining());
      if (!in.ok()) return false;
      return format_ < kSnapshotFormat ? tables_.restore_run_of_before(index, run, verified_)
                                       : tables_.restore_run(index, run, verified_);
    }
    case SnapshotRecord::kept:
      return tables_.dedupe_.decode_kept(body);
    case SnapshotRecord::forwarded:
      return tables_.dedupe_.decode_forwarded(body);
    case SnapshotRecord::catalog:
      return true;
    case SnapshotRecord::end:
      return take_end(body);
    case SnapshotRecord::members:
    case SnapshotRecord::batches:
    case SnapshotRecord::limits:
      break;  // above
  }
  return false;
}

bool TableThaw::take_head(std::string_view body) {
  ByteReader in(body);
  if (in.varint() != tables_.group_.v) return false;
  tables_.time_ = TimeMs(in.svarint());
  const std::uint64_t level = in.varint();
  tables_.feature_level_ = static_cast<std::uint16_t>(level);
  if (level > UINT16_MAX || !tables_.channels_.decode(in.str())) return false;
  if (!tables_.dedupe_.decode_head(&in)) return false;
  if (in.at_end()) return true;  // no run was forgotten whose data was deleted
  tables_.forgotten_deletion_ = Index(in.varint());
  return in.done() && tables_.forgotten_deletion_.v > 0;
}

bool TableThaw::take_end(std::string_view body) {
  ByteReader in(body);
  const bool whole = in.varint() == tables_.runs_.size() &&
                     in.varint() == tables_.dedupe_.kept().size() &&
                     in.varint() == tables_.dedupe_.forwarded().size();
  return whole && in.done();
}

}  // namespace pawl::engine
