// Permits of a task with limits (permit.h). See event.h.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/command.h"
#include "engine/permit.h"

namespace pawl::engine {

// Behind its task.scheduled: it waits for permits before it is queued.
struct TaskLimited {
  static constexpr std::uint16_t kKind = 48, kLevel = 8;
  static constexpr const char* kName = "task.limited";
  StepId step;
  std::uint32_t permit = 0;  // the first one's number
  std::vector<TaskLimit> limits;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("step", e.step), v("permit", e.permit), v("limits", e.limits);
  }
};

struct PermitGranted {
  static constexpr std::uint16_t kKind = 49, kLevel = 8;
  static constexpr const char* kName = "permit.granted";
  std::uint32_t permit = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("permit", e.permit);
  }
};

// The group that keeps the limit knows that it is given back.
struct PermitReturned {
  static constexpr std::uint16_t kKind = 50, kLevel = 8;
  static constexpr const char* kName = "permit.returned";
  std::uint32_t permit = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("permit", e.permit);
  }
};

// Behind what a generation begins with (event_checkpoint.h): the run's permits as they go on.
struct PermitsCarried {
  static constexpr std::uint16_t kKind = 51, kLevel = 8;
  static constexpr const char* kName = "permits.carried";
  std::vector<LimitedTask> tasks;
  std::vector<SparePermit> spares;
  std::uint32_t last = 0;
  template <class Self, class Visitor>
  static void fields(Self& e, Visitor&& v) {
    v("tasks", e.tasks), v("spares", e.spares), v("last", e.last);
  }
};

}  // namespace pawl::engine
