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

struct RunContinued {
  static constexpr std::uint16_t kKind = 29, kLevel = 5;
  static constexpr const char* kName = "run.continued";
  std::uint32_t generation = 0;  // that begins with this event
  Seq before;                    // of the last event of the one before
  Digest before_hash{};          // the run's hash at it
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
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("generation", e.generation), v("before", e.before), v("before_hash", e.before_hash);
    v("identity", e.identity), v("status", e.status), v("paused_from", e.paused_from);
    v("started_at", e.started_at), v("start_at", e.start_at);
    v("on_error_taken", e.on_error_taken), v("on_timeout_taken", e.on_timeout_taken);
    v("on_cancel_taken", e.on_cancel_taken), v("frames", e.frames), v("visits", e.visits);
    v("armed", e.armed), v("steps", e.steps), v("incidents", e.incidents);
    v("signals", e.signals), v("held", e.held), v("outcomes", e.outcomes), v("seen", e.seen);
    v("last_step", e.last_step), v("last_timer", e.last_timer);
    v("last_incident", e.last_incident), v("last_signal", e.last_signal);
  }
};

// The checkpoint of a run as it is, for its next generation. Its payloads have no digests yet.
struct Run;
RunContinued checkpoint_of(const Run& run);

}  // namespace pawl::engine
