// A signal's way from its sender to the handler that takes it. See event.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/command.h"
#include "engine/event_parts.h"
#include "engine/payload.h"

namespace pawl::engine {

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

}  // namespace pawl::engine
