// Everything a group knows about one run: the fold of its events (evolve.h) and nothing else. Two
// replicas that have folded the same events hold equal runs with equal bytes.
//
// A Run is a value. `decide` copies it once for each command, so big parts are shared between
// copies until they are edited (shared.h). Frame 0 is the root machine; nested flows, branches and
// items of a map are in the tree (run_tree.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"
#include "engine/run_parts.h"
#include "engine/run_tree.h"
#include "engine/shared.h"

namespace pawl::engine {

struct Run {
  Shared<RunIdentity> identity;
  RunStatus status = RunStatus::scheduled;
  RunStatus paused_from = RunStatus::running;  // status paused: what it was
  std::uint32_t generation = 1;
  Seq seq;           // events so far
  Digest hash{};     // chained, at seq
  Index last_entry;  // the run's newest entry; set by Tables::apply_run
  TimeMs started_at, updated_at;
  std::optional<TimeMs> start_at, closed_at;
  bool on_error_taken = false, on_timeout_taken = false, on_cancel_taken = false;

  std::vector<Frame> frames;                        // the root's alone
  Shared<std::vector<Visit>> visits;                // sorted by (path, name)
  std::vector<Timer> timers;                        // sorted by id
  std::vector<Shared<Step>> steps;                  // sorted by id
  std::vector<Shared<Incident>> incidents;          // sorted by id
  Shared<std::vector<WaitingSignal>> signals;       // sorted by number
  Shared<std::vector<HeldOutcome>> held;            // in order of arrival
  Shared<std::vector<RememberedOutcome>> outcomes;  // oldest first
  Shared<std::vector<SeenSignal>> seen;             // oldest first

  StepId last_step;
  TimerId last_timer;
  IncidentId last_incident;
  std::uint64_t last_signal = 0;

  Shared<Payload> output;
  Shared<std::optional<ErrorRecord>> error;
  std::string closed_reason;

  // Bytes of the payloads the run holds; bounded by limits::kRunStateBytesMax when they grow.
  std::uint64_t state_bytes = 0;

  // What counts for [history]: the run.continued that this generation began with (0: it began with
  // run.started), and the bytes of the events since.
  Seq checkpoint;
  std::uint64_t history_bytes = 0;
  // Where the histories of the generations are; the tables' to say, as last_entry is. The entry
  // this generation began with (0: the run's first), and those before it, oldest first.
  Index first_entry;
  Shared<std::vector<Generation>> older;

  Shared<RunTree> tree;

  // --- look-ups ---
  const RunUid& uid() const { return identity->uid; }
  const std::string& id() const { return identity->id; }
  const std::string& workflow() const { return identity->workflow; }
  std::uint32_t version() const { return identity->version; }
  bool closed() const { return is_closed(status); }
  // The root's state; "" while scheduled.
  const std::string& state() const;
  // Every active path, the root's first.
  std::vector<std::string> states() const;

  // A machine of the run by its number; null if there is none. Of the root (0) there is no inner.
  const Frame* frame(std::uint32_t id) const;
  const InnerFrame* inner(std::uint32_t id) const;
  const Gather* gather(std::uint32_t frame) const;
  const OpenCall* call(std::uint32_t id) const;
  // Something is to be said to other runs (node/errands.h).
  bool has_errands() const;
  // The machine that encloses it; 0 of the root.
  std::uint32_t parent(std::uint32_t frame) const;
  // It is `ancestor`, or within it.
  bool within(std::uint32_t frame, std::uint32_t ancestor) const;

  const Step* step(StepId id) const;
  const Incident* incident(IncidentId id) const;
  const Timer* timer(TimerId id) const;
  std::optional<TimeMs> earliest_timer() const;  // of the run's timers, also when paused
  const Variable* variable(std::uint32_t frame, std::string_view name) const;
  // Entries of a state (or firings of a handler) of this machine so far.
  std::uint32_t visits_of(std::uint32_t frame, std::string_view name) const;

  // Variables in scope of a machine as one map: those of its enclosers, and its own over them.
  dsl::Value vars_value(std::uint32_t frame) const;
  // "fulfil/pick/each[3]": a frame's path and its state.
  std::string path_of(std::uint32_t frame) const;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("identity", x.identity), v("status", x.status), v("paused_from", x.paused_from),
        v("generation", x.generation);
    v("seq", x.seq), v("hash", x.hash), v("last_entry", x.last_entry),
        v("started_at", x.started_at);
    v("updated_at", x.updated_at), v("start_at", x.start_at), v("closed_at", x.closed_at),
        v("on_error_taken", x.on_error_taken);
    v("on_timeout_taken", x.on_timeout_taken), v("on_cancel_taken", x.on_cancel_taken),
        v("frames", x.frames), v("visits", x.visits);
    v("timers", x.timers), v("steps", x.steps), v("incidents", x.incidents),
        v("signals", x.signals);
    v("held", x.held), v("outcomes", x.outcomes), v("seen", x.seen), v("last_step", x.last_step);
    v("last_timer", x.last_timer), v("last_incident", x.last_incident),
        v("last_signal", x.last_signal), v("output", x.output);
    v("error", x.error), v("closed_reason", x.closed_reason), v("state_bytes", x.state_bytes);
    v("checkpoint", x.checkpoint), v("history_bytes", x.history_bytes);
    v("first_entry", x.first_entry), v("older", x.older), v("tree", x.tree);
  }
};

// Equal in everything, digests included.
bool operator==(const Run& a, const Run& b);

// For snapshots: equal runs give equal bytes. decode takes all of `bytes` or returns false; what it
// allocates is bounded by their number.
void encode_run(const Run& run, std::string* out);
bool decode_run(std::string_view bytes, Run* run);

// The first difference between two runs, as a field's name, or "": for tests and messages.
std::string first_difference(const Run& a, const Run& b);

// What must hold of every run, after every fold: "" or a sentence. (state_bytes recounted, lists
// sorted, timers owned, no open work in a closed run ...)
std::string run_problem(const Run& run);

}  // namespace pawl::engine
