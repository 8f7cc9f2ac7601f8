// Timers, as decided: all that are due fire in the order of their times.
//
//   start, run timeout, sleep, after, every--> what the definition says; `every` is armed again
//   task_queue, task_attempt, task_total ----> the task fails (decide_outcome.cc)
//   task_retry-------------------------------> the task is queued again
//   incident_again---------------------------> the incident is retried
//   signal_expiry----------------------------> the signal is gone
//
// `every` keeps its rate without drift: the next firing is the armed time plus whole intervals.
// Firings that were missed (the daemon was down, the run paused) are skipped, not made up for.
#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits_permits.h"
#include "engine/decider.h"

namespace pawl::engine {
namespace {

bool awaits_outcome(const Run& run, const Timer& t) {
  const bool of_task = t.kind == TimerKind::task_attempt || t.kind == TimerKind::task_total;
  if (!of_task || run.held->empty()) return false;
  const Step* step = run.step(StepId(static_cast<std::uint32_t>(t.owner)));
  return step != nullptr && step->status == StepStatus::held;
}

}  // namespace

// The run's timeout and the root's handlers, counted from now. An expression that fails sets
// `error`; the other timers are armed all the same.
std::vector<Timer> Decider::root_timers(Error* error) {
  std::vector<Timer> timers;
  const dsl::Definition& d = definition();
  if (d.timeout_ms) timers.push_back(timer(TimerKind::run_timeout, 0, after_ms(*d.timeout_ms)));
  const EvalScope s = scope();
  const auto add = [&](const std::vector<dsl::TimerHandler>& handlers, TimerKind kind) {
    for (std::size_t i = 0; i < handlers.size(); ++i) {
      const bool repeats = kind == TimerKind::root_every;
      std::int64_t ms = 0;
      if (!evaluate_duration_ms(handlers[i].delay, s, repeats ? "every" : "after", &budget_, &ms,
                                error)) {
        continue;
      }
      if (repeats) ms = std::max<std::int64_t>(ms, limits::kEveryMsMin);
      timers.push_back(timer(kind, i, after_ms(ms), repeats ? ms : 0));
    }
  };
  add(d.after, TimerKind::root_after);
  add(d.every, TimerKind::root_every);
  return timers;
}

// Only timers armed up to `newest`: one that is armed and due at once waits for the next firing,
// so that a zero delay can't loop within one decision. A timer of a task whose outcome is held
// waits for that outcome: it was acknowledged, no timeout takes it back.
const Timer* Decider::earliest_due(TimerId newest) const {
  const Timer* due = nullptr;
  for (const Timer& t : run_->timers) {
    if (t.fire_at > context_.now || t.id > newest || awaits_outcome(*run_, t)) continue;
    if (due == nullptr || std::tie(t.fire_at, t.id) < std::tie(due->fire_at, due->id)) due = &t;
  }
  return due;
}

void Decider::apply(const FireTimers&) {
  const TimerId newest = run_->last_timer;
  const bool idle = run_->closed() || run_->status == RunStatus::paused;
  if (idle || earliest_due(newest) == nullptr) {
    return refuse(Refusal::nothing_to_do, "no timer is due");
  }
  while (!run_->closed()) {
    const Timer* due = earliest_due(newest);
    const bool busy = bytes_ > limits::kDecisionBytesMax / 2 ||
                      decision_.events.size() >= limits::kDecisionEventsMax / 2;
    if (due == nullptr || busy) return;
    fire(Timer(*due));
    settle();
  }
}

void Decider::fire(const Timer& t) {
  TimerFired fired{t.id, t.kind, std::nullopt};
  if (t.interval_ms > 0) {
    const std::int64_t missed = (context_.now.v - t.fire_at.v) / t.interval_ms;
    fired.next_at = TimeMs(t.fire_at.v + (missed + 1) * t.interval_ms);
  }
  emit(fired);
  at_ = t.frame;
  switch (t.kind) {
    case TimerKind::start: {
      Error error;
      emit(RunActivated{root_timers(&error)});
      if (!error.type.empty()) emit(ErrorRaised{0, ErrorRecord::of(error)});
      return go(definition().root.start, Cause::start);
    }
    case TimerKind::run_timeout:
      return time_out_run();
    case TimerKind::root_after:
    case TimerKind::root_every:
    case TimerKind::after:
    case TimerKind::every:
      return run_timer_handler(t.kind, t.owner);
    case TimerKind::sleep:
      if (current_state().next) go(*current_state().next, Cause::next);
      return;
    case TimerKind::incident_again:
      if (const Incident* open = run_->incident(IncidentId(static_cast<std::uint32_t>(t.owner)));
          open != nullptr && open->stage == IncidentStage::step &&
          waits_for_spares(*run_->tree->permits, open->step)) {
        const TimeMs later = after_ms(limits::kPermitWaitAgainMs);
        return emit(TimersArmed{{timer(TimerKind::incident_again, t.owner, later)}});
      }
      return retry_incident(IncidentId(static_cast<std::uint32_t>(t.owner)), "again", {});
    case TimerKind::signal_expiry:
      return emit(SignalExpired{t.owner});
    case TimerKind::gather:
      if (current_state().map != nullptr) return begin_items();
      if (wants_renewal(*run_, definition())) await_renewal();
      return;
    case TimerKind::task_queue:
    case TimerKind::task_attempt:
    case TimerKind::task_total:
    case TimerKind::task_retry:
      return fire_of_step(t);
  }
}

void Decider::fire_of_step(const Timer& t) {
  const StepId id(static_cast<std::uint32_t>(t.owner));
  const Step* step = run_->step(id);
  PAWL_CHECK(step != nullptr);
  at_ = step->frame;
  if (t.kind == TimerKind::task_retry) {
    if (!waits_for_spares(*run_->tree->permits, id))
      return emit(TaskRequeued{id, false, queue_timers(*step)});
    const TimeMs later = after_ms(limits::kPermitWaitAgainMs);
    return emit(TimersArmed{{timer(TimerKind::task_retry, id.v, later)}});
  }
  Error error;
  const LimitedTask* limited = find_limited(*run_->tree->permits, id);
  if (t.kind == TimerKind::task_queue && limited != nullptr && limited->waits()) {
    error = {"sys.timeout.queue",
             absl::StrCat("the limit `", limited->limits[limited->granted].limit,
                          "` had no permit for it within ", *step->queue_ms, " ms"),
             {}};
  } else if (t.kind == TimerKind::task_queue) {
    error = {
        "sys.timeout.queue", absl::StrCat("no worker took it within ", *step->queue_ms, " ms"), {}};
  } else if (t.kind == TimerKind::task_attempt) {
    error = {"sys.timeout.attempt",
             absl::StrCat("worker `", step->worker, "` took more than ", *step->attempt_ms, " ms"),
             {}};
  } else {
    error = {"sys.timeout.total", "all attempts together took too long", {}};
  }
  fail(id, ErrorRecord::of(error), std::nullopt, false, {});
}

void Decider::time_out_run() {
  const auto& on_timeout = definition().on_timeout;
  if (on_timeout && !run_->on_timeout_taken) return go(*on_timeout, Cause::on_timeout);
  RunClosed closed;
  closed.status = RunStatus::failed;
  closed.error = ErrorRecord::of({"sys.timeout", "the run took longer than its timeout", {}});
  emit(std::move(closed));
}

const dsl::TimerHandler* Decider::timer_handler(TimerKind kind, std::uint64_t owner) const {
  const dsl::Definition& d = definition();
  const std::vector<dsl::TimerHandler>& handlers = kind == TimerKind::root_after   ? d.after
                                                   : kind == TimerKind::root_every ? d.every
                                                   : kind == TimerKind::after
                                                       ? current_state().after
                                                       : current_state().every;
  PAWL_CHECK(owner < handlers.size());
  return &handlers[owner];
}

void Decider::run_timer_handler(TimerKind kind, std::uint64_t owner) {
  const dsl::TimerHandler& handler = *timer_handler(kind, owner);
  const bool root = kind == TimerKind::root_after || kind == TimerKind::root_every;
  const bool repeats = kind == TimerKind::root_every || kind == TimerKind::every;
  if (root && !root_handlers_act()) return;
  Raised raised;
  raised.stage = IncidentStage::timer;
  raised.timer_kind = kind;
  raised.timer_owner = owner;
  EvalScope s = scope();
  const dsl::Branch* branch = nullptr;
  if (!choose_branch(handler.branches, s, &branch, &raised.error)) return raise(std::move(raised));
  if (branch == nullptr) return;
  const std::string name = absl::StrCat(repeats ? "every." : "after.", owner);
  const HandlerPlace place{root ? "" : current_place(),
                           absl::StrCat(name, "#", branch - handler.branches.data())};
  const std::string detail = root ? "root." + name : name;
  if (!take_branch(*branch, &s, place, Cause::timer, detail, &raised.error)) {
    raise(std::move(raised));
  }
}

}  // namespace pawl::engine
