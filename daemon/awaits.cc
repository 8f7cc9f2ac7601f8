#include "daemon/awaits.h"

#include <algorithm>

#include "base/limits.h"
#include "engine/waiting.h"

namespace pawl::daemon {

bool Await::reached(const engine::Run& r) const {
  if (!state.empty()) {
    const auto states = r.states();
    return std::find(states.begin(), states.end(), state) != states.end();
  }
  return status == "closed" ? r.closed() : status == engine::to_string(r.status);
}

bool Await::reached_by(const engine::Event& event, TimeMs time) const {
  using engine::RunStatus;
  const auto continued = engine::generation_begun(event);
  if (!state.empty()) {
    const auto* entered = std::get_if<engine::StateEntered>(&event);
    if (continued) {
      return !continued->parts.frames.empty() && continued->parts.frames.front().state == state;
    }
    return entered != nullptr && entered->state == state;
  }
  std::optional<RunStatus> now;
  if (const auto* started = std::get_if<engine::RunStarted>(&event)) {
    now = started->start_at ? RunStatus::scheduled : RunStatus::running;
  } else if (continued) {
    now = continued->parts.status;  // what made it so may be forgotten
  } else if (std::holds_alternative<engine::RunActivated>(event)) {
    now = RunStatus::running;
  } else if (std::holds_alternative<engine::RunPaused>(event)) {
    now = RunStatus::paused;
  } else if (std::holds_alternative<engine::RunResumed>(event)) {
    now = start_at && time < *start_at ? RunStatus::scheduled : RunStatus::running;
  } else if (const auto* closed = std::get_if<engine::RunClosed>(&event)) {
    if (status == "closed") return true;
    now = closed->status;
  } else if (std::holds_alternative<engine::RunDataDeleted>(event)) {
    now = RunStatus::data_deleted;
  }
  return now && status == engine::to_string(*now);
}

bool Awaits::park(Await await) {
  if (awaits_.size() >= limits::kAwaitsParkedMax) return false;
  by_run_[{await.group, await.run}].insert(await.id);
  by_deadline_.emplace(await.deadline_mono_ms, await.id);
  awaits_.emplace(await.id, std::move(await));
  return true;
}

std::optional<Await> Awaits::take(RequestId id) {
  const auto it = awaits_.find(id);
  if (it == awaits_.end()) return std::nullopt;
  Await await = std::move(it->second);
  awaits_.erase(it);
  by_deadline_.erase({await.deadline_mono_ms, id});
  const auto run = by_run_.find({await.group, await.run});
  run->second.erase(id);
  if (run->second.empty()) by_run_.erase(run);
  return await;
}

std::vector<Await> Awaits::take_settled(GroupId group, const engine::Run& run) {
  std::vector<Await> settled;
  const auto parked = by_run_.find({group, run.uid().index});
  if (parked == by_run_.end()) return settled;
  std::vector<RequestId> ids;
  for (const RequestId id : parked->second) {
    if (run.closed() || awaits_.find(id)->second.reached(run)) ids.push_back(id);
  }
  for (const RequestId id : ids) settled.push_back(*take(id));
  return settled;
}

std::set<Index> Awaits::runs_of(GroupId group) const {
  std::set<Index> runs;
  for (auto at = by_run_.lower_bound({group, Index(0)});
       at != by_run_.end() && at->first.first == group; ++at) {
    runs.insert(at->first.second);
  }
  return runs;
}

std::vector<Await> Awaits::take_expired(std::int64_t mono_ms) {
  std::vector<Await> expired;
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= mono_ms) {
    expired.push_back(*take(by_deadline_.begin()->second));
  }
  return expired;
}

void Awaits::cancel(RequestId id) { take(id); }

std::int64_t Awaits::next_wake_mono_ms() const {
  return by_deadline_.empty() ? INT64_MAX : by_deadline_.begin()->first;
}

}  // namespace pawl::daemon
