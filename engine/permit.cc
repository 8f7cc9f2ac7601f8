#include "engine/permit.h"

#include <algorithm>

namespace pawl::engine {

bool has_errands(const RunPermits& permits) {
  return !permits.spares.empty() || std::any_of(permits.tasks.begin(), permits.tasks.end(),
                                                [](const auto& task) { return task->waits(); });
}

const LimitedTask* find_limited(const RunPermits& permits, StepId step) {
  const auto at = std::lower_bound(permits.tasks.begin(), permits.tasks.end(), step,
                                   [](const auto& x, StepId wanted) { return x->step < wanted; });
  return at == permits.tasks.end() || (*at)->step != step ? nullptr : &**at;
}

const LimitedTask* task_of_permit(const RunPermits& permits, std::uint32_t permit) {
  for (const auto& task : permits.tasks) {
    if (task->first > 0 && permit >= task->first && permit - task->first < task->limits.size()) {
      return &*task;
    }
  }
  return nullptr;
}

std::vector<SparePermit> spares_of(const LimitedTask& task) {
  std::vector<SparePermit> spares;
  if (task.first == 0) return spares;
  for (std::size_t i = 0; i < task.limits.size() && i <= task.granted; ++i) {
    const TaskLimit& limit = task.limits[i];
    spares.push_back({task.first + static_cast<std::uint32_t>(i), limit.limit, limit.key});
  }
  return spares;
}

}  // namespace pawl::engine
