// Inside of decide: one decision being made. Events are folded into a working copy as they are
// emitted, so every step sees what will be true. The machines' files (decide_*.cc) are this class's
// methods; nothing here outlives the call.
//
// Entering a state may lead straight to the next one (choose, set, a buffered signal, a caught
// error). Such a step is not a call: it is left in `pending_`, and settle() takes one after the
// other, so that no workflow makes the stack deep and a loop is counted in one place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "dsl/definition.h"
#include "engine/decide.h"
#include "engine/evaluate.h"
#include "engine/event_bytes.h"
#include "engine/run.h"
#include "engine/scope.h"

namespace pawl::engine {

// Where an error comes from and what a retry of its incident would do again.
struct Raised {
  Error error;
  std::uint32_t attempt = 0;
  IncidentStage stage = IncidentStage::verb;
  StepId step;
  std::string name;
  Payload kept;
  Actor actor;
  TimerKind timer_kind = TimerKind::after;
  std::uint64_t timer_owner = 0;
  const dsl::Retry* policy = nullptr;  // of the task that failed
  bool recorded = false;               // an event tells of it already
  bool straight_to_incident = false;
};

// Where a branch with a task stands: part of the task's identity.
struct HandlerPlace {
  std::string state;    // "" at the root
  std::string handler;  // "on.approval", "after.0", "root.every.1"
};

class Decider {
 public:
  // `run` is what the command was sent to; a fresh Run{} for a start.
  Decider(std::shared_ptr<Run> run, const Context& context);

  // --- commands (one file each, or one a machine) ---
  void start(const RunUid& uid, const Start& command);
  void apply(const Signal& command);
  void apply(const Move& command);
  void apply(const Cancel& command);
  void apply(const Terminate& command);
  void apply(const Pause& command);
  void apply(const Resume& command);
  void apply(const RetryIncident& command);
  void apply(const HandOut& command);
  void apply(const ReturnTask& command);
  void apply(const CompleteTask& command);
  void apply(const FailTask& command);
  void apply(const ProgressTask& command);
  void apply(const LoseLease& command);
  void apply(const FireTimers& command);
  void apply(const DeleteData& command);
  void apply(const Checkpoint& command);
  void apply(const Start& command);  // not for decide(): refused

  Decision finish();

 private:
  struct Transition {
    std::string to;  // a state, or "end"
    Cause cause = Cause::next;
    std::string detail;
  };

  // --- decide.cc ---
  const dsl::Definition& definition() const;
  void emit(Event event);
  [[gnu::cold]] void refuse(Refusal why, std::string detail);
  bool refused() const { return decision_.refusal != Refusal::none; }
  // Numbered when its event is emitted.
  static Timer timer(TimerKind kind, std::uint64_t owner, TimeMs at, std::int64_t interval_ms = 0);
  TimeMs after_ms(std::int64_t ms) const { return TimeMs(context_.now.v + ms); }
  EvalScope scope() const { return EvalScope(*run_, 0, context_.now); }
  Random& random();
  // Checks size, depth, the run's state and the decision's bytes; `error` is sys.too_big. `delta`
  // is what else changes in the run's state along with it, in bytes.
  bool fits(const dsl::Value& value, std::string_view what, std::int64_t delta, Error* error);

  // --- decide_state.cc ---
  const dsl::State& current_state() const;
  void go(std::string to, Cause cause, std::string detail = {});
  void settle();
  void enter(const Transition& transition);
  bool entry_parts(const dsl::State& state, const EvalScope& before, StateEntered* entered,
                   Error* error);
  void finish_entry();
  void retry_entry();
  void run_verb(const dsl::State& state);
  void run_sleep(const dsl::State& state);
  void run_choose(const dsl::State& state);
  void run_raise(const dsl::State& state);
  void run_end(const dsl::State& state);
  void complete_run();
  void too_many_steps();
  bool evaluate_raise(const dsl::Raise& raise, const EvalScope& s, Error* raised, Error* error);
  bool assignments(const std::vector<dsl::Assignment>& list, const EvalScope& s,
                   std::string_view key, std::vector<NamedPayload>* out, Error* error);
  void set_vars(std::vector<NamedPayload> vars);
  // The first branch whose condition holds; null if none. False on an error.
  bool choose_branch(const std::vector<dsl::Branch>& branches, const EvalScope& s,
                     const dsl::Branch** branch, Error* error);
  // Saves, schedules the branch's task, and goes on if it has a `next`. All or nothing.
  bool take_branch(const dsl::Branch& branch, EvalScope* s, const HandlerPlace& place, Cause cause,
                   std::string detail, Error* error);

  // --- decide_error.cc ---
  [[gnu::cold]] void raise(Raised raised);
  bool try_catch(const Raised& raised);
  void open_incident(const Raised& raised);
  bool incident_room() const;
  void retry_incident(IncidentId id, const std::string& reason, const Actor& actor);
  void redo(const Incident& incident);

  // --- decide_task.cc ---
  bool plan_task(const dsl::TaskSpec& spec, const EvalScope& s, const HandlerPlace& place,
                 StepRole role, TaskScheduled* planned, Error* error);
  void schedule(TaskScheduled planned, const dsl::TaskSpec& spec);
  std::vector<Timer> queue_timers(const Step& step);
  const dsl::TaskSpec& spec_of(const Step& step) const;
  const Step* take_back(StepId id, std::uint32_t attempt);
  // False if the outcome is refused or was answered already.
  bool accept_outcome(StepId step, std::uint32_t attempt, const ErrorRecord* error,
                      const dsl::Value* result);
  bool repeats(const RememberedOutcome& outcome, const ErrorRecord* error,
               const dsl::Value* result) const;
  void complete(StepId id, std::uint32_t attempt, const dsl::Value& result, const Actor& actor);
  void after_success(const dsl::State& state, const dsl::Value& result);
  void fail(StepId id, const ErrorRecord& error, std::optional<bool> retryable, bool reported,
            const Actor& actor);
  bool may_retry(const Step& step, const dsl::Retry& policy, const std::string& type,
                 std::optional<bool> retryable) const;
  std::int64_t backoff_ms(const dsl::Retry& policy, std::uint32_t used);
  ErrorRecord lost_lease_error(const Step& step) const;

  // --- decide_timer.cc ---
  std::vector<Timer> root_timers(Error* error);
  const Timer* earliest_due(TimerId newest) const;
  void fire(const Timer& timer);
  void fire_of_step(const Timer& timer);
  void run_timer_handler(TimerKind kind, std::uint64_t owner);
  const dsl::TimerHandler* timer_handler(TimerKind kind, std::uint64_t owner) const;
  void time_out_run();

  // --- decide_signal.cc ---
  struct Taker {
    const dsl::SignalHandler* handler = nullptr;
    const dsl::Branch* branch = nullptr;
    bool root = false;
    bool failed = false;  // a condition could not be evaluated
    Error error;
  };
  bool check_signal(const Signal& command, const dsl::SignalSpec& spec, dsl::Value* payload);
  bool may_send(const dsl::SignalSpec& spec) const;
  Taker find_taker(const std::string& name, EvalScope* s);
  // The signal's own event has been emitted.
  void deliver(const Taker& taker, const std::string& name, const Payload& payload,
               const Actor& actor, EvalScope* s);
  void offer_waiting();
  // True if a handler took it.
  bool offer(const WaitingSignal& signal);
  void redeliver(const std::string& name, const Payload& payload, const Actor& actor);
  void store_signal(const Signal& command, dsl::Value payload, SignalFate fate,
                    std::optional<std::int64_t> buffer_ms);
  SignalReceived received(const Signal& command, dsl::Value payload, SignalFate fate) const;

  // --- decide_lifecycle.cc ---
  void replay_held();
  void replay_outcome(const HeldOutcome& held);
  void replay_signal(const WaitingSignal& signal);

  const Context& context_;
  std::shared_ptr<Run> run_;
  Decision decision_;
  HashScratch scratch_;
  CostBudget budget_;
  std::optional<Transition> pending_;
  std::optional<Random> random_;
  std::optional<dsl::Value> last_result_;  // of a task completed in this decision
  std::uint64_t bytes_ = 0;                // of the payloads emitted
  int automatic_steps_ = 0;
  int loops_ = 0;
};

// True if `type` equals a pattern, or begins with one that ends in '*'.
bool matches_error(const std::vector<std::string>& patterns, const std::string& type);

// The task a step runs, or null if the definition has no such place.
const dsl::TaskSpec* find_task_spec(const dsl::Definition& definition, const Step& step);

}  // namespace pawl::engine
