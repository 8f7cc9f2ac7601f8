// The parts events are made of. Like events they list their fields once, for every use: canonical
// bytes, JSON, equality. Enumerations are stored: their numbers never change meaning.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/command.h"
#include "engine/payload.h"

namespace pawl::engine {

// Keys the digests of a run's payloads, so that a short secret can't be guessed from its digest.
// Stored once, in run.started; never hashed, never shown.
struct Salt {
  std::array<unsigned char, 16> bytes{};
  friend bool operator==(const Salt&, const Salt&) = default;
};

enum class RunStatus : std::uint8_t {
  scheduled = 0,
  running = 1,
  paused = 2,
  completed = 3,
  failed = 4,
  cancelled = 5,
  terminated = 6,
  data_deleted = 7,  // closed, whatever it was before, and its payloads are scrubbed
};
constexpr RunStatus enum_max(RunStatus) { return RunStatus::data_deleted; }
constexpr bool is_closed(RunStatus s) { return s >= RunStatus::completed; }

// Why a state was entered.
enum class Cause : std::uint8_t {
  start = 0,
  next = 1,      // its predecessor's `next`, or a choose
  signal = 2,    // a handler of the signal named in `detail`
  timer = 3,     // a handler of the timer named in `detail`
  caught = 4,    // `catch`; detail: the error's type
  on_error = 5,  // root key; detail: the error's type
  on_timeout = 6,
  on_cancel = 7,
  move = 8,  // a client
};
constexpr Cause enum_max(Cause) { return Cause::move; }

enum class TimerKind : std::uint8_t {
  start = 0,        // a scheduled run begins
  run_timeout = 1,  // of the whole run
  root_after = 2,   // owner: position in the definition
  root_every = 3,
  after = 4,  // of the frame's state
  every = 5,
  sleep = 6,
  task_queue = 7,  // owner: the step
  task_attempt = 8,
  task_total = 9,
  task_retry = 10,      // the back-off before the next attempt
  incident_again = 11,  // owner: the incident
  signal_expiry = 12,   // owner: the signal's number
  gather = 13,          // level 6: more items of the frame's map are to begin
};
constexpr TimerKind enum_max(TimerKind) { return TimerKind::gather; }

// A timer as state: it fires at the first entry whose time is >= fire_at.
struct Timer {
  TimerId id;
  TimerKind kind = TimerKind::after;
  std::uint32_t frame = 0;
  std::uint64_t owner = 0;  // see TimerKind; else 0
  TimeMs fire_at;
  std::int64_t interval_ms = 0;  // of every; else 0

  template <class Self, class Visitor>
  static void fields(Self& t, Visitor&& v) {
    v("timer", t.id);
    v("kind", t.kind);
    v("frame", t.frame);
    v("owner", t.owner);
    v("fire_at", t.fire_at);
    v("interval_ms", t.interval_ms);
  }
  friend bool operator==(const Timer&, const Timer&) = default;
};

struct NamedPayload {
  std::string name;
  Payload value;
  template <class Self, class Visitor>
  static void fields(Self& p, Visitor&& v) {
    v("name", p.name);
    v("value", p.value);
  }
};

struct Tag {
  std::string name, value;
  template <class Self, class Visitor>
  static void fields(Self& t, Visitor&& v) {
    v("name", t.name);
    v("value", t.value);
  }
  friend bool operator==(const Tag&, const Tag&) = default;
};

// An error as events keep it. The type is a word of the definition; what was said with it is data.
struct ErrorRecord {
  std::string type;
  Payload detail;  // a map: message (string), data

  // The one place where errors become records, and so the one where they are cut to size: the
  // message between characters, with "…" at its end, to limits::kErrorMessageBytesMax; data of more
  // than limits::kErrorDataBytesMax is replaced by a sentence that says so.
  static ErrorRecord of(const Error& error);
  std::string message() const;
  dsl::Value data() const;

  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("type", e.type);
    v("detail", e.detail);
  }
};

// Undo: level 6, of a `compensate`.
enum class StepRole : std::uint8_t { state = 0, handler = 1, undo = 2 };
constexpr StepRole enum_max(StepRole) { return StepRole::undo; }

// What of a step, a state or a handler is to be done again when its incident is retried.
enum class IncidentStage : std::uint8_t {
  step = 0,   // a task's retries are over: queued again with fresh attempts
  entry = 1,  // `set` or a timer's delay: the entry goes on from there
  verb = 2,   // the state's verb is evaluated again
  result =
      3,  // a task succeeded, what follows failed: `kept` is the result, the task is not run again
  signal = 4,   // a handler of signal `name`, `kept` is its payload
  timer = 5,    // a handler of the timer (`timer_kind`, `timer_owner`)
  history = 6,  // level 5: the run could not continue as new (event_checkpoint.h)
  gather = 7,   // level 6: too many items of a map failed; those that did not complete run again
  leave = 8,    // level 6: what a flow hands out could not be evaluated
};
constexpr IncidentStage enum_max(IncidentStage) { return IncidentStage::leave; }

enum class IncidentEnd : std::uint8_t { retried = 0, left = 1 };
constexpr IncidentEnd enum_max(IncidentEnd) { return IncidentEnd::left; }

enum class SignalFate : std::uint8_t { taken = 0, buffered = 1, held = 2 };
constexpr SignalFate enum_max(SignalFate) { return SignalFate::held; }

enum class Outcome : std::uint8_t { completed = 0, failed = 1, lease_lost = 2 };
constexpr Outcome enum_max(Outcome) { return Outcome::lease_lost; }

// How an enumeration reads in the API.
const char* enum_name(RunStatus x);
const char* enum_name(Cause x);
const char* enum_name(TimerKind x);
const char* enum_name(StepRole x);
const char* enum_name(IncidentStage x);
const char* enum_name(IncidentEnd x);
const char* enum_name(SignalFate x);
const char* enum_name(Outcome x);

bool operator==(const Payload& a, const Payload& b);
bool operator==(const NamedPayload& a, const NamedPayload& b);
bool operator==(const ErrorRecord& a, const ErrorRecord& b);

}  // namespace pawl::engine
