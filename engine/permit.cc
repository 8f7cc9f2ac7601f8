#include "engine/permit.h"

#include <algorithm>

#include "base/limits_permits.h"

namespace pawl::engine {

std::size_t permit_bytes(std::string_view limit, std::string_view key) {
  return limit.size() + key.size() + 32;  // and its numbers
}

namespace {

std::size_t spare_bytes(const RunPermits& permits) {
  std::size_t bytes = 0;
  for (const auto& spare : permits.spares) bytes += permit_bytes(spare->limit, spare->key);
  return bytes;
}

}  // namespace

bool waits_for_spares(const RunPermits& permits, StepId step) {
  return find_limited(permits, step) != nullptr &&
         spare_bytes(permits) > limits::kRunPermitBytesMax / 2;
}

std::size_t permit_bytes(const RunPermits& permits) {
  std::size_t bytes = spare_bytes(permits);
  for (const auto& task : permits.tasks) {
    for (const TaskLimit& limit : task->limits) bytes += permit_bytes(limit.limit, limit.key);
  }
  return bytes;
}

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
