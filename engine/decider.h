// Inside of decide: one decision being made. Events are folded into a working copy as they are
// emitted, so every step sees what will be true. The machines' files (decide_*.cc) are this class's
// methods; nothing here outlives the call.
//
// Entering a state may lead straight to the next one (choose, set, a buffered signal, a caught
// error). Such a step is not a call: it is left in `pending_`, and settle() takes one after the
// other, so that no workflow makes the stack deep and a loop is counted in one place.
//
// A run may be in several machines at once (run_tree.h). Whatever is decided is decided for one of
// them, `at_`; who goes on with another one sets it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/random.h"
#include "dsl/definition.h"
#include "engine/decide.h"
#include "engine/evaluate.h"
#include "engine/event_bytes.h"
#include "engine/run.h"
#include "engine/scope.h"
#include "engine/task_identity.h"

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
  void apply(const AnswerCall& command);
  void apply(const EndCall& command);
  void apply(const AnswerSignal& command);
  void apply(const TellCaller& command);
  void apply(const Reset& command);
  void apply(const Migrate& command);
  void apply(const TakePermit& command);
  void apply(const DropPermit& command);
  void apply(const Start& command);  // not for decide(): refused
  Decision finish();

 private:
  struct Transition {
    std::uint32_t frame = 0;
    std::string to;  // a state, or "end"
    Cause cause = Cause::next;
    std::string detail;
  };
  class At;  // decides for another machine meanwhile
  // --- decide.cc ---
  const dsl::Definition& definition() const;
  void emit(Event event);
  [[gnu::cold]] void refuse(Refusal why, std::string detail);
  bool refused() const { return decision_.refusal != Refusal::none; }
  Timer timer(TimerKind kind, std::uint64_t owner, TimeMs at, std::int64_t interval_ms = 0) const;
  TimeMs after_ms(std::int64_t ms) const { return TimeMs(context_.now.v + ms); }
  EvalScope scope() const { return EvalScope(*run_, at_, context_.now); }
  Random& random();
  // Within all bounds? `error` is sys.too_big; `delta` is what else changes in the run, in bytes.
  bool fits(const dsl::Value& value, std::string_view what, std::int64_t delta, Error* error);

  // --- decide_state.cc ---
  const dsl::Flow& machine() const;
  std::string machine_place() const;
  const dsl::State& current_state() const;
  std::string current_place() const;
  void go(std::string to, Cause cause, std::string detail = {});
  bool stays() const;  // it goes nowhere else, nor do those that enclose it
  void settle();
  int& automatic_steps();  // of the machine decided for
  Transition take_pending();
  void enter(const Transition& transition);
  void forget_undos(const dsl::State& state);
  bool entry_parts(const dsl::State& state, const EvalScope& before, StateEntered* entered,
                   Error* error);
  void finish_entry();
  void retry_entry();
  void run_verb(const dsl::State& state);
  void await_renewal();
  void run_task(const dsl::State& state);
  void run_sleep(const dsl::State& state);
  void run_choose(const dsl::State& state);
  void run_raise(const dsl::State& state);
  void run_end(const dsl::State& state);
  void complete_run();
  void too_many_steps();
  void too_much_at_once();
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

  // --- decide_flow.cc: machines within machines ---
  bool frames_room(std::size_t more, Error* error) const;
  void open_frame(FrameRole role, std::string name, std::uint32_t index, const dsl::Machine& inner,
                  std::string_view branch);
  void run_flow(const dsl::State& state);
  void run_parallel(const dsl::State& state);
  // The machine goes to its end: what it hands out goes to the encloser.
  void leave_flow();
  bool flow_result(const InnerFrame& inner, dsl::Value* result, Error* error);
  const dsl::MapSpec& map_of(const InnerFrame& item);
  // A `parallel` or a `map` of this machine has one more that is over.
  void gather_on();
  void cancel_rest();
  dsl::Value branch_results(const dsl::State& state) const;
  // What the state's verb gave: `save`, undo, `next`. Whatever fails from here on keeps it.
  void after_result(const dsl::State& state, const dsl::Value& raw);
  void keep_results();

  // --- decide_map.cc ---
  void run_map(const dsl::State& state);
  bool plan_map(const dsl::MapSpec& map, MapStarted* started, Error* error);
  void begin_items();
  void finish_map();
  dsl::Value item_results() const;
  dsl::Value failed_items() const;

  // --- decide_undo.cc ---
  bool plan_undo(const dsl::Undo& undo, const std::string& place, std::uint32_t visit, EvalScope* s,
                 UndoRecorded* planned, Error* error);
  void record(UndoRecorded planned);
  void run_compensate();

  // --- decide_call.cc ---
  void run_call(const dsl::State& state);
  bool plan_call(const dsl::State& state, CallStarted* started, Error* error);
  void run_send(const dsl::State& state);
  bool plan_send(const dsl::SendSpec& send, SignalSent* sent, Error* error);
  void end_call(std::uint32_t call, std::optional<RunStatus> status, const dsl::Value& output,
                const std::optional<Error>& error);
  void begin_anew();
  bool plan_renewal(CheckpointParts* parts, Error* error);

  // --- decide_error.cc ---
  [[gnu::cold]] void raise(Raised raised);
  bool try_catch(const Raised& raised);  // the machine's state takes it
  // What the machine is a branch or an item of does without it (yes), or not (no), or not any more:
  // past is another error, raised by the map, which is now decided for.
  enum class Tolerated : std::uint8_t { no, yes, past };
  Tolerated try_tolerate(Raised* raised);
  void open_incident(const Raised& raised);
  bool incident_room() const;
  void retry_incident(IncidentId id, const std::string& reason, const Actor& actor);
  void redo(const Incident& incident);

  // --- decide_task.cc ---
  struct PlannedTask {
    TaskScheduled event;
    std::vector<TaskLimit> limits;
  };
  bool plan_task(const dsl::TaskSpec& spec, const EvalScope& s, const HandlerPlace& place,
                 StepRole role, PlannedTask* planned, Error* error);
  void schedule(PlannedTask task, const dsl::TaskSpec& spec);
  std::vector<Timer> queue_timers(const Step& step);
  const dsl::TaskSpec& spec_of(const Step& step) const;
  const Step* take_back(StepId id, std::uint32_t attempt);
  // False if the outcome is refused or was answered already.
  bool accept_outcome(StepId step, std::uint32_t attempt, const ErrorRecord* error,
                      const dsl::Value* result);
  bool repeats(const RememberedOutcome& outcome, const ErrorRecord* error,
               const dsl::Value* result) const;
  void complete(StepId id, std::uint32_t attempt, const dsl::Value& result, const Actor& actor);
  void fail(StepId id, const ErrorRecord& error, std::optional<bool> retryable, bool reported,
            const Actor& actor);
  bool may_retry(const Step& step, const dsl::Retry& policy, const std::string& type,
                 std::optional<bool> retryable) const;
  std::int64_t backoff_ms(const dsl::Retry& policy, std::uint32_t used);
  ErrorRecord lost_lease_error(const Step& step) const;

  // --- decide_permit.cc ---
  bool plan_limits(const dsl::TaskSpec& spec, const EvalScope& s, std::vector<TaskLimit>* planned,
                   Error* error);
  void carry(const RunPermits& before);  // of the generation before

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
    std::uint32_t frame = 0;
    bool failed = false;  // a condition could not be evaluated
    Error error;
  };
  bool check_signal(const Signal& command, const dsl::SignalSpec& spec, dsl::Value* payload);
  bool may_send(const dsl::SignalSpec& spec) const;
  // Innermost first, then branches by name, items by index; last the root's own handlers.
  Taker find_taker(const std::string& name, const dsl::Value& payload, const Actor& actor);
  void find_taker_within(std::uint32_t frame, const std::string& name, const dsl::Value& payload,
                         const Actor& actor, Taker* taker);
  bool root_handlers_act() const;
  // The signal's own event has been emitted.
  void deliver(const Taker& taker, const std::string& name, const Payload& payload,
               const Actor& actor);
  void offer_waiting();
  bool offer(const WaitingSignal& signal);  // true if a handler took it
  void redeliver(const std::string& name, const Payload& payload, const Actor& actor);
  void store_signal(const Signal& command, dsl::Value payload, SignalFate fate,
                    std::optional<std::int64_t> buffer_ms);
  SignalReceived received(const Signal& command, dsl::Value payload, SignalFate fate) const;

  // --- decide_reset.cc ---
  bool renewal_fits(const RunRenewed& renewed, std::size_t permits);  // else it is refused

  // --- decide_lifecycle.cc ---
  void replay_held();
  void end_held_call(const OpenCall& held);
  void take_up_waiting();
  void replay_outcome(const HeldOutcome& held);
  void replay_signal(const WaitingSignal& signal);

  const Context& context_;
  const dsl::Definition* renewed_ = nullptr;  // the run goes on with this one
  std::shared_ptr<Run> run_;
  Decision decision_;
  HashScratch scratch_;
  CostBudget budget_;
  std::uint32_t at_ = 0;                        // the machine decided for
  absl::InlinedVector<Transition, 1> pending_;  // at most one a machine
  std::optional<Random> random_;
  std::map<std::uint32_t, dsl::Value> last_results_;  // of this decision, by machine
  std::uint64_t bytes_ = 0;                           // of the payloads emitted
  absl::InlinedVector<std::pair<std::uint32_t, int>, 1> automatic_steps_;  // by machine
  int loops_ = 0, frames_opened_ = 0;
};

class Decider::At {
 public:
  At(Decider* decider, std::uint32_t frame) : decider_(decider), before_(decider->at_) {
    decider->at_ = frame;
  }
  ~At() { decider_->at_ = before_; }
  At(const At&) = delete;
  At& operator=(const At&) = delete;

 private:
  Decider* decider_;
  std::uint32_t before_;
};

// True if `type` equals a pattern, or begins with one that ends in '*'.
bool matches_error(const std::vector<std::string>& patterns, const std::string& type);

}  // namespace pawl::engine
