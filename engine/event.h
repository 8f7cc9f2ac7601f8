// What happened to a run: the only thing that is replicated and stored. One small struct a kind.
// Kinds are numbers of the journal: never reused, their fields never change; a changed meaning is a
// new kind with a higher feature level.
//
// Each kind lists its fields once, in the order of its canonical bytes:
//
//   template <class Self, class Visitor> static void fields(Self& self, Visitor&& v);
//     -> v("name", self.name) ...
//
// A visitor meets these types: bool, std::uint16_t/32/64, std::int32_t/64, Strong<>, enumerations,
// std::string, Digest, Salt, Payload, Actor, std::optional<T>, std::vector<T>, and structs that
// list their fields in turn (Timer, NamedPayload, Tag, ErrorRecord). See event_visit.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"

namespace pawl::engine {

struct RunStarted {
  static constexpr std::uint16_t kKind = 1, kLevel = 1;
  static constexpr const char* kName = "run.started";
  GroupId group;  // with `index` the uid
  Index index;
  std::string id, workflow;
  std::uint32_t version = 0;
  Digest definition{};
  std::uint32_t generation = 1;
  Salt salt;
  Payload input;
  std::vector<NamedPayload> vars;  // first values
  std::vector<Tag> tags;
  Actor actor;
  std::optional<TimeMs> start_at;  // later than now: scheduled, `timers` holds just this one
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("group", e.group), v("index", e.index), v("id", e.id), v("workflow", e.workflow);
    v("version", e.version), v("definition", e.definition), v("generation", e.generation);
    v("salt", e.salt), v("input", e.input), v("vars", e.vars), v("tags", e.tags);
    v("actor", e.actor), v("start_at", e.start_at), v("timers", e.timers);
  }
};

// A scheduled run begins.
struct RunActivated {
  static constexpr std::uint16_t kKind = 2, kLevel = 1;
  static constexpr const char* kName = "run.activated";
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("timers", e.timers);
  }
};

// Entering implies leaving the state before: its task is withdrawn, its timers are disarmed, its
// incidents closed.
struct StateEntered {
  static constexpr std::uint16_t kKind = 3, kLevel = 1;
  static constexpr const char* kName = "state.entered";
  std::uint32_t frame = 0;
  std::string state;
  std::uint32_t visit = 0;  // entries of this state so far, this one included
  Cause cause = Cause::start;
  std::string detail;
  std::vector<NamedPayload> vars;  // `set`
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("state", e.state), v("visit", e.visit), v("cause", e.cause);
    v("detail", e.detail), v("vars", e.vars), v("timers", e.timers);
  }
};

struct VarsSet {
  static constexpr std::uint16_t kKind = 4, kLevel = 1;
  static constexpr const char* kName = "vars.set";
  std::uint32_t frame = 0;
  std::vector<NamedPayload> vars;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("vars", e.vars);
  }
};

// Timers armed after the entry: a sleep, or what an incident had held up.
struct TimersArmed {
  static constexpr std::uint16_t kKind = 5, kLevel = 1;
  static constexpr const char* kName = "timers.armed";
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("timers", e.timers);
  }
};

struct SignalReceived {
  static constexpr std::uint16_t kKind = 6, kLevel = 1;
  static constexpr const char* kName = "signal.received";
  std::uint64_t number = 0;  // 1, 2, 3 ... in the run
  std::string name;
  Payload payload;
  std::string dedupe_id;  // "" = none
  Actor actor;
  SignalFate fate = SignalFate::taken;
  std::vector<Timer> timers;  // buffered: its expiry
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("number", e.number), v("name", e.name), v("payload", e.payload);
    v("dedupe_id", e.dedupe_id), v("actor", e.actor), v("fate", e.fate), v("timers", e.timers);
  }
};

// A buffered or held signal is taken by a handler.
struct SignalTaken {
  static constexpr std::uint16_t kKind = 7, kLevel = 1;
  static constexpr const char* kName = "signal.taken";
  std::uint64_t number = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("number", e.number);
  }
};

// A signal held during a pause, which nobody takes now, goes to the buffer.
struct SignalBuffered {
  static constexpr std::uint16_t kKind = 8, kLevel = 1;
  static constexpr const char* kName = "signal.buffered";
  std::uint64_t number = 0;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("number", e.number), v("timers", e.timers);
  }
};

// A buffered signal's time is over, or a held one is taken by nobody and has no buffer.
struct SignalExpired {
  static constexpr std::uint16_t kKind = 9, kLevel = 1;
  static constexpr const char* kName = "signal.expired";
  std::uint64_t number = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("number", e.number);
  }
};

struct TimerFired {
  static constexpr std::uint16_t kKind = 10, kLevel = 1;
  static constexpr const char* kName = "timer.fired";
  TimerId timer;
  TimerKind kind = TimerKind::after;
  std::optional<TimeMs> next_at;  // of every
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("timer", e.timer), v("kind", e.kind), v("next_at", e.next_at);
  }
};

struct TaskScheduled {
  static constexpr std::uint16_t kKind = 11, kLevel = 1;
  static constexpr const char* kName = "task.scheduled";
  StepId step;
  std::uint32_t frame = 0;
  StepRole role = StepRole::state;
  std::string state;
  std::string handler;       // role handler: "on.approval", "after.0" ...; else ""
  std::uint32_t firing = 0;  // role handler: how often it fired; else the state's visit
  std::string type, queue;
  std::string key;  // idempotency key
  std::int64_t priority = 0;
  Payload input;
  std::int64_t lease_ms = 0;
  bool heartbeat = false;  // the lease is the definition's timeout.heartbeat
  std::optional<std::int64_t> queue_ms, attempt_ms;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("frame", e.frame), v("role", e.role), v("state", e.state);
    v("handler", e.handler), v("firing", e.firing), v("task", e.type), v("queue", e.queue);
    v("key", e.key), v("priority", e.priority), v("input", e.input), v("lease_ms", e.lease_ms);
    v("heartbeat", e.heartbeat), v("queue_ms", e.queue_ms), v("attempt_ms", e.attempt_ms);
    v("timers", e.timers);
  }
};

// A hand-out to a worker. Attempts are numbered from 1 and only grow.
struct TaskStarted {
  static constexpr std::uint16_t kKind = 12, kLevel = 1;
  static constexpr const char* kName = "task.started";
  StepId step;
  std::uint32_t attempt = 0;
  std::string worker;
  std::string poll_key;  // Idempotency-Key of its poll, or ""
  std::int64_t lease_ms = 0;
  std::vector<Timer> timers;  // the attempt's deadline
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("worker", e.worker);
    v("poll_key", e.poll_key);
    v("lease_ms", e.lease_ms), v("timers", e.timers);
  }
};

// The hand-out reached no worker; the attempt is not counted.
struct TaskReturned {
  static constexpr std::uint16_t kKind = 13, kLevel = 1;
  static constexpr const char* kName = "task.returned";
  StepId step;
  std::uint32_t attempt = 0;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("timers", e.timers);
  }
};

struct TaskCompleted {
  static constexpr std::uint16_t kKind = 14, kLevel = 1;
  static constexpr const char* kName = "task.completed";
  StepId step;
  std::uint32_t attempt = 0;
  Payload result;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("result", e.result), v("actor", e.actor);
  }
};

struct TaskFailed {
  static constexpr std::uint16_t kKind = 15, kLevel = 1;
  static constexpr const char* kName = "task.failed";
  StepId step;
  std::uint32_t attempt = 0;  // 0: before any hand-out (sys.timeout.queue, sys.timeout.total)
  ErrorRecord error;
  bool reported = false;  // by a worker, who may repeat it; else a timeout or a lost lease
  Actor actor;
  std::optional<TimeMs> retry_at;  // absent: final
  std::vector<Timer> timers;       // the back-off
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("error", e.error);
    v("reported", e.reported), v("actor", e.actor), v("retry_at", e.retry_at),
        v("timers", e.timers);
  }
};

// Back in its queue after a back-off or, with fresh attempts, after an incident.
struct TaskRequeued {
  static constexpr std::uint16_t kKind = 16, kLevel = 1;
  static constexpr const char* kName = "task.requeued";
  StepId step;
  bool fresh = false;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("fresh", e.fresh), v("timers", e.timers);
  }
};

struct TaskProgress {
  static constexpr std::uint16_t kKind = 17, kLevel = 1;
  static constexpr const char* kName = "task.progress";
  StepId step;
  std::uint32_t attempt = 0;
  Payload details;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("details", e.details);
  }
};

// A withdrawn task no longer counts as running: its lease has ended.
struct TaskReleased {
  static constexpr std::uint16_t kKind = 18, kLevel = 1;
  static constexpr const char* kName = "task.released";
  StepId step;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step);
  }
};

// An outcome that came while the run was paused; handled when it resumes.
struct OutcomeHeld {
  static constexpr std::uint16_t kKind = 19, kLevel = 1;
  static constexpr const char* kName = "outcome.held";
  StepId step;
  std::uint32_t attempt = 0;
  Outcome outcome = Outcome::completed;
  Payload result;
  ErrorRecord error;
  std::optional<bool> retryable;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("outcome", e.outcome), v("result", e.result);
    v("error", e.error), v("retryable", e.retryable), v("actor", e.actor);
  }
};

// An error that no task.failed tells of, and that is not (yet) an incident.
struct ErrorRaised {
  static constexpr std::uint16_t kKind = 20, kLevel = 1;
  static constexpr const char* kName = "error.raised";
  std::uint32_t frame = 0;
  ErrorRecord error;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("error", e.error);
  }
};

struct IncidentOpened {
  static constexpr std::uint16_t kKind = 21, kLevel = 1;
  static constexpr const char* kName = "incident.opened";
  IncidentId incident;
  std::uint32_t frame = 0;
  IncidentStage stage = IncidentStage::step;
  StepId step;  // stage step; else 0
  ErrorRecord error;
  std::string name;                     // stage signal
  Payload kept;                         // stages result and signal
  Actor actor;                          // stage signal: who sent it
  std::optional<TimerKind> timer_kind;  // stage timer
  std::uint64_t timer_owner = 0;
  std::vector<Timer> timers;  // `again`
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("incident", e.incident), v("frame", e.frame), v("stage", e.stage), v("step", e.step);
    v("error", e.error), v("name", e.name), v("kept", e.kept), v("actor", e.actor);
    v("timer_kind", e.timer_kind), v("timer_owner", e.timer_owner), v("timers", e.timers);
  }
};

struct IncidentClosed {
  static constexpr std::uint16_t kKind = 22, kLevel = 1;
  static constexpr const char* kName = "incident.closed";
  IncidentId incident;
  IncidentEnd how = IncidentEnd::retried;
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("incident", e.incident), v("how", e.how), v("reason", e.reason), v("actor", e.actor);
  }
};

struct RunPaused {
  static constexpr std::uint16_t kKind = 23, kLevel = 1;
  static constexpr const char* kName = "run.paused";
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("reason", e.reason), v("actor", e.actor);
  }
};

struct RunResumed {
  static constexpr std::uint16_t kKind = 24, kLevel = 1;
  static constexpr const char* kName = "run.resumed";
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("reason", e.reason), v("actor", e.actor);
  }
};

struct RunCancelRequested {
  static constexpr std::uint16_t kKind = 25, kLevel = 1;
  static constexpr const char* kName = "run.cancel_requested";
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("reason", e.reason), v("actor", e.actor);
  }
};

// A client's own transition; the state.entered that follows it does the moving.
struct RunMoved {
  static constexpr std::uint16_t kKind = 26, kLevel = 1;
  static constexpr const char* kName = "run.moved";
  std::uint32_t frame = 0;
  std::string from, to, reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("from", e.from), v("to", e.to), v("reason", e.reason);
    v("actor", e.actor);
  }
};

struct RunClosed {
  static constexpr std::uint16_t kKind = 27, kLevel = 1;
  static constexpr const char* kName = "run.closed";
  RunStatus status = RunStatus::completed;
  Payload output;
  std::optional<ErrorRecord> error;
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("status", e.status), v("output", e.output), v("error", e.error), v("reason", e.reason);
    v("actor", e.actor);
  }
};

// In the order of their kinds.
using Event =
    std::variant<RunStarted, RunActivated, StateEntered, VarsSet, TimersArmed, SignalReceived,
                 SignalTaken, SignalBuffered, SignalExpired, TimerFired, TaskScheduled, TaskStarted,
                 TaskReturned, TaskCompleted, TaskFailed, TaskRequeued, TaskProgress, TaskReleased,
                 OutcomeHeld, ErrorRaised, IncidentOpened, IncidentClosed, RunPaused, RunResumed,
                 RunCancelRequested, RunMoved, RunClosed>;

// The newest feature level any event here needs.
inline constexpr std::uint16_t kEventLevelMax = 1;

std::uint16_t event_kind(const Event& event);
std::uint16_t event_level(const Event& event);
// "state.entered": how the event reads in the API.
const char* event_name(const Event& event);

// Equal in kind and every field; a payload's digest counts only if both know it.
bool equal(const Event& a, const Event& b);

// One line for tests and logs: "state.entered frame=0 state=paid visit=1 cause=2 ...".
std::string debug_string(const Event& event);

}  // namespace pawl::engine
