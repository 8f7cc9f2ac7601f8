#include "node/leases.h"

namespace pawl::node {

void Leases::grant(const TaskRef& task, std::int64_t lease_ms, std::int64_t now_mono_ms) {
  end(task);
  Lease lease;
  lease.lease_ms = lease_ms;
  lease.until_mono_ms = now_mono_ms + lease_ms;
  by_end_.emplace(lease.until_mono_ms, task);
  leases_.emplace(task, std::move(lease));
}

Lease* Leases::renew(const TaskRef& task, std::int64_t now_mono_ms) {
  const auto it = leases_.find(task);
  if (it == leases_.end()) return nullptr;
  by_end_.erase({it->second.until_mono_ms, task});
  it->second.until_mono_ms = now_mono_ms + it->second.lease_ms;
  by_end_.emplace(it->second.until_mono_ms, task);
  return &it->second;
}

void Leases::end(const TaskRef& task) {
  const auto it = leases_.find(task);
  if (it == leases_.end()) return;
  by_end_.erase({it->second.until_mono_ms, task});
  leases_.erase(it);
}

void Leases::end_group(GroupId group) {
  auto it = leases_.lower_bound(TaskRef{group, Index(0), engine::StepId(0), 0});
  while (it != leases_.end() && it->first.group == group) {
    by_end_.erase({it->second.until_mono_ms, it->first});
    it = leases_.erase(it);
  }
}

std::vector<std::pair<TaskRef, Lease>> Leases::take_expired(std::int64_t now_mono_ms,
                                                            std::size_t max) {
  std::vector<std::pair<TaskRef, Lease>> expired;
  while (expired.size() < max && !by_end_.empty() && by_end_.begin()->first <= now_mono_ms) {
    const TaskRef task = by_end_.begin()->second;
    const auto it = leases_.find(task);
    expired.emplace_back(task, std::move(it->second));
    leases_.erase(it);
    by_end_.erase(by_end_.begin());
  }
  return expired;
}

std::optional<std::int64_t> Leases::until_mono_ms(const TaskRef& task) const {
  const auto it = leases_.find(task);
  if (it == leases_.end()) return std::nullopt;
  return it->second.until_mono_ms;
}

std::int64_t Leases::next_mono_ms() const {
  return by_end_.empty() ? INT64_MAX : by_end_.begin()->first;
}

}  // namespace pawl::node
