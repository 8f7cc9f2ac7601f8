// Errors, and the incidents that wait for an operator. See event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"

namespace pawl::engine {

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

}  // namespace pawl::engine
