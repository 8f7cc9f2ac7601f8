// A run continues as new: everything it is made of, in one event. See event.h.
//
// What comes before this event is an older generation's history: neither a fold nor a reader of the
// new generation needs it. So the event brings all that a fold would have gathered, the salt and
// the chained hash included, and what its parts (run_parts.h) list is stored with it: a part that
// is to change needs a new kind of this event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"
#include "engine/run_parts.h"
#include "engine/shared.h"

namespace pawl::engine {

struct CheckpointFrame {
  std::string path, state;
  std::uint32_t visit = 0;
  TimeMs entered_at;
  Seq entered_seq;
  std::vector<NamedPayload> vars;
  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("path", x.path), v("state", x.state), v("visit", x.visit), v("entered_at", x.entered_at);
    v("entered_seq", x.entered_seq), v("vars", x.vars);
  }
};

// All that a run is made of, but for where its history stands.
struct CheckpointParts {
  RunIdentity identity;
  RunStatus status = RunStatus::running;
  RunStatus paused_from = RunStatus::running;
  TimeMs started_at;
  std::optional<TimeMs> start_at;
  bool on_error_taken = false, on_timeout_taken = false, on_cancel_taken = false;
  std::vector<CheckpointFrame> frames;
  std::vector<Visit> visits;
  std::vector<Timer> armed;  // as they were: nothing is armed anew
  std::vector<Step> steps;
  std::vector<Incident> incidents;
  std::vector<WaitingSignal> signals;
  std::vector<HeldOutcome> held;
  std::vector<RememberedOutcome> outcomes;
  std::vector<SeenSignal> seen;
  StepId last_step;
  TimerId last_timer;
  IncidentId last_incident;
  std::uint64_t last_signal = 0;
};

struct RunContinued {
  static constexpr std::uint16_t kKind = 29, kLevel = 5;
  static constexpr const char* kName = "run.continued";
  std::uint32_t generation = 0;   // that begins with this event
  Seq before;                     // of the last event of the one before
  Digest before_hash{};           // the run's hash at it
  Shared<CheckpointParts> parts;  // apart, so that events of other kinds stay small

  template <class Self, class Visitor>
  [[gnu::cold]] static void fields(Self& e, Visitor&& v) {
    v("generation", e.generation), v("before", e.before), v("before_hash", e.before_hash);
    auto& x = parts_of(e);
    v("identity", x.identity), v("status", x.status), v("paused_from", x.paused_from);
    v("started_at", x.started_at), v("start_at", x.start_at);
    v("on_error_taken", x.on_error_taken), v("on_timeout_taken", x.on_timeout_taken);
    v("on_cancel_taken", x.on_cancel_taken), v("frames", x.frames), v("visits", x.visits);
    v("armed", x.armed), v("steps", x.steps), v("incidents", x.incidents);
    v("signals", x.signals), v("held", x.held), v("outcomes", x.outcomes), v("seen", x.seen);
    v("last_step", x.last_step), v("last_timer", x.last_timer);
    v("last_incident", x.last_incident), v("last_signal", x.last_signal);
  }
  static const CheckpointParts& parts_of(const RunContinued& e) { return *e.parts; }
  static CheckpointParts& parts_of(RunContinued& e) { return e.parts.edit(); }
};

// The checkpoint of a run as it is, for its next generation. Its payloads have no digests yet.
struct Run;
RunContinued checkpoint_of(const Run& run);

}  // namespace pawl::engine
