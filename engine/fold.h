// Inside of evolve: what the folds of one event share, and the folds by machine. Only evolve*.cc
// and run_problem.cc include this.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/event.h"
#include "engine/run.h"

namespace pawl::engine {

// One event being folded. `run.seq` already counts it.
struct Fold {
  Run& run;
  TimeMs time;
  const std::vector<Digest>& digests;  // of the event's payloads, by ordinal

  // The payload as the run keeps it: with its digest.
  Payload keep(const Payload& payload, std::size_t ordinal) const;
  // Numbered in turn from last_timer; false if not.
  bool arm(const std::vector<Timer>& timers);
  void disarm(TimerKind kind, std::uint64_t owner);
  // Assigns variables; their payloads have the ordinals from `ordinal` on.
  bool set_vars(std::uint32_t frame, const std::vector<NamedPayload>& vars, std::size_t ordinal);
  // Counts one more entry of a state or firing of a handler of this machine; false if that does not
  // make it `count`.
  bool count_visit(std::uint32_t frame, std::string_view name, std::uint32_t count);

  // A machine of the run, to be edited; null if there is none.
  Frame* edit_frame(std::uint32_t id);
  InnerFrame* edit_inner(std::uint32_t id);
  Gather* edit_gather(std::uint32_t frame);
  // Everything within a machine's state goes: inner machines with their steps, timers and
  // incidents, what is gathered, calls. Undos recorded within become the machine's own; tasks of
  // handlers go on as the root's.
  void clear_inner(std::uint32_t frame);
  // The machine itself and all within; its undos become its parent's.
  void remove_inner(std::uint32_t frame);

  Step* edit_step(StepId id);
  void remove_step(StepId id);
  // Disarms what belongs to a step.
  void disarm_step(StepId id);
  // Nobody wants its outcome any more: gone, or withdrawn while a worker has it.
  void withdraw(StepId id);
  void drop_held(StepId id);
  void remember(StepId step, std::uint32_t attempt, const ErrorRecord* error,
                std::uint32_t ordinal);
  bool remove_incident(IncidentId id);
  void drop_call(std::uint32_t id);
  // Takes a signal out of those that wait, and disarms its expiry; false if it is not there.
  bool take_signal(std::uint64_t number);

  void grow(std::uint64_t bytes) { run.state_bytes += bytes; }
  void shrink(std::uint64_t bytes) { run.state_bytes -= bytes; }
};

// Bytes of all payloads a run holds, counted afresh.
std::uint64_t count_state_bytes(const Run& run);

// How dedupe ids are remembered.
std::array<unsigned char, 16> seen_hash(const Run& run, std::string_view dedupe_id);

// evolve_run.cc
bool fold(Fold& f, const RunStarted& e);
bool fold(Fold& f, const RunActivated& e);
bool fold(Fold& f, const RunPaused& e);
bool fold(Fold& f, const RunResumed& e);
bool fold(Fold& f, const RunCancelRequested& e);
bool fold(Fold& f, const RunMoved& e);
bool fold(Fold& f, const RunClosed& e);
bool fold(Fold& f, const RunDataDeleted& e);
// evolve_checkpoint.cc
bool fold(Fold& f, const RunContinued& e);
bool fold(Fold& f, const RunRenewed& e);
bool fold(Fold& f, const RunReset& e);
// evolve_flow.cc
bool fold(Fold& f, const FlowEntered& e);
bool fold(Fold& f, const FlowLeft& e);
bool fold(Fold& f, const ParallelStarted& e);
bool fold(Fold& f, const MapStarted& e);
bool fold(Fold& f, const MapRetried& e);
bool fold(Fold& f, const ResultKept& e);
// evolve_undo.cc
bool fold(Fold& f, const UndoRecorded& e);
bool fold(Fold& f, const UndosForgotten& e);
// The undos that wait for the step's first hand-out count from now on, or are gone.
void count_undos_of(Fold& f, StepId step);
void drop_undos_of(Fold& f, StepId step);
// The step carries an undo out; false if there is no such undo.
bool begin_undo(Fold& f, std::uint32_t undo, StepId step);
// It has, or it is taken back.
void end_undo(Fold& f, StepId step, bool done);
// evolve_call.cc
bool fold(Fold& f, const CallStarted& e);
bool fold(Fold& f, const CallAccepted& e);
bool fold(Fold& f, const CallEnded& e);
bool fold(Fold& f, const CallHeld& e);
bool fold(Fold& f, const SignalSent& e);
bool fold(Fold& f, const SignalAnswered& e);
bool fold(Fold& f, const RunCalled& e);
bool fold(Fold& f, const CallerTold& e);
// evolve_state.cc
bool fold(Fold& f, const StateEntered& e);
bool fold(Fold& f, const VarsSet& e);
bool fold(Fold& f, const TimersArmed& e);
bool fold(Fold& f, const TimerFired& e);
bool fold(Fold& f, const ErrorRaised& e);
bool fold(Fold& f, const IncidentOpened& e);
bool fold(Fold& f, const IncidentClosed& e);
// What a machine's state holds goes with it; the machine is then to be in another, or to go.
void leave_state(Fold& f, std::uint32_t frame);
// evolve_signal.cc
bool fold(Fold& f, const SignalReceived& e);
bool fold(Fold& f, const SignalTaken& e);
bool fold(Fold& f, const SignalBuffered& e);
bool fold(Fold& f, const SignalExpired& e);
// evolve_task.cc
bool fold(Fold& f, const TaskScheduled& e);
bool fold(Fold& f, const TaskStarted& e);
bool fold(Fold& f, const TaskReturned& e);
bool fold(Fold& f, const TaskCompleted& e);
bool fold(Fold& f, const TaskFailed& e);
bool fold(Fold& f, const TaskRequeued& e);
bool fold(Fold& f, const TaskProgress& e);
bool fold(Fold& f, const TaskReleased& e);
bool fold(Fold& f, const OutcomeHeld& e);
// evolve_permit.cc
bool fold(Fold& f, const TaskLimited& e);
bool fold(Fold& f, const PermitGranted& e);
bool fold(Fold& f, const PermitReturned& e);
bool fold(Fold& f, const PermitsCarried& e);
// Of a step with limits; nothing of others. Its attempt is over; the step is gone.
void give_permits_back(Fold& f, StepId step);
void forget_limits(Fold& f, StepId step);
// It is due again: true if it needs permits before it is queued.
bool limit_again(Fold& f, StepId step);

}  // namespace pawl::engine
