// What runs have to do with one another: a run calls another one, or sends it a signal. Each of
// these events of a run tells its group to send a message (channel.h); what comes back is a
// command. See event.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.h"
#include "engine/event_parts.h"
#include "engine/payload.h"

namespace pawl::engine {

// A child run is asked for. Calls and sent signals are numbered together within the run, from 1.
struct CallStarted {
  static constexpr std::uint16_t kKind = 38, kLevel = 6;
  static constexpr const char* kName = "call.started";
  std::uint32_t call = 0;
  std::uint32_t frame = 0;
  std::string state;  // its place in the definition
  std::string workflow;
  GroupId to;       // where the run's id belongs
  std::string run;  // its id
  Payload input;
  bool wait = true;     // for its end
  bool cancels = true;  // when the state is left before
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call), v("frame", e.frame), v("state", e.state), v("workflow", e.workflow);
    v("to", e.to), v("run", e.run), v("input", e.input), v("wait", e.wait);
    v("cancels", e.cancels);
  }
};

// The child runs, under this uid.
struct CallAccepted {
  static constexpr std::uint16_t kKind = 39, kLevel = 6;
  static constexpr const char* kName = "call.accepted";
  std::uint32_t call = 0;
  GroupId group;
  Index index;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call), v("group", e.group), v("index", e.index);
  }
};

// What came of a call, or of a sent signal.
struct CallOutcome {
  std::uint32_t call = 0;
  std::optional<RunStatus> status;  // the child's; absent: it was not started
  Payload output;
  std::optional<ErrorRecord> error;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call), v("status", e.status), v("output", e.output), v("error", e.error);
  }
};

// The call is over: the child ended, was refused, or (not waited for) runs.
struct CallEnded : CallOutcome {
  static constexpr std::uint16_t kKind = 40, kLevel = 6;
  static constexpr const char* kName = "call.ended";
};

// What would have ended a call or answered a signal while the run was paused; handled when it
// resumes.
struct CallHeld : CallOutcome {
  static constexpr std::uint16_t kKind = 45, kLevel = 6;
  static constexpr const char* kName = "call.held";
};

// In a child's history: its caller knows how it ended.
struct CallerTold {
  static constexpr std::uint16_t kKind = 46, kLevel = 6;
  static constexpr const char* kName = "caller.told";
  std::uint32_t call = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call);
  }
};

struct SignalSent {
  static constexpr std::uint16_t kKind = 41, kLevel = 6;
  static constexpr const char* kName = "signal.sent";
  std::uint32_t call = 0;
  std::uint32_t frame = 0;
  std::string state;
  GroupId to;
  std::string run;  // id
  std::string name;
  Payload payload;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call), v("frame", e.frame), v("state", e.state), v("to", e.to), v("run", e.run);
    v("name", e.name), v("payload", e.payload);
  }
};

struct SignalAnswered {
  static constexpr std::uint16_t kKind = 42, kLevel = 6;
  static constexpr const char* kName = "signal.answered";
  std::uint32_t call = 0;
  std::optional<ErrorRecord> error;  // it was refused
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("call", e.call), v("error", e.error);
  }
};

// In a child's history, behind its run.started: who called it.
struct RunCalled {
  static constexpr std::uint16_t kKind = 43, kLevel = 6;
  static constexpr const char* kName = "run.called";
  GroupId group;  // with `index` the caller's uid
  Index index;
  std::string run;          // its id
  std::uint32_t call = 0;   // the number there
  std::uint32_t depth = 0;  // of calls, 1 for a child of a run that nobody called
  bool wait = true;         // it is to be told of the end
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("group", e.group), v("index", e.index), v("run", e.run), v("call", e.call);
    v("depth", e.depth), v("wait", e.wait);
  }
};

}  // namespace pawl::engine
