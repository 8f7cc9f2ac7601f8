#include "rehearsal/recorded_event.h"

#include <charconv>

#include "dsl/expression.h"
#include "engine/event_parts.h"

namespace pawl::rehearsal {
namespace {

std::uint64_t number_of(const dsl::Value* value) {
  if (value == nullptr) return 0;
  if (value->kind() == dsl::Kind::int64 && value->as_int() >= 0) {
    return static_cast<std::uint64_t>(value->as_int());
  }
  if (value->kind() == dsl::Kind::uint64) return value->as_uint();
  // Past 2^53 numbers are strings in JSON.
  std::uint64_t number = 0;
  if (value->kind() == dsl::Kind::string) {
    const std::string& text = value->as_string();
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number;
}

std::uint32_t small(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

// Who called a child says the event behind its start.
std::optional<engine::CalledBy> caller_of(const dsl::Value* next) {
  if (next == nullptr) return std::nullopt;
  const RecordedEvent called(*next);
  if (called.type() != "run.called") return std::nullopt;
  engine::CalledBy by;
  by.group = GroupId(static_cast<std::uint16_t>(called.number("group")));
  by.index = Index(called.number("index"));
  by.run = called.text("run");
  by.call = small(called.number("call"));
  by.depth = small(called.number("depth"));
  by.wait = called.flag("wait");
  return by;
}

engine::Start start_of(const RecordedEvent& event, const dsl::Value* next) {
  engine::Start start;
  start.id = event.text("id");
  start.version = small(event.number("version"));
  start.input = event.value("input");
  start.start_at = event.time("start_at");
  start.caller = caller_of(next);
  const dsl::Value tags = event.value("tags");
  if (tags.kind() == dsl::Kind::map) {
    for (const auto& [name, value] : tags.as_map()) {
      const bool text = name.kind() == dsl::Kind::string && value.kind() == dsl::Kind::string;
      if (text) start.tags.emplace_back(name.as_string(), value.as_string());
    }
  }
  return start;
}

// The variables of a move are set by the event behind it.
engine::Move move_of(const RecordedEvent& event, const dsl::Value* next) {
  engine::Move move;
  move.from = event.text("from");
  move.to = event.text("to");
  move.reason = event.text("reason");
  if (next == nullptr || RecordedEvent(*next).type() != "vars.set") return move;
  const dsl::Value vars = RecordedEvent(*next).value("vars");
  if (vars.kind() != dsl::Kind::map) return move;
  for (const auto& [name, value] : vars.as_map()) {
    if (name.kind() == dsl::Kind::string) move.vars.emplace_back(name.as_string(), value);
  }
  return move;
}

std::optional<engine::Command> command_of_task(const RecordedEvent& event,
                                               const std::string& type) {
  const engine::StepId step(small(event.number("step")));
  const std::uint32_t attempt = small(event.number("attempt"));
  if (type == "task.started") {
    return engine::HandOut{step, event.text("worker"), event.text("poll_key")};
  }
  if (type == "task.returned") return engine::ReturnTask{step, attempt};
  if (type == "task.completed") return engine::CompleteTask{step, attempt, event.value("result")};
  if (type == "task.progress") return engine::ProgressTask{step, attempt, event.value("details")};
  if (type == "task.failed" && event.flag("reported")) {
    return engine::FailTask{step, attempt, event.error(), std::nullopt};
  }
  if (type == "task.failed") return engine::LoseLease{step, attempt};
  if (type != "outcome.held") return std::nullopt;
  const std::string outcome = event.text("outcome");
  if (outcome == "completed") return engine::CompleteTask{step, attempt, event.value("result")};
  if (outcome == "lease_lost") return engine::LoseLease{step, attempt};
  engine::FailTask failed{step, attempt, event.error(), std::nullopt};
  if (event.has("retryable")) failed.retryable = event.flag("retryable");
  return failed;
}

std::optional<engine::Error> error_if_any(const RecordedEvent& event) {
  if (!event.has("error")) return std::nullopt;
  return event.error();
}

// What another run answered. What is held while the run is paused reads the same for calls and for
// signals: which it was is the caller's to know.
std::optional<engine::Command> command_of_call(const RecordedEvent& event,
                                               const std::string& type) {
  const std::uint32_t call = small(event.number("call"));
  if (type == "caller.told") return engine::TellCaller{};
  if (type == "signal.answered") return engine::AnswerSignal{call, error_if_any(event)};
  if (type == "call.accepted") {
    return engine::AnswerCall{call, GroupId(static_cast<std::uint16_t>(event.number("group"))),
                              Index(event.number("index")), std::nullopt};
  }
  if (type != "call.ended" && type != "call.held") return std::nullopt;
  // Without a status nothing was started.
  if (!event.has("status")) return engine::AnswerCall{call, {}, {}, error_if_any(event)};
  const std::string status = event.text("status");
  for (int i = 0; i <= static_cast<int>(enum_max(engine::RunStatus{})); ++i) {
    if (status != enum_name(static_cast<engine::RunStatus>(i))) continue;
    return engine::EndCall{call, static_cast<std::uint8_t>(i), event.value("output"),
                           error_if_any(event)};
  }
  return std::nullopt;
}

}  // namespace

std::string RecordedEvent::text(std::string_view field) const {
  const dsl::Value* x = value_.field(field);
  return x != nullptr && x->kind() == dsl::Kind::string ? x->as_string() : "";
}

std::uint64_t RecordedEvent::number(std::string_view field) const {
  return number_of(value_.field(field));
}

bool RecordedEvent::flag(std::string_view field) const {
  const dsl::Value* x = value_.field(field);
  return x != nullptr && x->kind() == dsl::Kind::boolean && x->as_bool();
}

dsl::Value RecordedEvent::value(std::string_view field) const {
  const dsl::Value* x = value_.field(field);
  return x != nullptr ? *x : dsl::Value();
}

std::optional<TimeMs> RecordedEvent::time(std::string_view field) const {
  dsl::Timestamp time;
  if (!dsl::parse_timestamp(text(field), &time)) return std::nullopt;
  return TimeMs(time.seconds * 1000 + time.nanos / 1'000'000);
}

engine::Error RecordedEvent::error() const {
  const dsl::Value record = value("error");
  const RecordedEvent fields(record);
  return {fields.text("type"), fields.text("message"), fields.value("data")};
}

engine::Actor RecordedEvent::actor() const {
  engine::Actor actor;
  const dsl::Value record = value("actor");
  const RecordedEvent fields(record);
  actor.box = NodeId(fields.number("box"));
  actor.uid = small(fields.number("uid"));
  const dsl::Value gids = fields.value("gids");
  if (gids.kind() == dsl::Kind::list) {
    for (const dsl::Value& gid : gids.as_list()) actor.gids.push_back(small(number_of(&gid)));
  }
  return actor;
}

std::optional<engine::Command> command_of(const RecordedEvent& event, const dsl::Value* next) {
  const std::string type = event.type();
  if (type == "run.started") return start_of(event, next);
  if (type == "timer.fired") return engine::FireTimers{};
  if (type == "signal.received") {
    return engine::Signal{event.text("name"), event.value("payload"), event.text("dedupe_id"),
                          std::nullopt, std::nullopt};
  }
  if (type == "run.moved") return move_of(event, next);
  if (type == "run.cancel_requested") return engine::Cancel{event.text("reason")};
  if (type == "run.paused") return engine::Pause{event.text("reason")};
  if (type == "run.resumed") return engine::Resume{event.text("reason")};
  if (type == "run.closed" && event.text("status") == "terminated") {
    return engine::Terminate{event.text("reason")};
  }
  if (type == "incident.closed") {
    return engine::RetryIncident{engine::IncidentId(small(event.number("incident"))),
                                 event.text("reason")};
  }
  if (type == "incident.opened") return engine::Checkpoint{};  // too large to continue as new
  if (type == "task.released") {
    // Its attempt is the step's newest: the caller's to fill in.
    return engine::LoseLease{engine::StepId(small(event.number("step"))), 0};
  }
  if (type == "run.renewed" && event.text("why") == "reset") {
    if (next == nullptr || RecordedEvent(*next).type() != "run.reset") return std::nullopt;
    return engine::Reset{Seq(RecordedEvent(*next).number("to")), event.text("reason"), nullptr};
  }
  if (type == "run.renewed") return engine::Checkpoint{};
  const std::uint32_t permit = small(event.number("permit"));
  if (type == "permit.granted") return engine::TakePermit{permit, "", ""};  // the run knows whose
  if (type == "permit.returned") return engine::DropPermit{permit};
  if (std::optional<engine::Command> command = command_of_call(event, type)) return command;
  return command_of_task(event, type);
}

}  // namespace pawl::rehearsal
