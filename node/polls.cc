#include "node/polls.h"

#include <algorithm>

#include "base/limits_namespaces.h"

namespace pawl::node {

bool ParkedPoll::takes(const std::string& type) const {
  return poll.types.empty() ||
         std::find(poll.types.begin(), poll.types.end(), type) != poll.types.end();
}

std::vector<std::string> ParkedPoll::queues() const {
  std::vector<std::string> all{poll.queue};
  all.insert(all.end(), poll.others.begin(), poll.others.end());
  return all;
}

bool Polls::park(ParkedPoll poll) {
  if (polls_.size() >= limits::kParkedPollsMax) return false;
  for (const std::string& queue : poll.queues()) by_queue_[queue].insert(poll.id);
  by_deadline_.emplace(poll.deadline_mono_ms, poll.id);
  const RequestId id = poll.id;
  polls_.emplace(id, std::move(poll));
  return true;
}

ParkedPoll* Polls::find(RequestId id) {
  const auto it = polls_.find(id);
  return it == polls_.end() ? nullptr : &it->second;
}

ParkedPoll* Polls::match(const std::string& queue, const std::string& type) {
  const auto ids = by_queue_.find(queue);
  if (ids == by_queue_.end()) return nullptr;
  for (const RequestId id : ids->second) {
    ParkedPoll& poll = polls_.find(id)->second;
    if (poll.wants_more() && poll.takes(type)) return &poll;
  }
  return nullptr;
}

std::optional<ParkedPoll> Polls::take(RequestId id) {
  const auto it = polls_.find(id);
  if (it == polls_.end()) return std::nullopt;
  ParkedPoll poll = std::move(it->second);
  polls_.erase(it);
  by_deadline_.erase({poll.deadline_mono_ms, id});
  for (const std::string& queue : poll.queues()) {
    const auto ids = by_queue_.find(queue);
    ids->second.erase(id);
    if (ids->second.empty()) by_queue_.erase(ids);
  }
  return poll;
}

void Polls::served(const std::string& queue) {
  if (served_.size() >= limits::kServedQueuesMax) served_.clear();
  served_[queue] = ++turn_;
}

std::size_t Polls::longest_unserved(const std::vector<std::string>& queues) const {
  std::size_t longest = 0;
  std::uint64_t oldest = UINT64_MAX;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    const auto at = served_.find(queues[i]);
    const std::uint64_t turn = at == served_.end() ? 0 : at->second;
    if (turn >= oldest) continue;
    oldest = turn;
    longest = i;
  }
  return longest;
}

std::vector<ParkedPoll> Polls::take_expired(std::int64_t now_mono_ms) {
  std::vector<RequestId> due;
  for (const auto& [deadline, id] : by_deadline_) {
    if (deadline > now_mono_ms) break;
    if (polls_.find(id)->second.idle()) due.push_back(id);
  }
  std::vector<ParkedPoll> expired;
  expired.reserve(due.size());
  for (const RequestId id : due) expired.push_back(*take(id));
  return expired;
}

std::int64_t Polls::next_mono_ms() const {
  // A poll with hand-outs on their way is answered by them, whatever its deadline.
  for (const auto& [deadline, id] : by_deadline_) {
    if (polls_.find(id)->second.idle()) return deadline;
  }
  return INT64_MAX;
}

std::size_t Polls::parked(const std::string& queue) const {
  const auto ids = by_queue_.find(queue);
  return ids == by_queue_.end() ? 0 : ids->second.size();
}

std::vector<RequestId> Polls::parked_at(const std::string& queue) const {
  const auto ids = by_queue_.find(queue);
  if (ids == by_queue_.end()) return {};
  return {ids->second.begin(), ids->second.end()};
}

std::vector<std::string> Polls::workers(const std::string& queue) const {
  std::set<std::string> names;
  const auto ids = by_queue_.find(queue);
  if (ids != by_queue_.end()) {
    for (const RequestId id : ids->second) names.insert(polls_.find(id)->second.poll.worker);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> Polls::queues() const {
  std::vector<std::string> names;
  for (const auto& [queue, ids] : by_queue_) names.push_back(queue);
  return names;
}

}  // namespace pawl::node
