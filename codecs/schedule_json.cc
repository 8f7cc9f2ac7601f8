#include "codecs/schedule_json.h"

#include <algorithm>

#include "codecs/json.h"
#include "codecs/namespace_json.h"
#include "dsl/expression.h"
#include "dsl/time_text.h"
#include "engine/decide_schedule.h"
#include "engine/namespace.h"

namespace pawl::codecs {
namespace {

constexpr int kNextShown = 5;
constexpr std::size_t kWaitingShown = 10;

void write_time(JsonWriter& w, std::string_view name, TimeMs time) {
  w.plain_key(name).time_ms(time.v);
}

// In seconds: "900s", "1.5s".
std::string duration_text(std::int64_t ms) {
  return dsl::to_string(dsl::duration_of_nanos(ms * 1'000'000));
}

void write_times(JsonWriter& w, const dsl::Schedule& schedule) {
  if (schedule.cron) {
    w.field("cron", schedule.cron_text).field("tz", schedule.zone);
  } else {
    w.field("every", duration_text(schedule.every_ms));
  }
  if (schedule.jitter_ms > 0) w.field("jitter", duration_text(schedule.jitter_ms));
  w.field("overlap", dsl::enum_name(schedule.overlap));
  w.field("missed", dsl::enum_name(schedule.missed));
  w.field("enabled", schedule.enabled);
}

void write_outcome(JsonWriter& w, const engine::FiringOutcome& outcome) {
  w.begin_object();
  write_time(w, "at", outcome.at);
  if (outcome.count > 1) {
    write_time(w, "through", outcome.through);
    w.field("count", outcome.count);
  }
  w.field("outcome", engine::enum_name(outcome.end));
  if (!outcome.run_id.empty()) w.field("run", engine::plain_name(outcome.run_id));
  if (!outcome.detail.empty()) w.field("detail", outcome.detail);
  write_time(w, "decided_at", outcome.decided_at);
  w.end_object();
}

JsonWriter& write_typed(JsonWriter& w, std::string_view type, std::string_view name) {
  w.field("type", type);
  write_name(w, "name", name);
  return w;
}

struct EventWriter {
  JsonWriter& w;

  void operator()(const engine::ScheduleSet& e) const {
    w.field("type", "schedule.set");
    write_name(w, "name", engine::schedule_name(e.workflow, e.schedule));
    w.field("times", to_hex(e.times));
  }
  void operator()(const engine::ScheduleGone& e) const { write_typed(w, "schedule.gone", e.name); }
  void operator()(const engine::SchedulePaused& e) const {
    write_typed(w, "schedule.paused", e.name).field("reason", e.reason);
  }
  void operator()(const engine::ScheduleResumed& e) const {
    write_typed(w, "schedule.resumed", e.name).field("reason", e.reason);
  }
  void operator()(const engine::ScheduleDecided& e) const {
    write_typed(w, "schedule.decided", e.name);
    write_time(w, "until", e.until);
    w.plain_key("removed").begin_array();
    for (const TimeMs at : e.removed) w.time_ms(at.v);
    w.end_array().plain_key("added").begin_array();
    for (const engine::WaitingFiring& firing : e.added) {
      w.begin_object();
      write_time(w, "at", firing.at);
      w.field("asked", firing.asked).end_object();
    }
    w.end_array();
    if (e.fired) {
      w.plain_key("fired").begin_object();
      write_time(w, "at", e.fired->at);
      w.field("version", std::uint64_t{e.fired->version})
          .field("run", engine::plain_name(e.fired->run_id));
      dsl::Value input;
      if (dsl::Value::decode(e.fired->input, &input)) w.field("input", input);
      w.end_object();
    }
    w.plain_key("ended").begin_array();
    for (const engine::FiringOutcome& outcome : e.ended) write_outcome(w, outcome);
    w.end_array();
  }
  void operator()(const engine::ScheduleAnswered& e) const {
    write_typed(w, "schedule.answered", e.name).plain_key("outcome");
    write_outcome(w, e.outcome);
  }
};

void write_state(JsonWriter& w, const engine::ScheduleState& state) {
  w.field("paused", state.pause.has_value());
  if (state.pause) {
    w.plain_key("pause").begin_object().field("reason", state.pause->reason);
    write_time(w, "since", state.pause->since);
    w.end_object();
  }
  write_time(w, "since", state.since);
  if (state.last_at) write_time(w, "last_at", *state.last_at);
  w.field("waiting", std::uint64_t{state.waiting.size()});
  if (!state.waiting.empty()) {
    w.plain_key("waiting_for").begin_array();
    for (std::size_t i = 0; i < std::min(kWaitingShown, state.waiting.size()); ++i) {
      w.time_ms(state.waiting[i].at.v);
    }
    w.end_array();
  }
  w.plain_key("starting").begin_array();
  for (const engine::Firing& firing : state.starting) {
    w.begin_object();
    write_time(w, "at", firing.at);
    w.field("run", engine::plain_name(firing.run_id)).end_object();
  }
  w.end_array();
  w.field("started", state.started).field("refused", state.refused);
  w.field("skipped", state.skipped);
  w.plain_key("recent").begin_array();
  for (auto it = state.recent.rbegin(); it != state.recent.rend(); ++it) write_outcome(w, *it);
  w.end_array();
}

}  // namespace

void write_schedule_event(JsonWriter& w, const engine::ScheduleEvent& event) {
  std::visit(EventWriter{w}, event);
}

void append_schedule_change(std::string_view name, bool changed, std::int64_t firings,
                            std::string* out) {
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "schedule", name);
  w.field("changed", changed);
  if (firings > 0) w.field("firings", firings);
  w.end_object();
}

void append_schedule(const dsl::Definition& definition, std::uint32_t version,
                     const dsl::Schedule& schedule, const engine::ScheduleState& state,
                     std::string* out) {
  const std::string name = engine::schedule_name(state.workflow, schedule.name);
  JsonWriter w(out);
  w.begin_object();
  write_name(w, "name", name);
  w.field("workflow", definition.name);
  w.field("version", std::uint64_t{version});
  write_times(w, schedule);
  const bool fires = schedule.enabled && !state.pause;
  w.plain_key("next").begin_array();
  TimeMs after = state.until;
  for (int i = 0; fires && i < kNextShown; ++i) {
    const std::optional<TimeMs> next = engine::next_firing(schedule, after);
    if (!next) break;
    w.time_ms(engine::due_at(schedule, name, *next).v);
    after = *next;
  }
  w.end_array();
  write_state(w, state);
  w.end_object();
}

}  // namespace pawl::codecs
