#include "node/job.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::node {

void Mailboxes::acquire(const std::string& run_id) {
  const bool added = boxes_.try_emplace(run_id).second;
  PAWL_CHECK(added);
}

bool Mailboxes::wait(Job&& job) {
  const auto box = boxes_.find(job.run_id);
  PAWL_CHECK(box != boxes_.end());
  // The node's own jobs (a lost lease, a returned task) are few and must not be refused, nor a
  // start for which the id's open run is being terminated.
  const bool taken_on = job.reply == Reply::nothing || job.terminated_existing;
  const bool full =
      box->second.size() >= limits::kMailboxCommandsMax || waiting_ >= limits::kCommandsQueuedMax;
  if (full && !taken_on) return false;
  box->second.push_back(std::move(job));
  ++waiting_;
  return true;
}

std::vector<Job> Mailboxes::release(const std::string& run_id) {
  const auto box = boxes_.find(run_id);
  PAWL_CHECK(box != boxes_.end());
  std::vector<Job> jobs = std::move(box->second);
  boxes_.erase(box);
  PAWL_CHECK(waiting_ >= jobs.size());
  waiting_ -= jobs.size();
  return jobs;
}

std::vector<Job> Mailboxes::clear() {
  // In the order of their ids, not the hash table's.
  std::vector<std::pair<std::string, std::vector<Job>>> boxes;
  for (auto& [id, jobs] : std::exchange(boxes_, {})) boxes.emplace_back(id, std::move(jobs));
  waiting_ = 0;
  std::sort(boxes.begin(), boxes.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Job> all;
  for (auto& [id, jobs] : boxes) std::move(jobs.begin(), jobs.end(), std::back_inserter(all));
  return all;
}

}  // namespace pawl::node
