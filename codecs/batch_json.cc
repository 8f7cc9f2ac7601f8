#include "codecs/batch_json.h"

#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "engine/namespace.h"

namespace pawl::codecs {
namespace {

using engine::BatchVerb;

void write_actor(JsonWriter& w, const engine::Actor& actor) {
  w.plain_key("actor").begin_object().field("box", actor.box.v);
  w.field("uid", std::uint64_t{actor.uid}).plain_key("gids").begin_array();
  for (const std::uint32_t gid : actor.gids) w.uint64(gid);
  w.end_array().end_object();
}

void write_time(JsonWriter& w, std::string_view name, const std::optional<TimeMs>& at) {
  if (at) w.plain_key(name).time_ms(at->v);
}

// What the verb takes.
void write_args(JsonWriter& w, const engine::BatchSpec& spec) {
  dsl::Value given;
  if (!spec.args.empty() && !dsl::Value::decode(spec.args, &given)) given = {};
  w.plain_key("args").begin_object();
  if (spec.verb == BatchVerb::signal) {
    w.field("signal", spec.signal);
    if (!spec.args.empty()) w.field("payload", given);
  } else if (spec.verb == BatchVerb::move) {
    w.field("from", spec.from).field("to", spec.to);
    if (!spec.args.empty()) w.field("vars", given);
  }
  w.end_object();
}

void write_counts(JsonWriter& w, const engine::BatchCounts& counts) {
  w.field("changed", counts.changed).field("unchanged", counts.unchanged);
  w.field("refused", counts.refused).plain_key("refusals").begin_array();
  for (const engine::BatchRefusal& refusal : counts.refusals) {
    w.begin_object()
        .field("run", engine::plain_name(refusal.run))
        .field("uid", to_string(refusal.uid));
    w.field("type", refusal.type).field("detail", refusal.detail).end_object();
  }
  w.end_array();
}

void write_spec(JsonWriter& w, const engine::BatchSpec& spec) {
  w.field("verb", engine::to_string(spec.verb));
  write_args(w, spec);
  w.plain_key("filter");
  write_filter(w, spec.filter);
  w.field("reason", spec.reason).field("rate", std::uint64_t{spec.rate});
}

const char* status_of(const engine::Batch& batch) {
  if (batch.over_at) return batch.stopped ? "stopped" : "done";
  return batch.stopped ? "stopping" : "running";
}

struct EventWriter {
  JsonWriter& w;
  void operator()(const engine::BatchBegun& e) const {
    w.field("type", "batch.begun").field("batch", e.batch.v);
    write_namespace(w, e.spec.filter.name_space());
    write_spec(w, e.spec);
    w.plain_key("through").begin_array();
    for (const Index index : e.through) w.uint64(index.v);
    w.end_array().field("matching", e.matching).plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
  void operator()(const engine::BatchPartDone& e) const {
    w.field("type", "batch.part_done").field("batch", e.batch.v);
    w.field("group", std::uint64_t{e.group.v});
    write_counts(w, e.counts);
    w.plain_key("at").time_ms(e.at.v);
  }
  void operator()(const engine::BatchStopped& e) const {
    w.field("type", "batch.stopped").field("batch", e.batch.v).field("reason", e.reason);
    w.plain_key("at").time_ms(e.at.v);
    write_actor(w, e.actor);
  }
};

}  // namespace

void write_filter(JsonWriter& w, const engine::RunFilter& filter) {
  w.begin_object();
  if (filter.workflow) w.field("workflow", engine::plain_name(*filter.workflow));
  if (filter.status) w.field("status", *filter.status);
  if (filter.state) w.field("state", *filter.state);
  const std::string_view prefix =
      filter.id_prefix ? engine::plain_name(*filter.id_prefix) : std::string_view();
  if (!prefix.empty()) w.field("id_prefix", prefix);
  write_time(w, "started_after", filter.started_after);
  write_time(w, "started_before", filter.started_before);
  write_time(w, "closed_after", filter.closed_after);
  write_time(w, "closed_before", filter.closed_before);
  if (!filter.tags.empty()) {
    w.plain_key("tags").begin_object();
    for (const auto& [name, value] : filter.tags) w.key(name).string(value);
    w.end_object();
  }
  w.end_object();
}

void append_batch(const engine::Batch& batch, const engine::BatchRow* open_part, std::string* out) {
  engine::BatchCounts counts;
  for (const auto& [group, part] : batch.parts) counts.add(part);
  if (open_part != nullptr && !batch.over_at) counts.add(open_part->counts);
  JsonWriter w(out);
  w.begin_object().field("batch", batch.begun.batch.v);
  write_namespace(w, batch.begun.spec.filter.name_space());
  write_spec(w, batch.begun.spec);
  w.field("status", status_of(batch)).field("matching", batch.begun.matching);
  write_counts(w, counts);
  w.plain_key("began_at").time_ms(batch.begun.at.v);
  write_time(w, "over_at", batch.over_at);
  if (batch.stopped) {
    w.plain_key("stopped").begin_object().field("reason", batch.stopped->reason);
    w.plain_key("at").time_ms(batch.stopped->at.v).end_object();
  }
  write_actor(w, batch.begun.actor);
  w.end_object();
}

void write_batch_event(JsonWriter& w, const engine::BatchEvent& event) {
  std::visit(EventWriter{w}, event);
}

void write_batch_step(JsonWriter& w, const engine::BatchStep& step) {
  static constexpr const char* kWhat[] = {"met", "done", "forget"};
  w.begin_object().field("batch", step.batch.v);
  w.field("what", kWhat[static_cast<std::size_t>(step.what)]).field("through", step.through.v);
  write_counts(w, step.counts);
  w.end_object();
}

}  // namespace pawl::codecs
