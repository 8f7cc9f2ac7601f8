// Folds of a machine's states, variables, timers and incidents:
//
//   state A --state.entered B--> state B: A's task is withdrawn, A's timers are disarmed, A's
//                                incidents closed. A handler's task outlives the state it fired in.
//   timer armed --timer.fired--> gone, or with next_at armed again
//   (none) --incident.opened--> open --incident.closed, or its state is left--> gone
#include <algorithm>

#include "engine/fold.h"

namespace pawl::engine {
namespace {

bool of_state(const Timer& t, std::uint32_t frame) {
  return t.frame == frame && (t.kind == TimerKind::after || t.kind == TimerKind::every ||
                              t.kind == TimerKind::sleep || t.kind == TimerKind::gather);
}

bool of_handler_task(const Run& run, const Incident& incident) {
  if (incident.stage != IncidentStage::step) return false;
  const Step* step = run.step(incident.step);
  return step != nullptr && step->role == StepRole::handler;
}

}  // namespace

// What stands within goes first: what it leaves behind is this machine's.
void leave_state(Fold& f, std::uint32_t frame) {
  Run& run = f.run;
  f.clear_inner(frame);
  for (std::size_t i = run.incidents.size(); i-- > 0;) {
    const Incident& incident = *run.incidents[i];
    if (incident.frame == frame && !of_handler_task(run, incident)) f.remove_incident(incident.id);
  }
  for (std::size_t i = run.steps.size(); i-- > 0;) {
    const Step& step = *run.steps[i];
    if (step.frame == frame && step.role != StepRole::handler) f.withdraw(step.id);
  }
  std::erase_if(run.timers, [frame](const Timer& t) { return of_state(t, frame); });
}

namespace {

void take_root_key(Fold& f, Cause cause) {
  f.run.on_error_taken |= cause == Cause::on_error;
  f.run.on_timeout_taken |= cause == Cause::on_timeout;
  f.run.on_cancel_taken |= cause == Cause::on_cancel;
  f.disarm(TimerKind::run_timeout, 0);
}

}  // namespace

bool fold(Fold& f, const StateEntered& e) {
  if (f.run.frame(e.frame) == nullptr || e.state.empty()) return false;
  leave_state(f, e.frame);
  Frame& frame = *f.edit_frame(e.frame);
  frame.state = e.state;
  frame.visit = e.visit;
  frame.entered_at = f.time;
  frame.entered_seq = f.run.seq;
  if (e.cause == Cause::on_error || e.cause == Cause::on_timeout || e.cause == Cause::on_cancel) {
    take_root_key(f, e.cause);
  }
  return f.count_visit(e.frame, e.state, e.visit) && f.set_vars(e.frame, e.vars, 0) &&
         f.arm(e.timers);
}

bool fold(Fold& f, const VarsSet& e) { return f.set_vars(e.frame, e.vars, 0); }

bool fold(Fold& f, const TimersArmed& e) { return f.arm(e.timers); }

bool fold(Fold& f, const TimerFired& e) {
  const auto at = std::find_if(f.run.timers.begin(), f.run.timers.end(),
                               [&e](const Timer& t) { return t.id == e.timer; });
  if (at == f.run.timers.end() || at->kind != e.kind) return false;
  if (e.next_at) {
    if (at->interval_ms <= 0 || *e.next_at <= at->fire_at) return false;
    at->fire_at = *e.next_at;
  } else {
    f.run.timers.erase(at);
  }
  return true;
}

bool fold(Fold& f, const ErrorRaised& e) { return f.run.frame(e.frame) != nullptr; }

bool fold(Fold& f, const IncidentOpened& e) {
  Run& run = f.run;
  const Frame* frame = run.frame(e.frame);
  if (e.incident != run.last_incident.next() || frame == nullptr) return false;
  Incident incident;
  incident.id = e.incident;
  incident.frame = e.frame;
  incident.stage = e.stage;
  incident.step = e.step;
  incident.state = frame->state;
  incident.error = e.error;
  incident.error.detail = f.keep(e.error.detail, 0);
  incident.since = f.time;
  incident.name = e.name;
  incident.kept = f.keep(e.kept, 1);
  incident.actor = e.actor;
  incident.timer_kind = e.timer_kind.value_or(TimerKind::after);
  incident.timer_owner = e.timer_owner;
  if (e.stage == IncidentStage::step) {
    Step* step = f.edit_step(e.step);
    if (step == nullptr || step->status != StepStatus::incident) return false;
    incident.state = step->state;
  }
  f.grow(incident.error.detail.length + incident.kept.length);
  run.last_incident = e.incident;
  run.incidents.emplace_back(std::move(incident));
  return f.arm(e.timers);
}

bool fold(Fold& f, const IncidentClosed& e) { return f.remove_incident(e.incident); }

}  // namespace pawl::engine
