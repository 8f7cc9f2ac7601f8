#include "engine/waiting.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace pawl::engine {
namespace {

// 5400000 -> "90m": the largest unit that divides it.
std::string delay_text(std::int64_t ms) {
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}};
  for (const auto& [unit, name] : kUnits) {
    if (ms > 0 && ms % unit == 0) return absl::StrCat(ms / unit, name);
  }
  return absl::StrCat(ms, "ms");
}

std::string handler_name(const char* verb, const std::vector<dsl::TimerHandler>& handlers,
                         std::uint64_t owner) {
  if (owner >= handlers.size()) return verb;
  const dsl::Template& delay = handlers[owner].delay;
  dsl::Duration d;
  if (!delay.is_literal()) return absl::StrCat(verb, " #", owner + 1);
  if (delay.literal.kind() == dsl::Kind::duration) {
    d = delay.literal.as_duration();
  } else if (delay.literal.kind() != dsl::Kind::string ||
             !dsl::parse_duration(delay.literal.as_string(), &d)) {
    return verb;
  }
  return absl::StrCat(verb, " ", delay_text(d.seconds * 1000 + d.nanos / 1'000'000));
}

std::string timer_name(const Run& run, const dsl::Definition& definition, const Timer& t) {
  const dsl::State* state = state_of(run, definition, t.frame);
  static const std::vector<dsl::TimerHandler> none;
  switch (t.kind) {
    case TimerKind::start:
      return "start";
    case TimerKind::run_timeout:
      return "timeout";
    case TimerKind::root_after:
      return handler_name("after", definition.after, t.owner);
    case TimerKind::root_every:
      return handler_name("every", definition.every, t.owner);
    case TimerKind::after:
      return handler_name("after", state != nullptr ? state->after : none, t.owner);
    case TimerKind::every:
      return handler_name("every", state != nullptr ? state->every : none, t.owner);
    case TimerKind::sleep:
      return "sleep";
    case TimerKind::task_queue:
      return "task queue timeout";
    case TimerKind::task_attempt:
      return "task attempt timeout";
    case TimerKind::task_total:
      return "task total timeout";
    case TimerKind::task_retry:
      return "task retry";
    case TimerKind::incident_again:
      return "incident retry";
    case TimerKind::signal_expiry:
      return "signal expiry";
    case TimerKind::gather:
      return "more items";
  }
  return "";
}

bool of_run(TimerKind kind) {
  return kind == TimerKind::start || kind == TimerKind::run_timeout ||
         kind == TimerKind::root_after || kind == TimerKind::root_every ||
         kind == TimerKind::signal_expiry;
}

}  // namespace

const dsl::State* state_of(const Run& run, const dsl::Definition& definition, std::uint32_t id) {
  const Frame* frame = run.frame(id);
  const InnerFrame* inner = run.inner(id);
  if (frame == nullptr) return nullptr;
  const dsl::Flow* flow = inner == nullptr ? &definition.root : definition.machine(inner->machine);
  return flow == nullptr ? nullptr : flow->find(frame->state);
}

std::vector<std::string> accepted_signals(const Run& run, const dsl::Definition& definition) {
  std::vector<std::string> names;
  if (run.closed()) return names;
  const dsl::State* state = definition.root.find(run.state());
  names.reserve(definition.signals.size() + definition.on.size() +
                (state != nullptr ? state->on.size() : 0));
  for (const dsl::SignalSpec& spec : definition.signals) {
    if (spec.buffer_ms) names.push_back(spec.name);
  }
  if (state != nullptr) {
    for (const dsl::SignalHandler& handler : state->on) names.push_back(handler.signal);
    const bool root = state->verb != dsl::Verb::compensate && state->verb != dsl::Verb::end;
    for (const dsl::SignalHandler& handler : definition.on) {
      if (root) names.push_back(handler.signal);
    }
  }
  for (const auto& inner : run.tree->frames) {
    const dsl::State* within = state_of(run, definition, inner->id);
    if (within == nullptr || inner->frame.state.empty()) continue;
    for (const dsl::SignalHandler& handler : within->on) names.push_back(handler.signal);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

WaitingFor waiting_for(const Run& run, const dsl::Definition& definition) {
  WaitingFor waiting;
  waiting.signals = accepted_signals(run, definition);
  for (const Timer& t : run.timers) {
    waiting.timers.push_back({t.id, timer_name(run, definition, t),
                              of_run(t.kind) ? "" : run.path_of(t.frame), t.fire_at});
  }
  std::sort(waiting.timers.begin(), waiting.timers.end(), [](const auto& a, const auto& b) {
    return std::tie(a.fire_at, a.id) < std::tie(b.fire_at, b.id);
  });
  for (const auto& step : run.steps) {
    const std::string path = step->frame == 0 ? step->state : run.path_of(step->frame);
    WaitingTask task{
        step->id,      path,         step->handler, step->type, step->queue, step->status,
        step->attempt, step->worker, std::nullopt,  "",         ""};
    const LimitedTask* limited = find_limited(*run.tree->permits, step->id);
    if (limited != nullptr && limited->waits()) {
      task.limit = limited->limits[limited->granted].limit;
      task.limit_key = limited->limits[limited->granted].key;
    }
    for (const Timer& t : run.timers) {
      if (t.kind == TimerKind::task_retry && t.owner == step->id.v) task.retry_at = t.fire_at;
    }
    waiting.tasks.push_back(std::move(task));
  }
  for (const auto& call : run.tree->calls) {
    if (call->status == CallStatus::cancelling) continue;
    WaitingCall child{run.path_of(call->frame), call->run, "", "", ""};
    (call->is_signal ? child.signal : child.workflow) = call->name;
    if (call->child.v != 0) child.uid = to_string(RunUid{call->to, call->child});
    waiting.children.push_back(std::move(child));
  }
  return waiting;
}

const char* to_string(StepStatus status) {
  switch (status) {
    case StepStatus::queued:
      return "queued";
    case StepStatus::backoff:
      return "backoff";
    case StepStatus::started:
      return "started";
    case StepStatus::incident:
      return "incident";
    case StepStatus::held:
      return "held";
    case StepStatus::limited:
      return "limited";
    case StepStatus::withdrawn:
      return "withdrawn";
  }
  return "";
}

const char* enum_name(StepStatus x) { return to_string(x); }
const char* to_string(RunStatus status) { return enum_name(status); }

}  // namespace pawl::engine
