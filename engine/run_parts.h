// What a run is made of (run.h): its identity, machines, tasks, signals, incidents and what it
// remembers of answers. Each lists its fields once, in the order of its bytes in a snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"
#include "engine/shared.h"

namespace pawl::engine {

// What run.started says; never changes afterwards.
struct RunIdentity {
  RunUid uid;
  std::string id, workflow;
  std::uint32_t version = 0;
  Digest definition{};
  Salt salt;
  Payload input;
  std::vector<Tag> tags;
  Actor started_by;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("group", x.uid.group), v("index", x.uid.index), v("id", x.id), v("workflow", x.workflow);
    v("version", x.version), v("definition", x.definition), v("salt", x.salt);
    v("input", x.input), v("tags", x.tags), v("started_by", x.started_by);
  }
};

struct Variable {
  std::string name;
  Payload value;  // its digest is always known

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("name", x.name), v("value", x.value);
  }
};

// One machine of the run.
struct Frame {
  std::string path;   // of the enclosing states: "" for the root, "fulfil/pick/each[3]" ...
  std::string state;  // "" until the first is entered
  std::uint32_t visit = 0;
  TimeMs entered_at;
  Seq entered_seq;                     // of the state.entered
  Shared<std::vector<Variable>> vars;  // sorted by name

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("path", x.path), v("state", x.state), v("visit", x.visit), v("entered_at", x.entered_at);
    v("entered_seq", x.entered_seq), v("vars", x.vars);
  }
};

// How often a state was entered, or a handler with a task fired.
struct Visit {
  std::string path, name;
  std::uint32_t count = 0;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("path", x.path), v("name", x.name), v("count", x.count);
  }
};

enum class StepStatus : std::uint8_t {
  queued = 0,     // waits for a worker
  backoff = 1,    // waits for its next attempt
  started = 2,    // handed out
  incident = 3,   // its retries are over, an operator decides
  held = 4,       // its outcome came during a pause (OutcomeHeld)
  withdrawn = 5,  // nobody wants its outcome; its worker has not answered yet
  limited = 6,    // waits for permits of its limits (permit.h)
};
constexpr StepStatus enum_max(StepStatus) { return StepStatus::limited; }
const char* enum_name(StepStatus x);

// A task of the run: a state's own, or a handler's that runs beside the state. Gone once it
// completed, or was withdrawn while no worker had it.
struct Step {
  StepId id;
  std::uint32_t frame = 0;
  StepRole role = StepRole::state;
  StepStatus status = StepStatus::queued;
  std::string state, handler;
  std::string type, queue, key;
  std::int64_t priority = 0;
  Payload input;
  Payload progress;  // null until a heartbeat's details were committed
  std::int64_t lease_ms = 0;
  bool heartbeat = false;
  std::optional<std::int64_t> queue_ms, attempt_ms;
  TimeMs scheduled_at;
  TimeMs queued_at;
  TimeMs started_at;              // status started or withdrawn
  std::uint32_t attempt = 0;      // hand-outs so far: the newest attempt's number
  std::uint32_t not_counted = 0;  // of these: returned, or before the last fresh start
  std::string worker;             // of the newest attempt
  std::string poll_key;           // of the poll it went out with, or ""

  // Attempts used up, as the retry policy counts them.
  std::uint32_t attempts_used() const { return attempt - not_counted; }

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("frame", x.frame), v("role", x.role), v("status", x.status);
    v("state", x.state), v("handler", x.handler), v("type", x.type), v("queue", x.queue);
    v("key", x.key), v("priority", x.priority), v("input", x.input), v("progress", x.progress);
    v("lease_ms", x.lease_ms), v("heartbeat", x.heartbeat), v("queue_ms", x.queue_ms),
        v("attempt_ms", x.attempt_ms);
    v("scheduled_at", x.scheduled_at), v("queued_at", x.queued_at), v("started_at", x.started_at),
        v("attempt", x.attempt);
    v("not_counted", x.not_counted), v("worker", x.worker);
    v("poll_key", x.poll_key);
  }
};

// A signal nobody has taken yet: buffered, or held by a pause.
struct WaitingSignal {
  std::uint64_t number = 0;
  std::string name;
  Payload payload;
  Actor actor;
  TimeMs at;
  Seq seq;  // of its signal.received
  bool held = false;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("number", x.number), v("name", x.name), v("payload", x.payload), v("actor", x.actor);
    v("at", x.at), v("seq", x.seq), v("held", x.held);
  }
};

// An outcome held by a pause.
struct HeldOutcome {
  StepId step;
  std::uint32_t attempt = 0;
  Outcome outcome = Outcome::completed;
  Payload result;
  ErrorRecord error;
  std::optional<bool> retryable;
  Actor actor;
  TimeMs at;
  Seq seq;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("step", x.step), v("attempt", x.attempt), v("outcome", x.outcome), v("result", x.result);
    v("error", x.error), v("retryable", x.retryable), v("actor", x.actor), v("at", x.at);
    v("seq", x.seq);
  }
};

struct Incident {
  IncidentId id;
  std::uint32_t frame = 0;
  IncidentStage stage = IncidentStage::step;
  StepId step;        // stage step
  std::string state;  // where it happened
  ErrorRecord error;
  TimeMs since;
  std::string name;
  Payload kept;
  Actor actor;
  TimerKind timer_kind = TimerKind::after;
  std::uint64_t timer_owner = 0;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("frame", x.frame), v("stage", x.stage), v("step", x.step);
    v("state", x.state), v("error", x.error), v("since", x.since), v("name", x.name);
    v("kept", x.kept), v("actor", x.actor), v("timer_kind", x.timer_kind),
        v("timer_owner", x.timer_owner);
  }
};

// An outcome that was answered: a worker that repeats it gets the same answer for a day.
struct RememberedOutcome {
  StepId step;
  std::uint32_t attempt = 0;
  bool failed = false;
  Seq seq;  // with `ordinal` what keyed the digest
  std::uint32_t ordinal = 0;
  Digest digest{};  // of the result, or of the error's detail
  std::string error_type;
  TimeMs at;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("step", x.step), v("attempt", x.attempt), v("failed", x.failed), v("seq", x.seq);
    v("ordinal", x.ordinal), v("digest", x.digest), v("error_type", x.error_type), v("at", x.at);
  }
};

// A signal's dedupe id that was seen, as a hash keyed with the run's salt.
struct SeenSignal {
  std::array<unsigned char, 16> id{};
  TimeMs at;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("at", x.at);
  }
};

// A generation before the present one, whose history is kept: closed when the next began.
struct Generation {
  std::uint32_t number = 0;
  Index first_entry, last_entry;
  Seq first_seq, last_seq;
  TimeMs closed_at;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("number", x.number), v("first_entry", x.first_entry), v("last_entry", x.last_entry);
    v("first_seq", x.first_seq), v("last_seq", x.last_seq), v("closed_at", x.closed_at);
  }
  friend bool operator==(const Generation&, const Generation&) = default;
};

}  // namespace pawl::engine
