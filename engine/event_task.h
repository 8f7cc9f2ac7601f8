// A task from its queue to its outcome. See event.h.
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

struct TaskScheduled {
  static constexpr std::uint16_t kKind = 11, kLevel = 1;
  static constexpr const char* kName = "task.scheduled";
  StepId step;
  std::uint32_t frame = 0;
  StepRole role = StepRole::state;
  std::string state;
  std::string handler;       // role handler: "on.approval", "after.0" ...; else ""
  std::uint32_t firing = 0;  // role handler: how often it fired; else the state's visit
  std::string type, queue;
  std::string key;  // idempotency key
  std::int64_t priority = 0;
  Payload input;
  std::int64_t lease_ms = 0;
  bool heartbeat = false;  // the lease is the definition's timeout.heartbeat
  std::optional<std::int64_t> queue_ms, attempt_ms;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("frame", e.frame), v("role", e.role), v("state", e.state);
    v("handler", e.handler), v("firing", e.firing), v("task", e.type), v("queue", e.queue);
    v("key", e.key), v("priority", e.priority), v("input", e.input), v("lease_ms", e.lease_ms);
    v("heartbeat", e.heartbeat), v("queue_ms", e.queue_ms), v("attempt_ms", e.attempt_ms);
    v("timers", e.timers);
  }
};

// A hand-out to a worker. Attempts are numbered from 1 and only grow.
struct TaskStarted {
  static constexpr std::uint16_t kKind = 12, kLevel = 1;
  static constexpr const char* kName = "task.started";
  StepId step;
  std::uint32_t attempt = 0;
  std::string worker;
  std::string poll_key;  // Idempotency-Key of its poll, or ""
  std::int64_t lease_ms = 0;
  std::vector<Timer> timers;  // the attempt's deadline
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("worker", e.worker);
    v("poll_key", e.poll_key);
    v("lease_ms", e.lease_ms), v("timers", e.timers);
  }
};

// The hand-out reached no worker; the attempt is not counted.
struct TaskReturned {
  static constexpr std::uint16_t kKind = 13, kLevel = 1;
  static constexpr const char* kName = "task.returned";
  StepId step;
  std::uint32_t attempt = 0;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("timers", e.timers);
  }
};

struct TaskCompleted {
  static constexpr std::uint16_t kKind = 14, kLevel = 1;
  static constexpr const char* kName = "task.completed";
  StepId step;
  std::uint32_t attempt = 0;
  Payload result;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("result", e.result), v("actor", e.actor);
  }
};

struct TaskFailed {
  static constexpr std::uint16_t kKind = 15, kLevel = 1;
  static constexpr const char* kName = "task.failed";
  StepId step;
  std::uint32_t attempt = 0;  // 0: before any hand-out (sys.timeout.queue, sys.timeout.total)
  ErrorRecord error;
  bool reported = false;  // by a worker, who may repeat it; else a timeout or a lost lease
  Actor actor;
  std::optional<TimeMs> retry_at;  // absent: final
  std::vector<Timer> timers;       // the back-off
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("error", e.error);
    v("reported", e.reported), v("actor", e.actor), v("retry_at", e.retry_at),
        v("timers", e.timers);
  }
};

// Back in its queue after a back-off or, with fresh attempts, after an incident.
struct TaskRequeued {
  static constexpr std::uint16_t kKind = 16, kLevel = 1;
  static constexpr const char* kName = "task.requeued";
  StepId step;
  bool fresh = false;
  std::vector<Timer> timers;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("fresh", e.fresh), v("timers", e.timers);
  }
};

struct TaskProgress {
  static constexpr std::uint16_t kKind = 17, kLevel = 1;
  static constexpr const char* kName = "task.progress";
  StepId step;
  std::uint32_t attempt = 0;
  Payload details;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("details", e.details);
  }
};

// A withdrawn task no longer counts as running: its lease has ended.
struct TaskReleased {
  static constexpr std::uint16_t kKind = 18, kLevel = 1;
  static constexpr const char* kName = "task.released";
  StepId step;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step);
  }
};

// An outcome that came while the run was paused; handled when it resumes.
struct OutcomeHeld {
  static constexpr std::uint16_t kKind = 19, kLevel = 1;
  static constexpr const char* kName = "outcome.held";
  StepId step;
  std::uint32_t attempt = 0;
  Outcome outcome = Outcome::completed;
  Payload result;
  ErrorRecord error;
  std::optional<bool> retryable;
  Actor actor;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("attempt", e.attempt), v("outcome", e.outcome), v("result", e.result);
    v("error", e.error), v("retryable", e.retryable), v("actor", e.actor);
  }
};

}  // namespace pawl::engine
