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
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "engine/decider.h"

namespace pawl::engine {

const dsl::State& Decider::current_state() const {
  const dsl::State* state = definition().root.find(run_->state());
  PAWL_CHECK(state != nullptr);
  return *state;
}

void Decider::go(std::string to, Cause cause, std::string detail) {
  pending_ = Transition{std::move(to), cause, std::move(detail)};
}

void Decider::settle() {
  while (pending_ && !run_->closed()) {
    const Transition transition = std::move(*pending_);
    pending_.reset();
    if (transition.to == "end") {
      complete_run();
    } else if (++automatic_steps_ > limits::kAutomaticStepsMax) {
      too_many_steps();
    } else {
      enter(transition);
    }
  }
  pending_.reset();
}

// The first time whoever takes errors may take it; if that loops again, it is an incident.
void Decider::too_many_steps() {
  automatic_steps_ = 0;
  Raised raised;
  raised.error = {"sys.loop",
                  absl::StrCat("more than ", limits::kAutomaticStepsMax,
                               " automatic steps in a row; state `", run_->state(), "`"),
                  {}};
  raised.straight_to_incident = ++loops_ > 1;
  raise(std::move(raised));
}

void Decider::enter(const Transition& transition) {
  const dsl::State* state = definition().root.find(transition.to);
  PAWL_CHECK(state != nullptr);
  StateEntered entered;
  entered.state = state->name;
  entered.visit = run_->visits_of(run_->frames[0].path, state->name) + 1;
  entered.cause = transition.cause;
  entered.detail = transition.detail;
  Error error;
  const bool whole = entry_parts(*state, scope(), &entered, &error);
  emit(std::move(entered));
  if (whole) return finish_entry();
  Raised raised;
  raised.error = std::move(error);
  raised.stage = IncidentStage::entry;
  raise(std::move(raised));
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
  if (!pending_ && !run_->closed()) run_verb(state);
}

void Decider::retry_entry() {
  const dsl::State& state = current_state();
  const std::int64_t late_ms = context_.now.v - run_->frames[0].entered_at.v;
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
      break;
  }
  TaskScheduled planned;
  Error error;
  if (plan_task(*state.task, scope(), {state.name, ""}, StepRole::state, &planned, &error)) {
    return schedule(std::move(planned), *state.task);
  }
  Raised raised;
  raised.error = std::move(error);
  raise(std::move(raised));
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
  if (!take_branch(*branch, &s, {state.name, "choose"}, Cause::next, "", &raised.error)) {
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
  if (last_result_) closed.output = Payload::of(*last_result_);
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
    if (const dsl::Schema* schema = definition().root.vars.find(a.variable)) {
      std::vector<dsl::SchemaError> errors;
      value = dsl::apply_schema(*schema, value, a.variable, &errors);
      if (!errors.empty()) {
        *error =
            expression_error(where, a.value.line, "`" + errors[0].path + "` " + errors[0].message);
        return false;
      }
    }
    const Variable* old = run_->variable(0, a.variable);
    if (old != nullptr) delta -= static_cast<std::int64_t>(old->value.length);
    if (!fits(value, where, delta, error)) return false;
    delta += static_cast<std::int64_t>(value.encoded_size());
    out->push_back({a.variable, Payload::of(std::move(value))});
  }
  return true;
}

void Decider::set_vars(std::vector<NamedPayload> vars) {
  if (!vars.empty()) emit(VarsSet{0, std::move(vars)});
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
  TaskScheduled planned;
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
