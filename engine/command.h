// Everything that can be asked of one run. A Command is what a client, a worker, a timer or the
// node itself wants; `decide` turns it into events or a refusal. Commands are never stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "dsl/definition.h"
#include "dsl/value.h"

namespace pawl::engine {

struct Run;

// A step of a run that is a task: the state's own or a handler's. Numbered within the run, from 1.
using StepId = Strong<struct StepIdTag, std::uint32_t>;
// Numbered within the run, from 1; never reused.
using TimerId = Strong<struct TimerIdTag, std::uint32_t>;
using IncidentId = Strong<struct IncidentIdTag, std::uint32_t>;

// Who asked: recorded in the events. `box` is 0 when the engine itself acts (timers, leases).
struct Actor {
  NodeId box;
  std::uint32_t uid = 0;
  std::vector<std::uint32_t> gids;  // sorted
  friend bool operator==(const Actor&, const Actor&) = default;
};

struct Error {
  std::string type;
  std::string message;
  dsl::Value data;
};

// The run that calls another one.
struct CalledBy {
  GroupId group;  // with `index` its uid
  Index index;
  std::string run;  // its id
  std::uint32_t call = 0;
  std::uint32_t depth = 0;  // of calls; 1: nobody called the caller
  bool wait = true;
};

struct Start {
  std::string id;  // as it is kept (namespace.h); the plain one is valid (run_id.h)
  std::uint32_t version = 0;
  dsl::Value input;                                       // a map, as the client sent it
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by name
  std::optional<TimeMs> start_at;
  std::optional<CalledBy> caller;  // absent: a client
};

struct Signal {
  std::string name;
  dsl::Value payload;
  std::string dedupe_id;  // "" = none
  std::optional<std::string> expect_state;
  std::optional<Seq> expect_seq;
};

struct Move {
  std::string from, to, reason;
  std::optional<Seq> seq;
  std::vector<std::pair<std::string, dsl::Value>> vars;
};

struct Cancel {
  std::string reason;
};
struct Terminate {
  std::string reason;
};
struct Pause {
  std::string reason;
};
struct Resume {
  std::string reason;
};
// Runs a step in incident again; without an id all of the run's incidents.
struct RetryIncident {
  std::optional<IncidentId> incident;
  std::string reason;
};

// Gives a queued step to a worker.
struct HandOut {
  StepId step;
  std::string worker;
  std::string poll_key;  // Idempotency-Key of the poll: repeated, it gets the same tasks
};
// The hand-out reached no worker: back to the queue, no attempt used.
struct ReturnTask {
  StepId step;
  std::uint32_t attempt = 0;
};
struct CompleteTask {
  StepId step;
  std::uint32_t attempt = 0;
  dsl::Value result;
};
struct FailTask {
  StepId step;
  std::uint32_t attempt = 0;
  Error error;
  std::optional<bool> retryable;  // true: whatever `never` says; false: not; absent: by policy
};
// Commits the details of a heartbeat; they reach the next attempt as its progress.
struct ProgressTask {
  StepId step;
  std::uint32_t attempt = 0;
  dsl::Value details;
};
struct LoseLease {
  StepId step;
  std::uint32_t attempt = 0;
};
// All of the run's timers due at the context's `now` fire, in order.
struct FireTimers {};

// Scrubs what a closed run holds, for good.
struct DeleteData {
  std::string reason;
};

// The answer to a call: the child runs under this uid, or an error says why it does not.
struct AnswerCall {
  std::uint32_t call = 0;
  GroupId group;
  Index index;
  std::optional<Error> error;
};
// A child that was waited for has ended. Unlike RunStatus it is never `data_deleted`.
struct EndCall {
  std::uint32_t call = 0;
  std::uint8_t status = 0;  // RunStatus
  dsl::Value output;
  std::optional<Error> error;
};
struct AnswerSignal {
  std::uint32_t call = 0;
  std::optional<Error> error;  // it was refused
};
// To a child: its caller has taken EndCall.
struct TellCaller {};

// A permit (permit.h) is granted; nothing comes of it if that is known already. Or the group that
// keeps the limit knows that it was given back.
struct TakePermit {
  std::uint32_t permit = 0;
  std::string limit, key;  // of which it is
};
struct DropPermit {
  std::uint32_t permit = 0;
};

// Begins anew as the run was after the event `to`, whatever came of it since. The node reads `past`
// from the history: the run after the last event of the entry that has this one.
struct Reset {
  Seq to;
  std::string reason;
  std::shared_ptr<const Run> past;
};

// Goes on by another version of its workflow, the context's `latest`.
struct Migrate {
  std::optional<std::uint32_t> version;  // for the node; absent: the default
  bool dry_run = false;                  // likewise: nothing comes of the decision
  std::string reason;
};

// The run's history is past what its definition allows: it continues as new, in the same state.
struct Checkpoint {};

using Command = std::variant<Start, Signal, Move, Cancel, Terminate, Pause, Resume, RetryIncident,
                             HandOut, ReturnTask, CompleteTask, FailTask, ProgressTask, LoseLease,
                             FireTimers, DeleteData, Checkpoint, AnswerCall, EndCall, AnswerSignal,
                             TellCaller, Reset, Migrate, TakePermit, DropPermit>;

}  // namespace pawl::engine
