// A run's life as a whole: started, paused, moved by a client, closed. See event.h.
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

namespace pawl::engine {

struct RunStarted {
  static constexpr std::uint16_t kKind = 1, kLevel = 1;
  static constexpr const char* kName = "run.started";
  GroupId group;  // with `index` the uid
  Index index;
  std::string id, workflow;
  std::uint32_t version = 0;
  Digest definition{};
  std::uint32_t generation = 1;
  Salt salt;
  Payload input;
  std::vector<NamedPayload> vars;  // first values
  std::vector<Tag> tags;
  Actor actor;
  std::optional<TimeMs> start_at;  // later than now: scheduled, `timers` holds just this one
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("group", e.group), v("index", e.index), v("id", e.id), v("workflow", e.workflow);
    v("version", e.version), v("definition", e.definition), v("generation", e.generation);
    v("salt", e.salt), v("input", e.input), v("vars", e.vars), v("tags", e.tags);
    v("actor", e.actor), v("start_at", e.start_at), v("timers", e.timers);
  }
};

// A scheduled run begins.
struct RunActivated {
  static constexpr std::uint16_t kKind = 2, kLevel = 1;
  static constexpr const char* kName = "run.activated";
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("timers", e.timers);
  }
};

// What somebody did to a run, and why: all that some events say.
struct Reasoned {
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("reason", e.reason), v("actor", e.actor);
  }
};

struct RunPaused : Reasoned {
  static constexpr std::uint16_t kKind = 23, kLevel = 1;
  static constexpr const char* kName = "run.paused";
};

struct RunResumed : Reasoned {
  static constexpr std::uint16_t kKind = 24, kLevel = 1;
  static constexpr const char* kName = "run.resumed";
};

struct RunCancelRequested : Reasoned {
  static constexpr std::uint16_t kKind = 25, kLevel = 1;
  static constexpr const char* kName = "run.cancel_requested";
};

// A client's own transition; the state.entered that follows it does the moving.
struct RunMoved {
  static constexpr std::uint16_t kKind = 26, kLevel = 1;
  static constexpr const char* kName = "run.moved";
  std::uint32_t frame = 0;
  std::string from, to, reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("frame", e.frame), v("from", e.from), v("to", e.to), v("reason", e.reason);
    v("actor", e.actor);
  }
};

struct RunClosed {
  static constexpr std::uint16_t kKind = 27, kLevel = 1;
  static constexpr const char* kName = "run.closed";
  RunStatus status = RunStatus::completed;
  Payload output;
  std::optional<ErrorRecord> error;
  std::string reason;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("status", e.status), v("output", e.output), v("error", e.error), v("reason", e.reason);
    v("actor", e.actor);
  }
};

// What a closed run holds is deleted: its payloads are scrubbed, here and wherever its history is
// shown from now on.
struct RunDataDeleted : Reasoned {
  static constexpr std::uint16_t kKind = 28, kLevel = 5;
  static constexpr const char* kName = "run.data_deleted";
};

}  // namespace pawl::engine
