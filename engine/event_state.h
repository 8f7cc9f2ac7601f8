// What happens within a run's machine: states, variables, timers. See event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/event_parts.h"

namespace pawl::engine {

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

}  // namespace pawl::engine
