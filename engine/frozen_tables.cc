#include "engine/frozen_tables.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/snapshot_records.h"
#include "engine/tables.h"

namespace pawl::engine {
namespace {

std::string head_of(const Tables& tables) {
  std::string head, channels;
  ByteWriter writer(&head);
  writer.varint(tables.group().v);
  writer.svarint(tables.time().v);
  writer.varint(tables.feature_level());
  tables.channels().encode(&channels);
  writer.str(channels);
  tables.dedupe().encode_head(&head);
  if (tables.forgotten_deletion().v > 0) writer.varint(tables.forgotten_deletion().v);
  return head;
}

}  // namespace

bool encode_slice(FrozenSlice* slice, std::size_t bytes_max, std::string* out) {
  const std::size_t until = out->size() + bytes_max;
  out->append(slice->records);
  slice->records.clear();
  std::string body, unpacked;
  RunPacker packer;
  while (slice->runs_encoded < slice->runs.size() && out->size() < until) {
    const auto& [index, run] = slice->runs[slice->runs_encoded++];
    body.clear();
    ByteWriter(&body).varint(index.v);
    if (run.awake != nullptr) {
      encode_run(*run.awake, &body);
    } else {
      packer.unpack(run.packed, &unpacked);
      body.append(unpacked);
    }
    append_record(SnapshotRecord::run, body, out);
  }
  return slice->runs_encoded < slice->runs.size();
}

FrozenTables::FrozenTables(const Tables& tables)
    : tables_(tables),
      head_(head_of(tables)),
      runs_(tables.runs().empty() ? std::nullopt : std::optional(tables.runs().last())),
      dedupe_(tables.dedupe()) {
  if (!tables.batches().empty()) tables.batches().encode(&batches_);
  if (!tables.limits().empty()) tables.limits().encode(&limits_);
}

bool FrozenTables::next(std::size_t runs_max, std::size_t bytes_max, FrozenSlice* slice) {
  PAWL_CHECK(runs_max > 0);
  if (!head_.empty()) {
    slice->records += snapshot_prologue();
    append_record(SnapshotRecord::head, head_, &slice->records);
    head_.clear();
  }
  if (!runs_taken_) {
    slice->runs.reserve(std::min(runs_max, tables_.run_count()));
    runs_taken_ = !runs_.read(tables_.runs().as_kept(), [&](Index index, const KeptRun& run) {
      slice->runs.emplace_back(index, run);
      return slice->runs.size() < runs_max;
    });
    run_count_ += slice->runs.size();
    return true;
  }
  return dedupe_.next(tables_.dedupe(), bytes_max, &slice->records);
}

void FrozenTables::end(std::string* out) const {
  if (!batches_.empty()) append_record(SnapshotRecord::batches, batches_, out);
  if (!limits_.empty()) append_record(SnapshotRecord::limits, limits_, out);
  std::string body;
  ByteWriter writer(&body);
  writer.varint(run_count_);
  writer.varint(dedupe_.kept_count());
  writer.varint(dedupe_.forwarded_count());
  append_record(SnapshotRecord::end, body, out);
}

}  // namespace pawl::engine
