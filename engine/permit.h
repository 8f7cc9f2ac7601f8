// Permits of limits ([limit.NAME]) as a run has them (decision 0073). Each attempt of a task with
// limits needs a permit of every one of them, asked for one after the other in the order of their
// names, so that no two tasks wait for one another:
//
//   task scheduled, or due again --asked--> limited --the last one granted--> queued
//   its attempt is over (completed, failed, lost), or nobody wants it --> its permits are given
//   back
//
// What is asked for and what is to be given back are facts of the run until the group that keeps
// the limit has answered (limit_rows.h, node/errands.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/command.h"
#include "engine/shared.h"

namespace pawl::engine {

// A limit as a task has it: `key` is the value its expression had.
struct TaskLimit {
  std::string limit, key;
  std::uint32_t concurrency = 0;  // 0: any number
  std::uint32_t rate = 0;         // in any window; 0: any number
  std::int64_t window_ms = 0;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("limit", x.limit), v("key", x.key), v("concurrency", x.concurrency), v("rate", x.rate);
    v("window_ms", x.window_ms);
  }
  friend bool operator==(const TaskLimit&, const TaskLimit&) = default;
};

// A task with limits, for as long as the run has it. Permits are numbered within the run, from 1:
// those of its present attempt are `first`, `first` + 1 ..., one for each of its limits.
struct LimitedTask {
  StepId step;
  std::vector<TaskLimit> limits;
  std::uint32_t first = 0;    // 0: it needs none now: it backs off, or is in incident
  std::uint32_t granted = 0;  // of these, from the first one on

  bool waits() const { return first > 0 && granted < limits.size(); }

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("step", x.step), v("limits", x.limits), v("first", x.first), v("granted", x.granted);
  }
};

// A permit that was asked for, and perhaps granted, and is not needed any more.
struct SparePermit {
  std::uint32_t permit = 0;
  std::string limit, key;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("permit", x.permit), v("limit", x.limit), v("key", x.key);
  }
};

struct RunPermits {
  // The last of a run's tree, and not there if it is empty (field_bytes.h).
  static constexpr bool kTrailing = true;

  std::vector<Shared<LimitedTask>> tasks;   // sorted by step
  std::vector<Shared<SparePermit>> spares;  // sorted by permit
  std::uint32_t last = 0;

  template <class Self, class Visitor>
  static void fields(Self& x, Visitor&& v) {
    v("tasks", x.tasks), v("spares", x.spares), v("last", x.last);
  }
};

// What they count for limits::kRunPermitBytesMax.
std::size_t permit_bytes(std::string_view limit, std::string_view key);
std::size_t permit_bytes(const RunPermits& permits);
// The task has limits, and before it is due again more has to be given back.
bool waits_for_spares(const RunPermits& permits, StepId step);

inline bool is_empty(const RunPermits& x) { return x.last == 0; }

// Something is to be asked for, or given back.
bool has_errands(const RunPermits& permits);
const LimitedTask* find_limited(const RunPermits& permits, StepId step);
// The task that the permit is for now; null if there is none: it is spare, or gone.
const LimitedTask* task_of_permit(const RunPermits& permits, std::uint32_t permit);
// What is to be given back of the task once its attempt is over: what was granted, and the one that
// was being waited for; by permit.
std::vector<SparePermit> spares_of(const LimitedTask& task);

}  // namespace pawl::engine
