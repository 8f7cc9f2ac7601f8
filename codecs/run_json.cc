#include "codecs/run_json.h"

#include <algorithm>

#include "base/check.h"
#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "codecs/problem.h"
#include "engine/namespace.h"
#include "engine/waiting.h"

namespace pawl::codecs {
void write_payload(JsonWriter& w, const engine::Payload& payload) {
  if (payload.cold) {
    w.begin_object().field("cold", true).field("length", payload.length).end_object();
  } else if (payload.scrubbed) {
    w.begin_object().field("scrubbed", to_hex(*payload.digest)).end_object();
  } else {
    w.value(payload.value);
  }
}

namespace {

void write_error(JsonWriter& w, const engine::ErrorRecord& error) {
  w.begin_object().field("type", error.type);
  if (error.detail.scrubbed) {
    w.plain_key("detail");
    write_payload(w, error.detail);
  } else {
    w.field("message", error.message());
    const dsl::Value data = error.data();
    if (!data.is_null()) w.field("data", data);
  }
  w.end_object();
}

void write_time(JsonWriter& w, std::string_view name, TimeMs time) {
  w.plain_key(name).time_ms(time.v);
}

void write_timers(JsonWriter& w, const std::vector<engine::WaitingTimer>& timers) {
  w.plain_key("timers").begin_array();
  for (const auto& timer : timers) {
    w.begin_object().field("name", timer.name);
    if (!timer.path.empty()) w.field("path", timer.path);
    write_time(w, "fire_at", timer.fire_at);
    w.end_object();
  }
  w.end_array();
}

void write_waiting_tasks(JsonWriter& w, const std::vector<engine::WaitingTask>& tasks) {
  w.plain_key("tasks").begin_array();
  for (const auto& task : tasks) {
    w.begin_object().field("step", std::uint64_t{task.step.v}).field("path", task.path);
    if (!task.handler.empty()) w.field("handler", task.handler);
    w.field("type", task.type).field("queue", engine::plain_name(task.queue));
    w.field("status", engine::to_string(task.status));
    w.field("attempt", std::uint64_t{task.attempt});
    if (!task.worker.empty()) w.field("worker", task.worker);
    if (task.retry_at) write_time(w, "retry_at", *task.retry_at);
    if (!task.limit.empty()) w.field("limit", engine::plain_name(task.limit));
    if (!task.limit_key.empty()) w.field("limit_key", task.limit_key);
    w.end_object();
  }
  w.end_array();
}

void write_children(JsonWriter& w, const std::vector<engine::WaitingCall>& children) {
  if (children.empty()) return;
  w.plain_key("children").begin_array();
  for (const auto& child : children) {
    w.begin_object().field("path", child.path).field("run", engine::plain_name(child.run));
    if (!child.workflow.empty()) w.field("workflow", engine::plain_name(child.workflow));
    if (!child.signal.empty()) w.field("signal", child.signal);
    if (!child.uid.empty()) w.field("uid", child.uid);
    w.end_object();
  }
  w.end_array();
}

void write_waiting(JsonWriter& w, const engine::Run& run, const dsl::Definition* definition) {
  w.plain_key("waiting_for").begin_object();
  if (definition != nullptr) {
    const engine::WaitingFor waiting = engine::waiting_for(run, *definition);
    w.plain_key("signals").begin_array();
    for (const std::string& signal : waiting.signals) w.string(signal);
    w.end_array();
    write_timers(w, waiting.timers);
    write_waiting_tasks(w, waiting.tasks);
    write_children(w, waiting.children);
  }
  w.end_object();
}

void write_incident(JsonWriter& w, const engine::Run& run, const engine::Incident& incident) {
  w.field("id", std::uint64_t{incident.id.v});
  w.field("path", incident.frame == 0 ? incident.state : run.path_of(incident.frame));
  w.plain_key("error");
  write_error(w, incident.error);
  write_time(w, "since", incident.since);
}

void write_incidents(JsonWriter& w, const engine::Run& run) {
  w.plain_key("incidents").begin_array();
  for (const auto& incident : run.incidents) {
    w.begin_object();
    write_incident(w, run, *incident);
    w.end_object();
  }
  w.end_array();
}

void write_data(JsonWriter& w, const engine::Run& run, const EnvelopeFields& fields) {
  if (fields.input) {
    w.plain_key("input");
    write_payload(w, run.identity->input);
  }
  if (fields.vars) {
    w.plain_key("vars").begin_object();
    if (!run.frames.empty()) {
      for (const engine::Variable& variable : run.frames[0].vars.get()) {
        w.key(variable.name);
        write_payload(w, variable.value);
      }
    }
    w.end_object();
  }
  if (!run.closed()) return;
  const bool deleted = run.status == engine::RunStatus::data_deleted && run.output->length > 0;
  if (fields.output && (run.status == engine::RunStatus::completed || deleted)) {
    w.plain_key("output");
    write_payload(w, run.output.get());
  }
  if (run.error->has_value()) {
    w.plain_key("error");
    write_error(w, **run.error);
  }
  if (!run.closed_reason.empty()) w.field("reason", run.closed_reason);
}

void write_boxes(JsonWriter& w, const std::vector<BoxScrubbed>& boxes) {
  w.plain_key("boxes").begin_array();
  for (const BoxScrubbed& box : boxes) {
    w.begin_object().field("id", box.box.v).field("scrubbed", box.scrubbed).end_object();
  }
  w.end_array();
}

}  // namespace

void append_envelope(const engine::Run& run, const dsl::Definition* definition, std::string* out,
                     const EnvelopeFields& fields) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "id", run.id());
  w.field("uid", to_string(run.uid()));
  w.field("workflow", engine::plain_name(run.workflow()))
      .field("version", std::uint64_t{run.version()});
  w.field("generation", std::uint64_t{run.generation});
  w.field("status", engine::to_string(run.status));
  w.field("state", run.state());
  w.plain_key("states").begin_array();
  for (const std::string& path : run.states()) w.string(path);
  w.end_array();
  write_data(w, run, fields);
  w.field("seq", run.seq.v).field("hash", to_hex(run.hash));
  write_time(w, "started_at", run.started_at);
  write_time(w, "updated_at", run.updated_at);
  if (run.start_at) write_time(w, "start_at", *run.start_at);
  if (run.closed_at) write_time(w, "closed_at", *run.closed_at);
  if (fields.waiting_for) write_waiting(w, run, definition);
  write_incidents(w, run);
  if (const auto& caller = run.tree->caller) {
    w.plain_key("parent").begin_object().field("id", engine::plain_name(caller->run));
    w.field("uid", to_string(caller->uid)).end_object();
  }
  w.plain_key("tags").begin_object();
  for (const engine::Tag& tag : run.identity->tags) w.key(tag.name).string(tag.value);
  w.end_object();
  w.end_object();
}

bool all_scrubbed(const std::vector<BoxScrubbed>& boxes) {
  return std::all_of(boxes.begin(), boxes.end(), [](const auto& box) { return box.scrubbed; });
}

void append_data_deleted(const engine::Run& run, const std::vector<BoxScrubbed>& boxes,
                         std::string* out) {
  const bool all = all_scrubbed(boxes);
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "id", run.id());
  w.field("uid", to_string(run.uid()));
  w.field("status", engine::to_string(run.status));
  w.field("seq", run.seq.v).field("hash", to_hex(run.hash)).field("bytes_on_disk", !all);
  write_boxes(w, boxes);
  w.field("detail", all ? "no box shows the run's data any more, or has it on its disk"
                        : "no answer shows the run's data any more; journal segments and snapshots "
                          "that were written before hold its bytes until each box has rewritten "
                          "them, which every one of them begins by itself");
  w.end_object();
}

void append_scrubbed(const std::vector<BoxScrubbed>& boxes, std::string* out) {
  PAWL_CHECK(out->ends_with('}'));
  std::string members;
  JsonWriter w(&members);
  w.begin_object();
  write_boxes(w, boxes);
  w.end_object();
  out->back() = ',';
  out->append(members, 1);
}

std::string run_location(std::string_view id) {
  const std::string_view name_space = engine::namespace_of(id);
  std::string location = "/v1/runs/";
  if (name_space != engine::kDefaultNamespace) {
    location = "/v1/ns/" + std::string(name_space) + "/runs/";
  }
  for (const char c : engine::plain_name(id)) {
    if (c == '/') {
      location += "%2F";
    } else {
      location.push_back(c);
    }
  }
  return location;
}

std::string id_taken_problem(const engine::Run& existing) {
  const bool closed = existing.closed();
  return problem_json(
      409, "run-id-taken", "The id is that of another run",
      closed
          ? "the workflow's [id] reuse does not allow the id of a closed run again: use another id"
          : "a run of this id is open, and the workflow's [id] conflict is \"fail\": use another "
            "id, or look at the run",
      [&](JsonWriter& w) {
        w.plain_key("run").begin_object();
        write_name(w, "id", existing.id());
        w.field("uid", to_string(existing.uid()));
        w.field("workflow", engine::plain_name(existing.workflow()));
        w.field("status", engine::to_string(existing.status));
        w.end_object();
      });
}

void append_incident(const engine::Run& run, const engine::Incident& incident, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "run", run.id());
  w.field("uid", to_string(run.uid())).field("workflow", engine::plain_name(run.workflow()));
  write_incident(w, run, incident);
  w.end_object();
}

void append_tasks(const std::vector<HandedOut>& tasks, std::string* out) {
  JsonWriter w(out);
  w.begin_object().plain_key("tasks").begin_array();
  for (const HandedOut& task : tasks) {
    const engine::Step& step = *task.step;
    w.begin_object();
    w.field("token", task.token);
    write_name(w, "run", task.run->id());
    w.field("type", step.type).field("queue", engine::plain_name(step.queue));
    w.plain_key("input");
    write_payload(w, step.input);
    w.field("attempt", std::uint64_t{step.attempts_used()});
    // Hand-outs of one step are numbered and never go back: a worker of an older one can be told
    // off.
    w.field("fence", std::uint64_t{step.attempt});
    w.field("idempotency_key", step.key);
    write_time(w, "lease_until", task.lease_until);
    if (step.attempt_ms) write_time(w, "deadline", TimeMs(step.started_at.v + *step.attempt_ms));
    w.plain_key("progress");
    write_payload(w, step.progress);
    w.end_object();
  }
  w.end_array().end_object();
}

void append_open_task(const engine::Run& run, const engine::Step& step, std::string_view token,
                      std::optional<TimeMs> lease_until, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "run", run.id());
  w.field("uid", to_string(run.uid()));
  w.field("step", std::uint64_t{step.id.v}).field("state", step.state);
  if (!step.handler.empty()) w.field("handler", step.handler);
  w.field("type", step.type).field("queue", engine::plain_name(step.queue));
  w.field("status", engine::to_string(step.status));
  w.field("attempt", std::uint64_t{step.attempts_used()});
  w.field("idempotency_key", step.key);
  write_time(w, "scheduled_at", step.scheduled_at);
  if (!step.worker.empty()) w.field("worker", step.worker);
  if (!token.empty()) w.field("token", token);
  if (lease_until) write_time(w, "lease_until", *lease_until);
  w.end_object();
}

void append_lease(TimeMs until, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_time(w, "lease_until", until);
  w.end_object();
}

void append_report_answers(const std::vector<ReportAnswer>& items, std::string* out) {
  JsonWriter w(out);
  w.begin_object().plain_key("items").begin_array();
  for (const ReportAnswer& item : items) {
    w.begin_object().field("token", item.token).field("status", std::uint64_t{item.status});
    if (!item.problem.empty()) w.plain_key("problem").raw(item.problem);
    w.end_object();
  }
  w.end_array().end_object();
}

void append_diagnostic(const dsl::Diagnostic& diagnostic, std::string_view file, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  w.field("severity", diagnostic.severity == dsl::Severity::error ? "error" : "warning");
  if (!file.empty()) w.field("file", file);
  w.field("line", diagnostic.line).field("column", diagnostic.column);
  w.field("length", diagnostic.length);
  // What is marked ends on its line; as in editors, the end is behind the last character.
  w.field("end_line", diagnostic.line);
  w.field("end_column", diagnostic.line > 0 ? diagnostic.column + diagnostic.length : 0);
  w.field("message", diagnostic.message);
  if (!diagnostic.hint.empty()) w.field("hint", diagnostic.hint);
  if (!diagnostic.line_text.empty()) w.field("line_text", diagnostic.line_text);
  w.end_object();
}

void append_deployed(std::string_view name, std::uint32_t version, const Digest& hash,
                     const std::vector<dsl::Diagnostic>& diagnostics, bool default_changed,
                     std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "name", name);
  w.field("version", std::uint64_t{version}).field("hash", to_hex(hash));
  w.plain_key("warnings").begin_array();
  for (const dsl::Diagnostic& diagnostic : diagnostics) {
    std::string item;
    append_diagnostic(diagnostic, {}, &item);
    w.raw(item);
  }
  w.end_array();
  w.field("default_changed", default_changed).end_object();
}

void append_default(std::string_view name, std::uint32_t version, bool changed, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "name", name);
  w.field("version", std::uint64_t{version});
  w.field("default_changed", changed).end_object();
}

void append_queue_pause(std::string_view queue, bool paused, bool changed, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "queue", queue);
  w.field("paused", paused);
  w.field("changed", changed).end_object();
}

void append_accepted_time(TimeMs time, bool changed, std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_time(w, "time", time);
  w.field("changed", changed).end_object();
}

void append_box_change(NodeId box, bool changed, std::string* out) {
  JsonWriter w(out);
  w.begin_object().field("box", box.v).field("changed", changed).end_object();
}

}  // namespace pawl::codecs
