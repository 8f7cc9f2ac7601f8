// Batches as bytes. In the catalog: a kind (20 begun, 21 part done, 22 stopped), then the fields in
// order. In an entry of a group of runs: steps one after the other. In a snapshot: what is
// forgotten, then the rows by batch. Numbers are varints, texts and lists have their count before
// them, what may be absent a byte.
#include <limits>

#include "base/limits_batches.h"
#include "engine/batch_rows.h"

namespace pawl::engine {
namespace {

using Tags = std::vector<std::pair<std::string, std::string>>;

template <class T>
T number(ByteReader* in) {
  const std::uint64_t x = in->varint();
  if (x > std::numeric_limits<T>::max()) in->fail();
  return static_cast<T>(x);
}
std::string text(ByteReader* in) { return std::string(in->str()); }
bool flag(ByteReader* in) {
  const std::uint8_t x = in->u8();
  if (x > 1) in->fail();
  return x == 1;
}

void put_actor(ByteWriter* w, const Actor& actor) {
  w->varint(actor.box.v);
  w->varint(actor.uid);
  w->varint(actor.gids.size());
  for (const std::uint32_t gid : actor.gids) w->varint(gid);
}
Actor get_actor(ByteReader* in) {
  Actor actor;
  actor.box = NodeId(in->varint());
  actor.uid = number<std::uint32_t>(in);
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    actor.gids.push_back(number<std::uint32_t>(in));
  }
  return actor;
}

void put_text(ByteWriter* w, const std::optional<std::string>& x) {
  w->u8(x ? 1 : 0);
  if (x) w->str(*x);
}
std::optional<std::string> get_text(ByteReader* in) {
  return flag(in) ? std::optional(text(in)) : std::nullopt;
}
void put_time(ByteWriter* w, const std::optional<TimeMs>& x) {
  w->u8(x ? 1 : 0);
  if (x) w->svarint(x->v);
}
std::optional<TimeMs> get_time(ByteReader* in) {
  return flag(in) ? std::optional(TimeMs(in->svarint())) : std::nullopt;
}

void put_filter(ByteWriter* w, const RunFilter& filter) {
  for (const auto* x : {&filter.workflow, &filter.status, &filter.state, &filter.id_prefix}) {
    put_text(w, *x);
  }
  for (const auto* x : {&filter.started_after, &filter.started_before, &filter.closed_after,
                        &filter.closed_before}) {
    put_time(w, *x);
  }
  w->varint(filter.tags.size());
  for (const auto& [name, value] : filter.tags) {
    w->str(name);
    w->str(value);
  }
}
RunFilter get_filter(ByteReader* in) {
  RunFilter filter;
  for (auto* x : {&filter.workflow, &filter.status, &filter.state, &filter.id_prefix}) {
    *x = get_text(in);
  }
  for (auto* x : {&filter.started_after, &filter.started_before, &filter.closed_after,
                  &filter.closed_before}) {
    *x = get_time(in);
  }
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    std::string name = text(in);
    filter.tags.emplace_back(std::move(name), text(in));
  }
  return filter;
}

void put_spec(ByteWriter* w, const BatchSpec& spec) {
  put_filter(w, spec.filter);
  w->u8(static_cast<std::uint8_t>(spec.verb));
  for (const auto* x : {&spec.signal, &spec.from, &spec.to, &spec.args, &spec.reason}) w->str(*x);
  w->varint(spec.rate);
}
BatchSpec get_spec(ByteReader* in) {
  BatchSpec spec;
  spec.filter = get_filter(in);
  const std::uint8_t verb = in->u8();
  if (verb > static_cast<std::uint8_t>(kLastBatchVerb)) in->fail();
  spec.verb = static_cast<BatchVerb>(verb);
  for (auto* x : {&spec.signal, &spec.from, &spec.to, &spec.args, &spec.reason}) *x = text(in);
  spec.rate = number<std::uint32_t>(in);
  return spec;
}

void put_event(ByteWriter* w, const BatchBegun& e) {
  w->varint(20);
  w->varint(e.batch.v);
  put_spec(w, e.spec);
  w->varint(e.through.size());
  for (const Index index : e.through) w->varint(index.v);
  w->varint(e.matching);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}
void put_event(ByteWriter* w, const BatchPartDone& e) {
  w->varint(21);
  w->varint(e.batch.v);
  w->varint(e.group.v);
  put(w, e.counts);
  w->svarint(e.at.v);
}
void put_event(ByteWriter* w, const BatchStopped& e) {
  w->varint(22);
  w->varint(e.batch.v);
  w->str(e.reason);
  w->svarint(e.at.v);
  put_actor(w, e.actor);
}

BatchBegun get_begun(ByteReader* in) {
  BatchBegun e;
  e.batch = BatchId(in->varint());
  e.spec = get_spec(in);
  for (std::uint64_t n = in->varint(); n > 0 && in->ok(); --n) {
    e.through.emplace_back(in->varint());
  }
  e.matching = in->varint();
  e.at = TimeMs(in->svarint());
  e.actor = get_actor(in);
  return e;
}

}  // namespace

void put(ByteWriter* w, const BatchCounts& counts) {
  w->varint(counts.changed);
  w->varint(counts.unchanged);
  w->varint(counts.refused);
  w->varint(counts.refusals.size());
  for (const BatchRefusal& refusal : counts.refusals) {
    w->varint(refusal.uid.group.v);
    w->varint(refusal.uid.index.v);
    for (const auto* x : {&refusal.run, &refusal.type, &refusal.detail}) w->str(*x);
  }
}

BatchCounts get_batch_counts(ByteReader* in) {
  BatchCounts counts;
  counts.changed = in->varint();
  counts.unchanged = in->varint();
  counts.refused = in->varint();
  const std::uint64_t n = in->varint();
  if (n > limits::kBatchRefusalsKept || n > counts.refused) in->fail();
  for (std::uint64_t i = 0; i < n && in->ok(); ++i) {
    BatchRefusal& refusal = counts.refusals.emplace_back();
    refusal.uid.group = GroupId(number<std::uint16_t>(in));
    refusal.uid.index = Index(in->varint());
    for (auto* x : {&refusal.run, &refusal.type, &refusal.detail}) *x = text(in);
  }
  return counts;
}

void put(ByteWriter* w, const BatchEvent& event) {
  std::visit([w](const auto& e) { put_event(w, e); }, event);
}

BatchEvent get_batch_event(std::uint64_t kind, ByteReader* in) {
  if (kind == 20) return get_begun(in);
  if (kind == 21) {
    BatchPartDone e;
    e.batch = BatchId(in->varint());
    e.group = GroupId(number<std::uint16_t>(in));
    e.counts = get_batch_counts(in);
    e.at = TimeMs(in->svarint());
    return e;
  }
  if (kind != 22) in->fail();
  BatchStopped e;
  e.batch = BatchId(in->varint());
  e.reason = text(in);
  e.at = TimeMs(in->svarint());
  e.actor = get_actor(in);
  return e;
}

// By number, each with its parts: at no time are more open than are in the end.
void BatchBook::put_all(ByteWriter* w) const {
  for (const auto& [id, batch] : batches_) {
    put_event(w, batch.begun);
    const bool last_ends = batch.over_at.has_value() && batch.stopped.has_value();
    std::size_t left = batch.parts.size();
    for (const auto& [group, counts] : batch.parts) {
      // The first part that is done after a stop is the last one. When earlier ones were nobody
      // keeps.
      const bool last = --left == 0;
      if (last_ends && last) put_event(w, *batch.stopped);
      const TimeMs at = last ? batch.over_at.value_or(TimeMs(0)) : TimeMs(0);
      put_event(w, BatchPartDone{id, group, counts, at});
    }
    if (batch.stopped && !last_ends) put_event(w, *batch.stopped);
  }
}

// --- in the groups of runs ---

void encode_batch_steps(const std::vector<BatchStep>& steps, std::string* out) {
  ByteWriter w(out);
  for (const BatchStep& step : steps) {
    w.varint(step.batch.v);
    w.u8(static_cast<std::uint8_t>(step.what));
    w.varint(step.through.v);
    put(&w, step.counts);
  }
}

bool decode_batch_steps(std::string_view bytes, std::vector<BatchStep>* steps) {
  ByteReader in(bytes);
  while (in.ok() && !in.at_end()) {
    BatchStep& step = steps->emplace_back();
    step.batch = BatchId(in.varint());
    const std::uint8_t what = in.u8();
    if (what > static_cast<std::uint8_t>(BatchStep::What::forget)) return false;
    step.what = static_cast<BatchStep::What>(what);
    step.through = Index(in.varint());
    step.counts = get_batch_counts(&in);
  }
  return in.done();
}

void BatchRows::encode(std::string* out) const {
  ByteWriter w(out);
  w.varint(forgotten_.v);
  for (const auto& [id, row] : rows_) {
    w.varint(id.v);
    w.varint(row.through.v);
    w.u8(row.done ? 1 : 0);
    put(&w, row.counts);
  }
}

bool BatchRows::decode(std::string_view bytes) {
  ByteReader in(bytes);
  BatchRows decoded;
  decoded.forgotten_ = BatchId(in.varint());
  BatchId before = decoded.forgotten_;
  while (in.ok() && !in.at_end()) {
    const BatchId id(in.varint());
    if (id <= before) return false;
    before = id;
    BatchRow& row = decoded.rows_[id];
    row.through = Index(in.varint());
    row.done = flag(&in);
    row.counts = get_batch_counts(&in);
  }
  if (!in.done() || decoded.empty()) return false;
  *this = std::move(decoded);
  return true;
}

}  // namespace pawl::engine
