// A group's tables as the bytes of a snapshot (snapshot_records.h). The indexes are not stored:
// they are rebuilt.
#include <limits>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/frozen_tables.h"
#include "engine/run_glance.h"
#include "engine/snapshot_records.h"
#include "engine/table_index.h"
#include "engine/table_thaw.h"
#include "engine/tables.h"

namespace pawl::engine {
namespace {

constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max() / 2;

// What a run of before format 4 lacks at its end: no checkpoint, no bytes, no entry, no generation.
constexpr std::string_view kWithoutGenerations("\0\0\0\0", 4);

}  // namespace

void Unfreeze::operator()(FrozenTables* frozen) const {
  tables->frozen_ = nullptr;
  tables->dedupe_.set_frozen(nullptr);
  delete frozen;
}

std::unique_ptr<FrozenTables, Unfreeze> Tables::freeze() {
  PAWL_CHECK(frozen_ == nullptr);
  std::unique_ptr<FrozenTables, Unfreeze> frozen(new FrozenTables(*this), Unfreeze{this});
  frozen_ = frozen.get();
  dedupe_.set_frozen(frozen->dedupe());
  return frozen;
}

void Tables::encode(std::string* out) const {
  FrozenTables all(*this);
  for (bool more = true; more;) {
    FrozenSlice slice;
    more = all.next(kUnbounded, kUnbounded, &slice);
    encode_slice(&slice, kUnbounded, out);
  }
  all.end(out);
}

bool Tables::decode(std::string_view bytes, Tables* out) {
  const std::optional<std::uint8_t> format = snapshot_format(bytes);
  if (!format) return false;
  RecordSplitter records;
  records.feed(bytes.substr(snapshot_prologue().size()));
  TableThaw thaw(out->group_, /*verified=*/false);
  thaw.set_format(*format);
  std::uint8_t kind = 0;
  std::string_view body;
  while (records.next(&kind, &body)) {
    if (!thaw.take(kind, body)) return false;
  }
  if (!thaw.done() || records.left() > 0) return false;
  *out = std::move(thaw).tables();
  return true;
}

bool Tables::restore_run(Index index, std::string_view bytes, bool verified) {
  RunGlance glance;
  if (index <= runs_.last() || !glance_at(bytes, &glance)) return false;
  if (glance.uid != RunUid{group_, index} || glance.updated_at > time_) return false;
  if (glance.closed() && !glance.closed_at) return false;
  TableIndexes indexes = this->indexes();
  if (verified && !glance.has_steps && !glance.has_incidents && !glance.has_tree) {
    runs_.append_packed(index, glance, bytes);
    index_glance(index, glance, &indexes);
  } else {
    auto run = std::make_shared<Run>();
    if (!decode_run(bytes, run.get())) return false;
    Applied ignored;
    reindex(index, nullptr, run.get(), &indexes, &ignored);
    runs_.set(index, std::move(run), time_);
  }
  link_id(glance.id, index);
  return true;
}

bool Tables::restore_run_of_before(Index index, std::string_view bytes, bool verified) {
  std::string whole(bytes);
  whole += kWithoutGenerations;
  return restore_run(index, whole, verified);
}

// Grammar: u8 2, varint group, zigzag time, varint feature level, varint count, then each run by
// its index: varint index, length-prefixed run; length-prefixed dedupe, length-prefixed channels.
bool Tables::decode_format_2(std::string_view bytes, Tables* out) {
  ByteReader in(bytes);
  if (in.u8() != 2 || in.varint() != out->group_.v) return false;
  Tables tables(out->group_);
  tables.time_ = TimeMs(in.svarint());
  tables.feature_level_ = static_cast<std::uint16_t>(in.varint());
  for (std::uint64_t n = in.varint(); n > 0; --n) {
    const Index index(in.varint());
    if (!tables.restore_run_of_before(index, in.str(), /*verified=*/false)) return false;
  }
  if (!tables.dedupe_.decode_format_2(in.str())) return false;
  if (!tables.channels_.decode(in.str()) || !in.done()) return false;
  *out = std::move(tables);
  return true;
}

}  // namespace pawl::engine
