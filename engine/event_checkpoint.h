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
#include "engine/event_permit.h"
#include "engine/payload.h"
#include "engine/run_parts.h"
#include "engine/run_tree.h"
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

struct CheckpointInner {
  std::uint32_t id = 0, parent = 0;
  FrameRole role = FrameRole::flow;
  std::string name;
  std::uint32_t index = 0;
  std::string machine;
  bool keeps_result = false;
  Payload result;
  CheckpointFrame frame;
  std::vector<Visit> visits;
  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("id", x.id), v("parent", x.parent), v("role", x.role), v("name", x.name);
    v("index", x.index), v("machine", x.machine), v("keeps_result", x.keeps_result);
    v("result", x.result), v("frame", x.frame), v("visits", x.visits);
  }
};

struct CheckpointGather {
  std::uint32_t frame = 0;
  bool map = false;
  Payload items;
  std::uint32_t count = 0, next = 0;
  std::vector<std::uint32_t> again;
  std::uint32_t open = 0, completed = 0, failed = 0;
  std::uint32_t most = 0, batch = 0, tolerate = 0, join = 0;
  std::vector<Gathered> gathered;
  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("frame", x.frame), v("map", x.map), v("items", x.items), v("count", x.count);
    v("next", x.next), v("again", x.again), v("open", x.open), v("completed", x.completed);
    v("failed", x.failed), v("most", x.most), v("batch", x.batch), v("tolerate", x.tolerate);
    v("join", x.join), v("gathered", x.gathered);
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
  // Of run.renewed alone.
  std::vector<CheckpointInner> inner;
  std::vector<CheckpointGather> gathers;
  std::vector<RecordedUndo> undos;
  std::vector<OpenCall> calls;
  std::optional<Caller> caller;
  std::uint32_t last_frame = 0, last_undo = 0, last_call = 0;
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
    part_fields(parts_of(e), v);
  }
  template <class Parts, class Visitor>
  static void part_fields(Parts& x, Visitor& v) {
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

// Why a generation begins. No fold depends on it.
enum class Renewal : std::uint8_t {
  history = 0,    // the one before had become too long
  continued = 1,  // `continue`
  migrated = 2,
  reset = 3,
};
constexpr Renewal enum_max(Renewal) { return Renewal::reset; }
const char* enum_name(Renewal x);

// The same for runs that have a tree (run_tree.h), and for all that begin anew otherwise than by
// themselves: what the parts say need not be what the run was before.
struct RunRenewed {
  static constexpr std::uint16_t kKind = 44, kLevel = 6;
  static constexpr const char* kName = "run.renewed";
  std::uint32_t generation = 0;
  Seq before;
  Digest before_hash{};
  Renewal why = Renewal::history;
  std::string reason;
  Actor actor;
  Shared<CheckpointParts> parts;

  template <class Self, class Visitor>
  [[gnu::cold]] static void fields(Self& e, Visitor&& v) {
    v("generation", e.generation), v("before", e.before), v("before_hash", e.before_hash);
    v("why", e.why), v("reason", e.reason), v("actor", e.actor);
    auto& x = parts_of(e);
    RunContinued::part_fields(x, v);
    v("inner", x.inner), v("gathers", x.gathers), v("undos", x.undos), v("calls", x.calls);
    v("caller", x.caller), v("last_frame", x.last_frame), v("last_undo", x.last_undo);
    v("last_call", x.last_call);
  }
  static const CheckpointParts& parts_of(const RunRenewed& e) { return *e.parts; }
  static CheckpointParts& parts_of(RunRenewed& e) { return e.parts.edit(); }
};

// Behind the run.renewed of a reset: what the run was after this event is what it begins anew from.
struct RunReset {
  static constexpr std::uint16_t kKind = 47, kLevel = 7;
  static constexpr const char* kName = "run.reset";
  Seq to;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("to", e.to);
  }
};

// All that a run is made of; its payloads keep their digests.
struct Run;
CheckpointParts parts_of(const Run& run);
// The checkpoint of a run without a tree as it is, for its next generation. Its payloads have no
// digests yet.
RunContinued checkpoint_of(const Run& run);
// What follows it: the permits that the run had, as they go on in a generation of these steps;
// nothing if it never had any.
std::optional<PermitsCarried> carried_permits(const RunPermits& before, const Run& after);
// A generation made of these parts; likewise.
RunRenewed renewal_of(const Run& run, CheckpointParts parts, Renewal why);

}  // namespace pawl::engine
