// Folds of tasks:
//
//   (none)   --task.scheduled-----------------> queued    (with limits: evolve_permit.cc)
//   queued   --task.started-------------------> started
//   started  --task.returned------------------> queued    (the attempt is not counted)
//   started  --task.completed-----------------> gone
//   started  --task.failed, retry_at----------> backoff
//   queued, backoff, started --task.failed----> incident  (final: caught, or an incident opens)
//   backoff  --task.requeued------------------> queued
//   incident --task.requeued, fresh-----------> queued
//   started  --outcome.held-------------------> held      (the run is paused)
//   held     --task.completed, task.failed----> as from started
//   started  --its state is left--------------> withdrawn --task.released--> gone
//   others   --its state is left--------------> gone
#include "engine/fold.h"

namespace pawl::engine {
namespace {

bool handed_out(const Step* step, std::uint32_t attempt) {
  return step != nullptr && step->attempt == attempt &&
         (step->status == StepStatus::started || step->status == StepStatus::held);
}

}  // namespace

bool fold(Fold& f, const TaskScheduled& e) {
  Run& run = f.run;
  if (e.step != run.last_step.next() || run.frame(e.frame) == nullptr) return false;
  Step step;
  step.id = e.step;
  step.frame = e.frame;
  step.role = e.role;
  step.state = e.state;
  step.handler = e.handler;
  step.type = e.type;
  step.queue = e.queue;
  step.key = e.key;
  step.priority = e.priority;
  step.input = f.keep(e.input, 0);
  step.lease_ms = e.lease_ms;
  step.heartbeat = e.heartbeat;
  step.queue_ms = e.queue_ms;
  step.attempt_ms = e.attempt_ms;
  step.scheduled_at = f.time;
  step.queued_at = f.time;
  if (e.role == StepRole::handler && !f.count_visit(e.frame, e.state + "!" + e.handler, e.firing)) {
    return false;
  }
  if (e.role == StepRole::undo && !begin_undo(f, e.firing, e.step)) return false;
  f.grow(step.input.length);
  run.last_step = e.step;
  run.steps.emplace_back(std::move(step));
  return f.arm(e.timers);
}

bool fold(Fold& f, const TaskStarted& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr || step->status != StepStatus::queued) return false;
  if (e.attempt != step->attempt + 1) return false;
  step->status = StepStatus::started;
  step->attempt = e.attempt;
  step->worker = e.worker;
  step->poll_key = e.poll_key;
  step->lease_ms = e.lease_ms;
  step->started_at = f.time;
  f.disarm(TimerKind::task_queue, e.step.v);
  count_undos_of(f, e.step);
  return f.arm(e.timers);
}

bool fold(Fold& f, const TaskReturned& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr || step->status != StepStatus::started || step->attempt != e.attempt) {
    return false;
  }
  step->status = StepStatus::queued;
  step->worker.clear();
  step->poll_key.clear();
  step->started_at = TimeMs();
  ++step->not_counted;
  f.disarm(TimerKind::task_attempt, e.step.v);
  return f.arm(e.timers);
}

bool fold(Fold& f, const TaskCompleted& e) {
  const Step* step = f.run.step(e.step);
  if (!handed_out(step, e.attempt)) return false;
  if (step->role == StepRole::undo) end_undo(f, e.step, /*done=*/true);
  f.remove_step(e.step);
  f.remember(e.step, e.attempt, nullptr, 0);
  return true;
}

bool fold(Fold& f, const TaskFailed& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr || step->status == StepStatus::incident ||
      step->status == StepStatus::withdrawn || step->attempt != e.attempt) {
    return false;
  }
  f.drop_held(e.step);
  f.disarm(TimerKind::task_queue, e.step.v);
  f.disarm(TimerKind::task_attempt, e.step.v);
  f.disarm(TimerKind::task_retry, e.step.v);
  if (!e.retry_at) f.disarm(TimerKind::task_total, e.step.v);
  give_permits_back(f, e.step);
  step->status = e.retry_at ? StepStatus::backoff : StepStatus::incident;
  step->started_at = TimeMs();
  if (e.reported) f.remember(e.step, e.attempt, &e.error, 0);
  return f.arm(e.timers);
}

bool fold(Fold& f, const TaskRequeued& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr) return false;
  if (step->status != (e.fresh ? StepStatus::incident : StepStatus::backoff)) return false;
  if (e.fresh) step->not_counted = step->attempt;
  step->status = limit_again(f, e.step) ? StepStatus::limited : StepStatus::queued;
  step->queued_at = f.time;
  step->worker.clear();
  step->poll_key.clear();
  f.disarm(TimerKind::task_retry, e.step.v);
  return f.arm(e.timers);
}

bool fold(Fold& f, const TaskProgress& e) {
  Step* step = f.edit_step(e.step);
  if (!handed_out(step, e.attempt)) return false;
  f.shrink(step->progress.length);
  step->progress = f.keep(e.details, 0);
  f.grow(step->progress.length);
  return true;
}

bool fold(Fold& f, const TaskReleased& e) {
  const Step* step = f.run.step(e.step);
  if (step == nullptr || step->status != StepStatus::withdrawn) return false;
  f.remove_step(e.step);
  return true;
}

bool fold(Fold& f, const OutcomeHeld& e) {
  Step* step = f.edit_step(e.step);
  if (step == nullptr || step->status != StepStatus::started || step->attempt != e.attempt) {
    return false;
  }
  step->status = StepStatus::held;
  give_permits_back(f, e.step);
  HeldOutcome held;
  held.step = e.step;
  held.attempt = e.attempt;
  held.outcome = e.outcome;
  held.result = f.keep(e.result, 0);
  held.error = e.error;
  held.error.detail = f.keep(e.error.detail, 1);
  held.retryable = e.retryable;
  held.actor = e.actor;
  held.at = f.time;
  held.seq = f.run.seq;
  f.grow(held.result.length + held.error.detail.length);
  f.run.held.edit().push_back(std::move(held));
  if (e.outcome == Outcome::completed) f.remember(e.step, e.attempt, nullptr, 0);
  if (e.outcome == Outcome::failed) f.remember(e.step, e.attempt, &e.error, 1);
  return true;
}

}  // namespace pawl::engine
