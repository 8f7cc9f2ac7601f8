// States of a machine, as decided:
//
//   entering:  state.entered (with `set` and the timers of `after` and `every`)
//              -> waiting signals are offered -> the verb
//   none    --handlers-->                 next
//   task    --completed-->                save, next       (decide_task.cc)
//   sleep   --timer.fired-->              next
//   choose  --first branch that holds-->  its next         none holds: sys.no_match
//   set     ------------------------->    next
//   raise   ------------------------->    whoever takes it (decide_error.cc)
//   end     ------------------------->    run.closed
//   flow, parallel    the machines within end (decide_flow.cc), map (decide_map.cc)
//   compensate        undone one after the other (decide_undo.cc)
//   call, send, continue                  decide_call.cc
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/decider.h"

namespace pawl::engine {

const dsl::Flow& Decider::machine() const {
  const InnerFrame* inner = run_->inner(at_);
  const dsl::Flow* flow =
      inner == nullptr ? &definition().root : definition().machine(inner->machine);
  PAWL_CHECK(flow != nullptr);
  return *flow;
}

std::string Decider::machine_place() const {
  const InnerFrame* inner = run_->inner(at_);
  return inner == nullptr ? "" : inner->machine;
}

const dsl::State& Decider::current_state() const {
  const Frame* frame = run_->frame(at_);
  PAWL_CHECK(frame != nullptr);
  const dsl::State* state = machine().find(frame->state);
  PAWL_CHECK(state != nullptr);
  return *state;
}

std::string Decider::current_place() const {
  return dsl::place_of_state(machine_place(), current_state());
}

void Decider::go(std::string to, Cause cause, std::string detail) {
  const auto same = std::find_if(pending_.begin(), pending_.end(),
                                 [this](const Transition& t) { return t.frame == at_; });
  if (same != pending_.end()) pending_.erase(same);
  pending_.push_back({at_, std::move(to), cause, std::move(detail)});
}

bool Decider::stays() const {
  if (run_->closed() || run_->frame(at_) == nullptr) return false;
  return std::none_of(pending_.begin(), pending_.end(),
                      [this](const Transition& t) { return run_->within(at_, t.frame); });
}

// An encloser's before what it encloses, which may be gone then; else the oldest.
Decider::Transition Decider::take_pending() {
  std::size_t best = 0;
  for (std::size_t i = 1; i < pending_.size(); ++i) {
    if (run_->within(pending_[best].frame, pending_[i].frame)) best = i;
  }
  Transition taken = std::move(pending_[best]);
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(best));
  return taken;
}

int& Decider::automatic_steps() {
  for (auto& [frame, steps] : automatic_steps_) {
    if (frame == at_) return steps;
  }
  return automatic_steps_.emplace_back(at_, 0).second;
}

void Decider::settle() {
  while (!pending_.empty() && !run_->closed()) {
    const Transition transition = take_pending();
    if (run_->frame(transition.frame) == nullptr) continue;
    at_ = transition.frame;
    if (transition.to == "end") {
      if (at_ == 0) {
        complete_run();
      } else {
        leave_flow();
      }
    } else if (++automatic_steps() > limits::kAutomaticStepsMax) {
      too_many_steps();
    } else {
      enter(transition);
    }
  }
  pending_.clear();
  if (!run_->closed()) keep_results();
}

// The first time whoever takes errors may take it; if that loops again, it is an incident.
void Decider::too_many_steps() {
  automatic_steps() = 0;
  Raised raised;
  raised.error = {"sys.loop",
                  absl::StrCat("more than ", limits::kAutomaticStepsMax,
                               " automatic steps in a row; state `", run_->path_of(at_), "`"),
                  {}};
  raised.straight_to_incident = ++loops_ > 1;
  raise(std::move(raised));
}

// Of many machines at once, each of which goes round less often than that. A retry goes on here.
void Decider::too_much_at_once() {
  Raised raised;
  raised.error = {"sys.loop",
                  absl::StrCat("too much happens at once: more than ", limits::kDecisionEventsMax,
                               " events; state `", run_->path_of(at_), "`"),
                  {}};
  raised.straight_to_incident = true;
  raise(std::move(raised));
}

void Decider::enter(const Transition& transition) {
  const dsl::State* state = machine().find(transition.to);
  PAWL_CHECK(state != nullptr);
  StateEntered entered;
  entered.frame = at_;
  entered.state = transition.to;
  entered.visit = run_->visits_of(at_, entered.state) + 1;
  entered.cause = transition.cause;
  entered.detail = transition.detail;
  Error error;
  const bool whole = entry_parts(*state, scope(), &entered, &error);
  emit(std::move(entered));
  if (!state->forget.empty()) forget_undos(*state);
  if (whole && decision_.events.size() < limits::kDecisionEventsMax) return finish_entry();
  if (whole) return too_much_at_once();
  Raised raised;
  raised.error = std::move(error);
  raised.stage = IncidentStage::entry;
  raise(std::move(raised));
}

void Decider::forget_undos(const dsl::State& state) {
  UndosForgotten forgotten;
  for (const auto& undo : run_->tree->undos) {
    const bool named =
        std::find(state.forget.begin(), state.forget.end(), undo->name) != state.forget.end();
    if (named && undo->frame == at_) forgotten.undos.push_back(undo->id);
  }
  if (!forgotten.undos.empty()) emit(std::move(forgotten));
}

namespace {

bool all_literal(const std::vector<dsl::TimerHandler>& handlers) {
  return std::all_of(handlers.begin(), handlers.end(),
                     [](const dsl::TimerHandler& h) { return h.delay.is_literal(); });
}

struct TimerPart {
  const std::vector<dsl::TimerHandler>& handlers;
  TimerKind kind;
  const char* where;
};

}  // namespace

// `set` and the timers. If any of it fails, only timers with literal delays are armed now, and a
// retry does the rest, so that none is armed twice.
bool Decider::entry_parts(const dsl::State& state, const EvalScope& before, StateEntered* entered,
                          Error* error) {
  bool whole = assignments(state.set, before, "set", &entered->vars, error);
  if (!whole) entered->vars.clear();
  if (state.verb == dsl::Verb::end) return whole;
  EvalScope after = scope();
  if (!all_literal(state.after) || !all_literal(state.every)) after.overlay(entered->vars);
  std::vector<Timer> computed;
  const TimerPart parts[] = {{state.after, TimerKind::after, "after"},
                             {state.every, TimerKind::every, "every"}};
  for (const TimerPart& part : parts) {
    for (std::size_t i = 0; i < part.handlers.size(); ++i) {
      const dsl::Template& delay = part.handlers[i].delay;
      if (!whole && !delay.is_literal()) continue;
      std::int64_t ms = 0;
      if (!evaluate_duration_ms(delay, after, part.where, &budget_, &ms, error)) {
        whole = false;
        continue;
      }
      const bool repeats = part.kind == TimerKind::every;
      if (repeats) ms = std::max<std::int64_t>(ms, limits::kEveryMsMin);
      auto& list = delay.is_literal() ? entered->timers : computed;
      list.push_back(timer(part.kind, i, after_ms(ms), repeats ? ms : 0));
    }
  }
  if (whole) entered->timers.insert(entered->timers.end(), computed.begin(), computed.end());
  return whole;
}

void Decider::finish_entry() {
  const dsl::State& state = current_state();
  if (state.verb != dsl::Verb::end) offer_waiting();
  if (stays()) run_verb(state);
}

void Decider::retry_entry() {
  const dsl::State& state = current_state();
  const std::int64_t late_ms = context_.now.v - run_->frame(at_)->entered_at.v;
  StateEntered again;
  Error error;
  if (!entry_parts(state, scope(), &again, &error)) {
    Raised raised;
    raised.error = std::move(error);
    raised.stage = IncidentStage::entry;
    return raise(std::move(raised));
  }
  set_vars(std::move(again.vars));
  // Timers with literal delays run since the entry; the computed ones count from then, too.
  TimersArmed armed;
  for (Timer& t : again.timers) {
    const bool after = t.kind == TimerKind::after;
    const auto& handler = (after ? state.after : state.every)[t.owner];
    if (handler.delay.is_literal()) continue;
    t.fire_at = TimeMs(t.fire_at.v - late_ms);
    armed.timers.push_back(t);
  }
  if (!armed.timers.empty()) emit(std::move(armed));
  finish_entry();
}

void Decider::run_verb(const dsl::State& state) {
  switch (state.verb) {
    case dsl::Verb::none:
      return;
    case dsl::Verb::set:
      if (state.next) go(*state.next, Cause::next);
      return;
    case dsl::Verb::sleep:
      return run_sleep(state);
    case dsl::Verb::choose:
      return run_choose(state);
    case dsl::Verb::raise:
      return run_raise(state);
    case dsl::Verb::end:
      return run_end(state);
    case dsl::Verb::task:
      return run_task(state);
    case dsl::Verb::flow:
      return run_flow(state);
    case dsl::Verb::parallel:
      return run_parallel(state);
    case dsl::Verb::map:
      return run_map(state);
    case dsl::Verb::compensate:
      return run_compensate();
    case dsl::Verb::call:
      return run_call(state);
    case dsl::Verb::send:
      return run_send(state);
    case dsl::Verb::continue_as_new:
      return await_renewal();
  }
}

// An entry of its own begins the next generation (wants_checkpoint). Should the group change its
// leader before, the timer makes the next one look.
void Decider::await_renewal() {
  emit(TimersArmed{{timer(TimerKind::gather, 0, after_ms(limits::kErrandAgainMs))}});
}

void Decider::run_task(const dsl::State& state) {
  PlannedTask planned;
  Raised raised;
  EvalScope s = scope();
  const HandlerPlace place{current_place(), ""};
  if (!plan_task(*state.task, s, place, StepRole::state, &planned, &raised.error)) {
    return raise(std::move(raised));
  }
  const dsl::Undo* undo = state.task->undo ? &*state.task->undo : nullptr;
  UndoRecorded recorded;
  if (undo != nullptr && undo->when_started &&
      !plan_undo(*undo, place.state, planned.event.firing, &s, &recorded, &raised.error)) {
    return raise(std::move(raised));
  }
  schedule(std::move(planned), *state.task);
  if (undo == nullptr || !undo->when_started) return;
  recorded.step = run_->last_step;
  record(std::move(recorded));
}

void Decider::run_sleep(const dsl::State& state) {
  const dsl::Sleep& sleep = *state.sleep;
  Raised raised;
  TimeMs at;
  std::int64_t ms = 0;
  const bool ok =
      sleep.until
          ? evaluate_time(sleep.duration, scope(), "sleep.until", &budget_, &at, &raised.error)
          : evaluate_duration_ms(sleep.duration, scope(), "sleep", &budget_, &ms, &raised.error);
  if (!ok) return raise(std::move(raised));
  if (!sleep.until) at = after_ms(ms);
  emit(TimersArmed{{timer(TimerKind::sleep, 0, std::max(at, context_.now))}});
}

void Decider::run_choose(const dsl::State& state) {
  Raised raised;
  EvalScope s = scope();
  const dsl::Branch* branch = nullptr;
  if (!choose_branch(state.choose, s, &branch, &raised.error)) return raise(std::move(raised));
  if (branch == nullptr) {
    raised.error = {"sys.no_match", "no branch of `" + state.name + "` holds", {}};
    return raise(std::move(raised));
  }
  if (!take_branch(*branch, &s, {current_place(), "choose"}, Cause::next, "", &raised.error)) {
    raise(std::move(raised));
  }
}

bool Decider::evaluate_raise(const dsl::Raise& raise, const EvalScope& s, Error* raised,
                             Error* error) {
  dsl::Value message;
  if (!evaluate_string(raise.type, s, "type", &budget_, &raised->type, error)) return false;
  if (!evaluate_template(raise.message, s, "message", &budget_, &message, error)) return false;
  if (!evaluate_template(raise.data, s, "data", &budget_, &raised->data, error)) return false;
  if (message.kind() == dsl::Kind::string) {
    raised->message = message.as_string();
  } else if (!message.is_null()) {
    *error = expression_error("message", raise.message.line,
                              "is not a string but " + message.debug_string());
    return false;
  }
  if (raised->type.empty() || raised->type.size() > limits::kNameBytesMax) {
    *error = expression_error("type", raise.type.line, "is empty or too long");
    return false;
  }
  if (raised->data.encoded_size() > limits::kErrorDataBytesMax) {
    *error = {
        "sys.too_big",
        absl::StrCat("the error's data is larger than ", limits::kErrorDataBytesMax, " bytes"),
        {}};
    return false;
  }
  const ErrorRecord record = ErrorRecord::of(*raised);
  raised->message = record.message();  // a `catch` sees what is recorded
  return fits(record.detail.value, "the error", 0, error);
}

void Decider::run_raise(const dsl::State& state) {
  Raised raised;
  Error error;
  if (!evaluate_raise(*state.raise, scope(), &raised.error, &error)) {
    raised.error = std::move(error);
  }
  raise(std::move(raised));
}

void Decider::run_end(const dsl::State& state) {
  const dsl::End& end = *state.end;
  const EvalScope s = scope();
  Raised raised;
  dsl::Value output;
  if (!evaluate_template(end.output, s, "output", &budget_, &output, &raised.error) ||
      !fits(output, "output", 0, &raised.error)) {
    return raise(std::move(raised));
  }
  RunClosed closed;
  closed.status = end.status == dsl::EndStatus::completed ? RunStatus::completed
                  : end.status == dsl::EndStatus::failed  ? RunStatus::failed
                                                          : RunStatus::cancelled;
  if (!output.is_null()) closed.output = Payload::of(std::move(output));
  if (end.error) {
    Error error;
    if (!evaluate_raise(*end.error, s, &error, &raised.error)) return raise(std::move(raised));
    closed.error = ErrorRecord::of(error);
  }
  emit(std::move(closed));
}

// `next = "end"` at the root: the output is the result of the task just completed, else nothing.
void Decider::complete_run() {
  RunClosed closed;
  closed.status = RunStatus::completed;
  const auto last = last_results_.find(0);
  if (last != last_results_.end()) closed.output = Payload::of(last->second);
  emit(std::move(closed));
}

bool Decider::assignments(const std::vector<dsl::Assignment>& list, const EvalScope& s,
                          std::string_view key, std::vector<NamedPayload>* out, Error* error) {
  std::int64_t delta = 0;
  for (const dsl::Assignment& a : list) {
    const std::string where =
        absl::StrCat(absl::string_view(key.data(), key.size()), ".", a.variable);
    dsl::Value value;
    if (!evaluate_template(a.value, s, where, &budget_, &value, error)) return false;
    if (const dsl::Schema* schema = machine().vars.find(a.variable)) {
      std::vector<dsl::SchemaError> errors;
      value = dsl::apply_schema(*schema, value, a.variable, &errors);
      if (!errors.empty()) {
        *error =
            expression_error(where, a.value.line, "`" + errors[0].path + "` " + errors[0].message);
        return false;
      }
    }
    const Variable* old = run_->variable(at_, a.variable);
    if (old != nullptr) delta -= static_cast<std::int64_t>(old->value.length);
    if (!fits(value, where, delta, error)) return false;
    delta += static_cast<std::int64_t>(value.encoded_size());
    out->push_back({a.variable, Payload::of(std::move(value))});
  }
  return true;
}

void Decider::set_vars(std::vector<NamedPayload> vars) {
  if (!vars.empty()) emit(VarsSet{at_, std::move(vars)});
}

bool Decider::choose_branch(const std::vector<dsl::Branch>& branches, const EvalScope& s,
                            const dsl::Branch** branch, Error* error) {
  *branch = nullptr;
  for (const dsl::Branch& b : branches) {
    bool holds = false;
    if (!evaluate_condition(b.condition.get(), s, b.line, &budget_, &holds, error)) return false;
    if (holds) {
      *branch = &b;
      return true;
    }
  }
  return true;
}

bool Decider::take_branch(const dsl::Branch& branch, EvalScope* s, const HandlerPlace& place,
                          Cause cause, std::string detail, Error* error) {
  std::vector<NamedPayload> vars;
  if (!assignments(branch.save, *s, "save", &vars, error)) return false;
  PlannedTask planned;
  if (branch.task) {
    s->overlay(vars);
    if (!plan_task(*branch.task, *s, place, StepRole::handler, &planned, error)) return false;
  }
  set_vars(std::move(vars));
  if (branch.task) schedule(std::move(planned), *branch.task);
  if (branch.next) go(*branch.next, cause, std::move(detail));
  return true;
}

}  // namespace pawl::engine
