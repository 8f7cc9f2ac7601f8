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
  // Counts one more entry or firing; false if that does not make it `count`.
  bool count_visit(std::string_view path, std::string_view name, std::uint32_t count);

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
// evolve_state.cc
bool fold(Fold& f, const StateEntered& e);
bool fold(Fold& f, const VarsSet& e);
bool fold(Fold& f, const TimersArmed& e);
bool fold(Fold& f, const TimerFired& e);
bool fold(Fold& f, const ErrorRaised& e);
bool fold(Fold& f, const IncidentOpened& e);
bool fold(Fold& f, const IncidentClosed& e);
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

}  // namespace pawl::engine
