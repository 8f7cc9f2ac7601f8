// Errors and incidents. An error goes to the first that takes it:
//
//   raised --exhausted = "incident"-----------------> incident
//   raised --a `catch` of the state matches---------> its save, its next
//   raised in an item, `tolerate` has room----------> the item failed, the map goes on
//   raised in an item, it has none------------------> sys.tolerance, raised by the map
//   raised in a branch, enough others are left------> the branch failed, the others go on
//   raised in a flow, a branch----------------------> as raised by the state it is in
//   raised --on_error, not taken yet----------------> that state
//   raised --exhausted = "fail"---------------------> run.closed failed
//   raised --nobody---------------------------------> incident
//   incident --retry, `again`-----------------------> gone; what failed is done again
//   incident --its state is left, the run closes----> gone (the fold does it)
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/decider.h"

namespace pawl::engine {

bool matches_error(const std::vector<std::string>& patterns, const std::string& type) {
  for (const std::string& pattern : patterns) {
    if (pattern == type) return true;
    if (pattern.empty() || pattern.back() != '*') continue;
    if (type.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0) return true;
  }
  return false;
}

void Decider::raise(Raised raised) {
  if (raised.straight_to_incident) return open_incident(raised);
  std::uint32_t origin = at_;
  for (;;) {
    if (try_catch(raised)) return;
    if (at_ == 0) break;
    const Tolerated tolerated = try_tolerate(&raised);
    if (tolerated == Tolerated::yes) return;
    if (tolerated == Tolerated::past) {
      origin = at_;
    } else {
      at_ = run_->parent(at_);
    }
  }
  const bool sys =
      matches_error({"sys.expr", "sys.no_match", "sys.too_big", "sys.loop"}, raised.error.type);
  const auto& on_error = definition().on_error;
  if (on_error && !run_->on_error_taken) {
    if (!raised.recorded) emit(ErrorRaised{origin, ErrorRecord::of(raised.error)});
    return go(*on_error, Cause::on_error, raised.error.type);
  }
  const bool fails =
      raised.policy != nullptr && !sys && raised.policy->exhausted == dsl::Exhausted::fail;
  if (!fails) {
    at_ = origin;
    return open_incident(raised);
  }
  RunClosed closed;
  closed.status = RunStatus::failed;
  closed.error = ErrorRecord::of(raised.error);
  emit(std::move(closed));
}

// A catch whose save fails takes nothing: the error goes on to the next.
bool Decider::try_catch(const Raised& raised) {
  const Frame* frame = run_->frame(at_);
  if (frame == nullptr || frame->state.empty()) return false;
  const dsl::State& state = current_state();
  for (const dsl::Catch& entry : state.catches) {
    if (!matches_error(entry.errors, raised.error.type)) continue;
    EvalScope s = scope();
    s.set_error(raised.error, raised.attempt);
    if (state.map != nullptr) s.set_failed(failed_items());
    std::vector<NamedPayload> vars;
    Error error;
    if (!assignments(entry.save, s, "catch.save", &vars, &error)) {
      emit(ErrorRaised{at_, ErrorRecord::of(error)});
      return false;
    }
    if (!raised.recorded) emit(ErrorRaised{at_, ErrorRecord::of(raised.error)});
    set_vars(std::move(vars));
    go(entry.next, Cause::caught, raised.error.type);
    return true;
  }
  return false;
}

Decider::Tolerated Decider::try_tolerate(Raised* raised) {
  const InnerFrame* inner = run_->inner(at_);
  if (inner->role == FrameRole::flow) return Tolerated::no;
  const Gather* gather = run_->gather(inner->parent);
  PAWL_CHECK(gather != nullptr);
  const bool branch = inner->role == FrameRole::branch;
  const std::uint32_t parent = inner->parent, index = inner->index;
  if (branch && gather->count - gather->failed <= gather->join) return Tolerated::no;
  const bool tolerated = branch || gather->failed < gather->tolerate;
  emit(FlowLeft{at_, FlowEnd::failed, {}, ErrorRecord::of(raised->error)});
  at_ = parent;
  if (tolerated) {
    gather_on();
    return Tolerated::yes;
  }
  cancel_rest();
  const Gather& now = *run_->gather(parent);
  Raised past;
  past.error = {"sys.tolerance",
                absl::StrCat(now.failed, " of ", now.count, " items failed, ", now.tolerate,
                             " may; item ", index, ": ", raised->error.type,
                             raised->error.message.empty() ? "" : ": ", raised->error.message),
                raised->error.data};
  past.stage = IncidentStage::gather;
  *raised = std::move(past);
  return Tolerated::past;
}

// Room for one more besides what the state itself and the running handler tasks may still need.
bool Decider::incident_room() const {
  std::size_t used = run_->incidents.size() + 1;
  for (const auto& step : run_->steps) {
    const bool may_fail = step->role == StepRole::handler && step->status != StepStatus::incident &&
                          step->status != StepStatus::withdrawn;
    used += may_fail ? 1 : 0;
  }
  return used < limits::kIncidentsMax;
}

void Decider::open_incident(const Raised& raised) {
  const bool beside = raised.stage == IncidentStage::signal || raised.stage == IncidentStage::timer;
  bool open_already = false;
  for (const auto& i : run_->incidents) {
    open_already |= raised.stage == IncidentStage::timer && i->stage == raised.stage &&
                    i->frame == at_ && i->timer_kind == raised.timer_kind &&
                    i->timer_owner == raised.timer_owner;
  }
  if (beside && (open_already || !incident_room())) {
    if (!raised.recorded) emit(ErrorRaised{at_, ErrorRecord::of(raised.error)});
    return;
  }
  IncidentOpened e;
  e.frame = at_;
  e.incident = run_->last_incident.next();
  e.stage = raised.stage;
  e.step = raised.step;
  e.error = ErrorRecord::of(raised.error);
  e.name = raised.name;
  e.kept = raised.kept;
  e.actor = raised.actor;
  if (raised.stage == IncidentStage::timer) e.timer_kind = raised.timer_kind;
  e.timer_owner = raised.timer_owner;
  if (raised.policy != nullptr && raised.policy->again_ms) {
    e.timers.push_back(
        timer(TimerKind::incident_again, e.incident.v, after_ms(*raised.policy->again_ms)));
  }
  emit(std::move(e));
}

void Decider::apply(const RetryIncident& command) {
  if (run_->closed()) return refuse(Refusal::run_closed, "the run is closed");
  std::vector<IncidentId> ids;
  for (const auto& incident : run_->incidents) {
    if (!command.incident || *command.incident == incident->id) ids.push_back(incident->id);
  }
  if (ids.empty()) return refuse(Refusal::no_incident, "the run has no such open incident");
  for (const IncidentId id : ids) {
    if (!run_->closed()) retry_incident(id, command.reason, context_.actor);
    settle();
  }
}

void Decider::retry_incident(IncidentId id, const std::string& reason, const Actor& actor) {
  const Incident* open = run_->incident(id);
  if (open == nullptr) return;  // closed by the retry of another
  const Incident incident = *open;
  at_ = incident.frame;
  emit(IncidentClosed{id, IncidentEnd::retried, reason, actor});
  redo(incident);
}

void Decider::redo(const Incident& incident) {
  switch (incident.stage) {
    case IncidentStage::step: {
      const Step* step = run_->step(incident.step);
      PAWL_CHECK(step != nullptr);
      std::vector<Timer> timers = queue_timers(*step);
      if (const auto total_ms = spec_of(*step).timeouts.total_ms) {
        timers.push_back(timer(TimerKind::task_total, step->id.v, after_ms(*total_ms)));
      }
      return emit(TaskRequeued{incident.step, true, std::move(timers)});
    }
    case IncidentStage::entry:
      return retry_entry();
    case IncidentStage::verb:
      return run_verb(current_state());
    case IncidentStage::result:
      return after_result(current_state(), incident.kept.value);
    case IncidentStage::signal:
      return redeliver(incident.name, incident.kept, incident.actor);
    case IncidentStage::timer:
      return run_timer_handler(incident.timer_kind, incident.timer_owner);
    case IncidentStage::history:
      return;  // wants_checkpoint() holds again
    case IncidentStage::gather:
      emit(MapRetried{at_});
      return begin_items();
    case IncidentStage::leave:
      return leave_flow();
  }
}

}  // namespace pawl::engine
