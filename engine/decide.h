// decide(run, command, now) -> events: the only place where the DSL is evaluated. Pure: the same
// arguments give the same events on every machine. Runs on a group's leader alone.
//
// While deciding, each event is folded into a working copy with the very `evolve` that every
// replica runs, so what later steps of the same decision see is what will be true.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "dsl/definition.h"
#include "engine/command.h"
#include "engine/event.h"
#include "engine/run.h"

namespace pawl::engine {

struct Context {
  TimeMs now;              // the entry's time
  std::uint64_t seed = 0;  // for salts and jitter; drawn by the node, never by the engine
  Actor actor;
  // Names of the actor's system groups, for signals with `groups`; numbers match actor.gids.
  std::vector<std::string> actor_groups;
  // Of the run's version; needed by every command but HandOut, ReturnTask, ProgressTask, Pause,
  // Terminate and DeleteData. A Reset's is of the version that the past had.
  const dsl::Definition* definition = nullptr;
  // Which group a run's id belongs to follows from it; at least 1 if the definition calls or sends.
  std::uint16_t run_groups = 0;
  // For a Checkpoint, the default version of the run's workflow: for `continue` with version =
  // "latest". Null: not known, then the run's own is. For a Migrate, what it is to go by; not null.
  const dsl::Definition* latest = nullptr;
  std::uint32_t latest_version = 0;
};

// Why a command changed nothing. Each maps to one problem type of the API.
enum class Refusal : std::uint8_t {
  none,
  signal_not_accepted,   // 409; `accepted` lists what is
  signal_unknown,        // 409: not declared by the workflow; `accepted` lists what is
  signal_forbidden,      // 403: [signal.X] groups
  signal_buffer_full,    // 429
  payload_invalid,       // 422; `detail` says where and how
  input_invalid,         // 422
  wrong_state,           // 409: expect_state, move.from
  wrong_seq,             // 412
  move_not_allowed,      // 409; `accepted` lists the moves
  run_closed,            // 409
  run_open,              // 409: only a closed run's data is deleted
  run_not_paused,        // 409 (resume)
  already_paused,        // 409
  no_incident,           // 404
  task_unknown,          // 404: never issued
  task_withdrawn,        // 409
  lease_lost,            // 409
  too_big,               // 413
  reset_impossible,      // 409: there is no going on from that event
  migration_impossible,  // 409: something has no place in the other version; `accepted` lists it
  nothing_to_do,  // internal commands: no timer is due, the lease was renewed, the step is not
                  // queued
};

struct Decision {
  Refusal refusal = Refusal::none;
  std::string detail;                 // a sentence for the client
  std::vector<std::string> accepted;  // see Refusal
  // A repeat of what was already done (dedupe id, repeated outcome): success, no events.
  bool duplicate = false;
  std::vector<Event> events;
  std::shared_ptr<Run> after;  // the run once the events are folded; null if there are none
};

// `uid` is that of the run to be (for Start), else run's own.
Decision decide_start(const RunUid& uid, const Start& command, const Context& context);
Decision decide(const Run& run, const Command& command, const Context& context);

// Without a look at the definition: false if the run is in no `continue` for certain.
bool awaits_renewal(const Run& run);
// The run is in a `continue`, which begins its next generation.
bool wants_renewal(const Run& run, const dsl::Definition& definition);
// It is, or it has more history than [history] of its definition allows since its last checkpoint.
bool wants_checkpoint(const Run& run, const dsl::Definition& definition);

// What to do about a start when the id is taken. `existing` is the newest run of the id.
enum class IdConflictAction : std::uint8_t { start, refuse, use_existing, terminate_then_start };
IdConflictAction resolve_id(const Run& existing, const dsl::Definition& definition);

}  // namespace pawl::engine
