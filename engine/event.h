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
//
// The kinds stand in event_call.h, event_checkpoint.h, event_flow.h, event_incident.h,
// event_permit.h, event_run.h, event_signal.h, event_state.h and event_task.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "engine/event_call.h"
#include "engine/event_checkpoint.h"
#include "engine/event_flow.h"
#include "engine/event_incident.h"
#include "engine/event_permit.h"
#include "engine/event_run.h"
#include "engine/event_signal.h"
#include "engine/event_state.h"
#include "engine/event_task.h"

namespace pawl::engine {

// In the order of their kinds.
using Event =
    std::variant<RunStarted, RunActivated, StateEntered, VarsSet, TimersArmed, SignalReceived,
                 SignalTaken, SignalBuffered, SignalExpired, TimerFired, TaskScheduled, TaskStarted,
                 TaskReturned, TaskCompleted, TaskFailed, TaskRequeued, TaskProgress, TaskReleased,
                 OutcomeHeld, ErrorRaised, IncidentOpened, IncidentClosed, RunPaused, RunResumed,
                 RunCancelRequested, RunMoved, RunClosed, RunDataDeleted, RunContinued, FlowEntered,
                 FlowLeft, ParallelStarted, MapStarted, MapRetried, ResultKept, UndoRecorded,
                 UndosForgotten, CallStarted, CallAccepted, CallEnded, SignalSent, SignalAnswered,
                 RunCalled, RunRenewed, CallHeld, CallerTold, RunReset, TaskLimited, PermitGranted,
                 PermitReturned, PermitsCarried>;

// The newest feature level any event here needs.
inline constexpr std::uint16_t kEventLevelMax = 8;

// What a later generation begins with, if the event begins one (run.continued, run.renewed). The
// references are into the event.
struct GenerationBegun {
  std::uint32_t generation = 0;
  Seq before;
  const Digest& before_hash;
  const CheckpointParts& parts;
};
std::optional<GenerationBegun> generation_begun(const Event& event);

std::uint16_t event_kind(const Event& event);
std::uint16_t event_level(const Event& event);
// "state.entered": how the event reads in the API.
const char* event_name(const Event& event);

// Equal in kind and every field; a payload's digest counts only if both know it.
bool equal(const Event& a, const Event& b);

// One line for tests and logs: "state.entered frame=0 state=paid visit=1 cause=2 ...".
std::string debug_string(const Event& event);

}  // namespace pawl::engine
