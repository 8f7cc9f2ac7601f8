#include "engine/table_index.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "engine/namespace.h"

namespace pawl::engine {
namespace {

bool offers(const Run& run) { return run.status == RunStatus::running; }
bool fires(RunStatus status) { return !is_closed(status) && status != RunStatus::paused; }

std::span<const Timer> timers_of(const Run* run) {
  if (run == nullptr || !fires(run->status)) return {};
  return run->timers;
}

std::span<const Shared<Step>> steps_of(const Run* run) {
  if (run == nullptr) return {};
  return run->steps;
}

// Both sides are sorted by id: one pass finds what is gone, new or changed.
void reindex_timers(Index run, std::span<const Timer> before, std::span<const Timer> after,
                    TableIndexes* indexes, Applied* applied) {
  std::size_t b = 0, a = 0;
  while (b < before.size() || a < after.size()) {
    const bool only_before = a == after.size() || (b < before.size() && before[b].id < after[a].id);
    const bool only_after = b == before.size() || (a < after.size() && after[a].id < before[b].id);
    const bool moved = !only_before && !only_after && before[b].fire_at != after[a].fire_at;
    if (only_before || moved) {
      const auto erased = indexes->timers.erase({before[b].fire_at, run, before[b].id});
      PAWL_CHECK(erased == 1);
    }
    if (only_after || moved) indexes->timers.insert({after[a].fire_at, run, after[a].id});
    applied->timers_changed |= only_before || only_after || moved;
    b += only_after ? 0 : 1;
    a += only_before ? 0 : 1;
  }
}

bool counts_as_started(StepStatus status) {
  return status == StepStatus::started || status == StepStatus::withdrawn;
}

void remove_step(Index run, const Step& step, bool offered, TableIndexes* indexes) {
  if (step.status == StepStatus::queued ? !offered : !counts_as_started(step.status)) return;
  const auto queue = indexes->queues.find(step.queue);
  PAWL_CHECK(queue != indexes->queues.end());
  if (step.status == StepStatus::queued) {
    const QueuedTask task{-step.priority, step.queued_at, run, step.id};
    PAWL_CHECK(queue->second.waiting.erase(task) == 1);
  } else {
    PAWL_CHECK(queue->second.started > 0);
    --queue->second.started;
  }
  if (queue->second.waiting.empty() && queue->second.started == 0) indexes->queues.erase(queue);
}

void insert_step(Index run, const Step& step, bool offered, TableIndexes* indexes,
                 Applied* applied) {
  if (step.status == StepStatus::queued) {
    if (!offered) return;
    indexes->queues[step.queue].waiting.insert({-step.priority, step.queued_at, run, step.id});
    applied->tasks_queued = true;
  } else if (counts_as_started(step.status)) {
    ++indexes->queues[step.queue].started;
  }
}

void reindex_steps(Index run, const Run* before, const Run* after, TableIndexes* indexes,
                   Applied* applied) {
  const bool offered_before = before != nullptr && offers(*before);
  const bool offered_after = after != nullptr && offers(*after);
  const auto old_steps = steps_of(before), new_steps = steps_of(after);
  std::size_t b = 0, a = 0;
  while (b < old_steps.size() || a < new_steps.size()) {
    const bool has_old =
        b < old_steps.size() && (a == new_steps.size() || old_steps[b]->id <= new_steps[a]->id);
    const bool has_new =
        a < new_steps.size() && (b == old_steps.size() || new_steps[a]->id <= old_steps[b]->id);
    const bool same =
        has_old && has_new && offered_before == offered_after && &*old_steps[b] == &*new_steps[a];
    if (!same && has_old) remove_step(run, *old_steps[b], offered_before, indexes);
    if (!same && has_new) insert_step(run, *new_steps[a], offered_after, indexes, applied);
    b += has_old ? 1 : 0;
    a += has_new ? 1 : 0;
  }
}

std::pair<std::string, std::uint32_t> version_of(const Run& run) {
  return {run.workflow(), run.version()};
}

// A run that begins anew may do so by another version.
bool changes_version(const Run* before, const Run* after) {
  return before != nullptr && after != nullptr && version_of(*before) != version_of(*after);
}

void reindex_closed(Index run, const Run* before, const Run* after, TableIndexes* indexes) {
  const bool was = before != nullptr && before->closed();
  const bool is = after != nullptr && after->closed();
  if (was == is) return;  // when it closed stays
  if (is) {
    indexes->closed_by_version[version_of(*after)].insert({*after->closed_at, run});
    return;
  }
  const auto at = indexes->closed_by_version.find(version_of(*before));
  PAWL_CHECK(at != indexes->closed_by_version.end());
  PAWL_CHECK(at->second.erase({*before->closed_at, run}) == 1);
  if (at->second.empty()) indexes->closed_by_version.erase(at);
}

void reindex_open(const Run* before, const Run* after, TableIndexes* indexes) {
  const bool was = before != nullptr && !before->closed();
  const bool is = after != nullptr && !after->closed();
  if (was == is && !(is && changes_version(before, after))) return;
  if (was) {
    const auto at = indexes->open_by_version.find(version_of(*before));
    PAWL_CHECK(at != indexes->open_by_version.end());
    if (--at->second == 0) indexes->open_by_version.erase(at);
  }
  if (is) ++indexes->open_by_version[version_of(*after)];
}

// Those of a run that begins anew by another version are kept as long as that one says.
void reindex_generations(Index run, const Run* before, const Run* after, TableIndexes* indexes) {
  const KeptHistory was = history_of(before), is = history_of(after);
  if (was.oldest_entry().v == 0 && is.oldest_entry().v == 0) return;
  if (changes_version(before, after)) {
    indexes->generations.replace(run, version_of(*before), was, {});
    indexes->generations.replace(run, version_of(*after), {}, is);
    return;
  }
  indexes->generations.replace(run, version_of(after != nullptr ? *after : *before), was, is);
}

// By the run's newest entry: an answer may still come to a task that was withdrawn, and is to go as
// well.
void reindex_deletion(Index run, const Run* before, const Run* after, TableIndexes* indexes) {
  const bool was = before != nullptr && before->status == RunStatus::data_deleted;
  const bool is = after != nullptr && after->status == RunStatus::data_deleted;
  if (was && is && before->last_entry == after->last_entry) return;
  if (was) PAWL_CHECK(indexes->deletions.erase({before->last_entry, run}) == 1);
  if (is) indexes->deletions.insert({after->last_entry, run});
}

// What a run counts for.
NamespaceUsage usage_of(const Run* run) {
  if (run == nullptr) return {};
  if (run->closed()) return {1, 0, 0};
  return {1, 1, run->state_bytes};
}

void reindex_usage(const Run* before, const Run* after, TableIndexes* indexes) {
  const NamespaceUsage was = usage_of(before), is = usage_of(after);
  if (was == is) return;
  const std::string_view name = namespace_of(after != nullptr ? after->id() : before->id());
  auto at = indexes->usage.find(name);
  if (at == indexes->usage.end()) at = indexes->usage.emplace(name, NamespaceUsage{}).first;
  NamespaceUsage& sum = at->second;
  PAWL_CHECK(sum.runs >= was.runs && sum.open_runs >= was.open_runs);
  PAWL_CHECK(sum.payload_bytes >= was.payload_bytes);
  sum.runs += is.runs - was.runs;
  sum.open_runs += is.open_runs - was.open_runs;
  sum.payload_bytes += is.payload_bytes - was.payload_bytes;
  if (sum == NamespaceUsage{}) indexes->usage.erase(at);
}

}  // namespace

void reindex(Index run, const Run* before, const Run* after, TableIndexes* indexes,
             Applied* applied) {
  reindex_timers(run, timers_of(before), timers_of(after), indexes, applied);
  reindex_steps(run, before, after, indexes, applied);
  reindex_open(before, after, indexes);
  reindex_usage(before, after, indexes);
  reindex_closed(run, before, after, indexes);
  reindex_deletion(run, before, after, indexes);
  reindex_generations(run, before, after, indexes);
  const bool had = before != nullptr && !before->incidents.empty();
  const bool has = after != nullptr && !after->incidents.empty();
  if (has && !had) indexes->runs_with_incidents.insert(run);
  if (had && !has) indexes->runs_with_incidents.erase(run);
  const bool spoke = before != nullptr && before->has_errands();
  const bool speaks = after != nullptr && after->has_errands();
  if (speaks && !spoke) indexes->runs_with_errands.insert(run);
  if (spoke && !speaks) indexes->runs_with_errands.erase(run);
  applied->errands = speaks;
}

void index_glance(Index run, const RunGlance& glance, TableIndexes* indexes) {
  PAWL_CHECK(!glance.has_steps && !glance.has_incidents && !glance.has_tree);
  if (fires(glance.status)) {
    for (const Timer& timer : glance.timers) {
      indexes->timers.insert({timer.fire_at, run, timer.id});
    }
  }
  const auto key = std::make_pair(std::string(glance.workflow), glance.version);
  if (glance.closed()) {
    indexes->closed_by_version[key].insert({*glance.closed_at, run});
  } else {
    ++indexes->open_by_version[key];
  }
  NamespaceUsage& sum = indexes->usage[std::string(namespace_of(glance.id))];
  ++sum.runs;
  if (!glance.closed()) {
    ++sum.open_runs;
    sum.payload_bytes += glance.state_bytes;
  }
  if (glance.status == RunStatus::data_deleted) indexes->deletions.insert({glance.last_entry, run});
  const KeptHistory history{glance.first_entry, glance.older};
  if (history.oldest_entry().v > 0) indexes->generations.replace(run, key, {}, history);
}

bool equal_queues(const std::map<std::string, Queue>& a, const std::map<std::string, Queue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.waiting == y.second.waiting &&
           x.second.started == y.second.started;
  });
}

}  // namespace pawl::engine
