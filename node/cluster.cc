#include "node/cluster.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace pawl::node {
namespace {

constexpr std::size_t kProcessesMax = 4;  // of one box, that are remembered

}  // namespace

void RemoteProcess::over_before(std::uint64_t number) {
  if (number <= open_from) return;
  open_from = number;
  for (auto& [group, answers] : groups) {
    answers.finished.erase(answers.finished.begin(), answers.finished.lower_bound(number));
  }
}

std::int64_t Cluster::disk_ms(std::int64_t now_mono_ms, const RoomChanged& room) const {
  const std::int64_t busy_ms = batch_mono_ms > 0 ? now_mono_ms - batch_mono_ms : 0;
  return room.level == RoomLevel::plenty ? busy_ms : std::max(busy_ms, limits::kDiskStallMs);
}

bool Cluster::is_stalled(NodeId peer) const {
  const auto status = statuses.find(peer);
  return status == statuses.end() || status->second.disk_ms >= limits::kDiskStallMs;
}

void Cluster::retry_later(RequestId id) {
  const auto at = held.find(id);
  if (at == held.end() || std::exchange(at->second.to_retry, true)) return;
  retries.push_back(id);
}

void Cluster::forget_held(RequestId id) {
  const auto at = held.find(id);
  if (at == held.end()) return;
  deadlines.erase({at->second.request.deadline_ms, id});
  numbers.erase(at->second.number);
  held.erase(at);
  waiting.erase(id);
}

// "Try again later" says that nothing was done; of a request that another leader has had, nobody
// knows that. It waits, and is tried again.
bool Cluster::still_in_doubt(const Answer& answer) {
  if (answer.status != 429) return false;
  const auto at = held.find(answer.id);
  if (at == held.end() || at->second.leaders == 0) return false;
  at->second.sent_to = NodeId(0);
  waiting.insert(answer.id);
  return true;
}

RemoteProcess& Cluster::remote_process(NodeId box, std::uint64_t base) {
  std::deque<RemoteProcess>& known = remote_processes[box];
  for (RemoteProcess& process : known) {
    if (process.base == base) return process;
  }
  if (known.size() >= kProcessesMax) known.pop_back();
  known.push_front({base, 0, {}});
  return known.front();
}

void Cluster::keep_answer(const RemoteRequest& to, const Answer& answer) {
  RemoteProcess& process = remote_process(to.box, to.base);
  RemoteProcess::Answers& answers = process.groups[to.group];
  const std::uint64_t number = to.id - to.base;
  if (number < std::max(process.open_from, answers.kept_from)) return;
  answers.finished[number] = {to.term, answer};
  std::size_t kept = 0;
  RemoteProcess::Answers* oldest = nullptr;
  for (auto& [group, of] : process.groups) {
    kept += of.finished.size();
    if (of.finished.empty()) continue;
    if (oldest == nullptr || of.finished.begin()->first < oldest->finished.begin()->first) {
      oldest = &of;
    }
  }
  if (kept <= limits::kAnswersKeptMax) return;
  // It gets no second answer, nor does what its group was asked before: their clients hear that the
  // outcome is unknown. Other groups may still answer what is as old.
  oldest->kept_from = oldest->finished.begin()->first + 1;
  oldest->finished.erase(oldest->finished.begin());
}

}  // namespace pawl::node
