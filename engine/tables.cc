#include "engine/tables.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "engine/evolve.h"
#include "engine/frozen_tables.h"
#include "engine/residency.h"
#include "engine/table_index.h"

namespace pawl::engine {

bool Tables::apply_run(Index entry, Index run, TimeMs time, const std::vector<Event>& events,
                       Applied* applied) {
  std::shared_ptr<Run> next = folded(entry, run, time, events);
  if (next == nullptr) return false;
  install(entry, run, time, std::move(next), applied);
  return true;
}

bool Tables::apply_decided(Index entry, Index run, TimeMs time, const std::vector<Event>& events,
                           std::shared_ptr<Run> after, Applied* applied) {
  if (events.empty() || time < time_ || after == nullptr || after->uid() != RunUid{group_, run}) {
    return false;
  }
  if (entry.v % limits::kFoldSamplePeriod == 0) {
    const std::shared_ptr<Run> again = folded(entry, run, time, events);
    PAWL_CHECK(again != nullptr && again->hash == after->hash);
    PAWL_CHECK(again->seq == after->seq && again->timers == after->timers);
  }
  install(entry, run, time, std::move(after), applied);
  return true;
}

std::shared_ptr<Run> Tables::folded(Index entry, Index run, TimeMs time,
                                    const std::vector<Event>& events) const {
  if (events.empty() || time < time_) return nullptr;
  const std::shared_ptr<Run> before = runs_.find(run);
  const auto* started = std::get_if<RunStarted>(&events.front());
  if ((started != nullptr) != (before == nullptr)) return nullptr;
  if (started != nullptr) {
    if (entry != run || started->group != group_ || started->index != run) return nullptr;
    const Run* namesake = find_id(started->id);
    if (namesake != nullptr && !namesake->closed()) return nullptr;
  }
  auto next = started != nullptr ? std::make_shared<Run>() : std::make_shared<Run>(*before);
  HashScratch scratch;
  for (const Event& event : events) {
    // A generation begins with an entry.
    if (generation_begun(event) && &event != &events.front()) return nullptr;
    if (!evolve(next.get(), event, time, &scratch)) return nullptr;
  }
  return next;
}

void Tables::install(Index entry, Index run, TimeMs time, std::shared_ptr<Run> next,
                     Applied* applied) {
  next->last_entry = entry;
  time_ = time;
  const std::shared_ptr<Run> before = runs_.find(run);
  *applied = Applied();
  applied->run = run;
  if (before != nullptr) {
    applied->continued = next->generation > before->generation;
    keep_generations(*before, next.get());
  }
  tell_frozen(run, before);
  runs_.set(run, next, time);
  if (before == nullptr) link_id(next->id(), run);
  applied->started = before == nullptr;
  applied->closed = next->closed() && (before == nullptr || !before->closed());
  applied->data_deleted = next->status == RunStatus::data_deleted &&
                          (before == nullptr || before->status != RunStatus::data_deleted);
  TableIndexes indexes = this->indexes();
  reindex(run, before.get(), next.get(), &indexes, applied);
}

// What a decision was made on may have forgotten a generation since.
void Tables::keep_generations(const Run& before, Run* next) {
  next->first_entry = before.first_entry;
  next->older = before.older;
  if (next->generation == before.generation) return;
  Generation closed;
  closed.number = before.generation;
  closed.first_entry = before.first_entry.v > 0 ? before.first_entry : before.uid().index;
  closed.last_entry = before.last_entry;
  closed.first_seq = before.checkpoint.v > 0 ? before.checkpoint : Seq(1);
  closed.last_seq = before.seq;
  closed.closed_at = time_;
  std::vector<Generation>& older = next->older.edit();
  if (older.size() >= limits::kGenerationsKeptMax) older.erase(older.begin());
  older.push_back(closed);
  next->first_entry = next->last_entry;
}

TableIndexes Tables::indexes() {
  return {timers_,
          queues_,
          open_by_version_,
          runs_with_incidents_,
          runs_with_errands_,
          closed_by_version_,
          generations_,
          deletions_,
          usage_by_namespace_};
}

void Tables::tell_frozen(Index run, const std::shared_ptr<Run>& before) {
  if (frozen_ != nullptr) frozen_->run_changes(run, before);
}

bool Tables::forget(const std::vector<Index>& runs) {
  Index last;
  for (const Index run : runs) {
    const Run* known = find(run);
    if (run <= last || known == nullptr || !known->closed()) return false;
    last = run;
  }
  TableIndexes indexes = this->indexes();
  for (const Index run : runs) {
    const std::shared_ptr<Run> before = runs_.find(run);
    tell_frozen(run, before);
    if (before->status == RunStatus::data_deleted) {
      forgotten_deletion_ = std::max(forgotten_deletion_, before->last_entry);
    }
    Applied ignored;
    reindex(run, before.get(), nullptr, &indexes, &ignored);
    unlink_id(before->id(), run);
    runs_.erase(run);
  }
  return true;
}

bool Tables::forget_generations(Index run, std::uint32_t through) {
  const std::shared_ptr<Run> before = runs_.find(run);
  if (before == nullptr) return false;
  if (before->older->empty() || before->older->front().number > through) return true;
  auto after = std::make_shared<Run>(*before);
  std::erase_if(after->older.edit(), [&](const Generation& g) { return g.number <= through; });
  generations_.replace(run, {after->workflow(), after->version()}, history_of(before.get()),
                       history_of(after.get()));
  tell_frozen(run, before);
  runs_.set(run, std::move(after), time_);
  return true;
}

// `run` is newer than all that are known.
void Tables::link_id(std::string_view id, Index run) {
  const auto id_of = [this](Index i) { return runs_.id_of(i); };
  const Index newest = by_id_.find(id, id_of);
  by_id_.set(id, run, id_of);
  if (newest.v == 0) return;
  namesakes_[newest].newer = run;
  namesakes_[run].older = newest;
}

// While the run is still there.
void Tables::unlink_id(std::string_view id, Index run) {
  const auto at = namesakes_.find(run);
  if (at == namesakes_.end()) {
    by_id_.erase(id, run);
    return;
  }
  const Namesakes gone = at->second;
  namesakes_.erase(at);
  const auto keep = [this](Index index, Namesakes links) {
    if (links == Namesakes{}) {
      namesakes_.erase(index);
    } else {
      namesakes_[index] = links;
    }
  };
  if (gone.newer.v == 0) {
    by_id_.set(id, gone.older, [this](Index i) { return runs_.id_of(i); });
  }
  if (gone.newer.v > 0) keep(gone.newer, {gone.older, namesakes_[gone.newer].newer});
  if (gone.older.v > 0) keep(gone.older, {namesakes_[gone.older].older, gone.newer});
}

Index Tables::last_deletion() const {
  return deletions_.empty() ? forgotten_deletion_
                            : std::max(forgotten_deletion_, deletions_.rbegin()->entry);
}

const Run* Tables::find(Index run) const { return runs_.find(run).get(); }

const Run* Tables::find_id(std::string_view id) const {
  const Index run = by_id_.find(id, [this](Index i) { return runs_.id_of(i); });
  return run.v == 0 ? nullptr : find(run);
}

void Tables::replace_values(Index run, std::shared_ptr<Run> with_or_without) {
  const std::shared_ptr<Run> before = runs_.find(run);
  PAWL_CHECK(before != nullptr && is_same_run(*before, *with_or_without));
  with_or_without->last_entry = before->last_entry;
  keep_generations(*before, with_or_without.get());
  tell_frozen(run, before);
  runs_.set(run, std::move(with_or_without), time_);
}

std::optional<DueTimer> Tables::earliest_timer() const {
  if (timers_.empty()) return std::nullopt;
  return *timers_.begin();
}

std::vector<Index> Tables::runs_due(TimeMs now, std::size_t max, DueTimer* after) const {
  std::vector<Index> due;
  for (auto at = timers_.upper_bound(*after); at != timers_.end(); ++at) {
    if (at->fire_at > now || due.size() >= max) break;
    *after = *at;
    if (std::find(due.begin(), due.end(), at->run) == due.end()) due.push_back(at->run);
  }
  return due;
}

NamespaceUsage Tables::usage_of(std::string_view name_space) const {
  const auto at = usage_by_namespace_.find(name_space);
  return at == usage_by_namespace_.end() ? NamespaceUsage{} : at->second;
}

void Tables::advance_time(TimeMs time) {
  PAWL_CHECK(time >= time_);
  time_ = time;
}

void Tables::raise_feature_level(std::uint16_t level) {
  feature_level_ = std::max(feature_level_, level);
}

std::string Tables::check_invariants() const {
  absl::btree_set<DueTimer> timers;
  std::map<std::string, Queue> queues;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> open;
  std::set<Index> incidents;
  absl::btree_set<Index> errands;
  RunsByVersion closed;
  Generations generations;
  absl::btree_set<Deletion> deletions;
  UsageByNamespace usage;
  TableIndexes rebuilt{timers, queues,      open,      incidents, errands,
                       closed, generations, deletions, usage};
  for (const auto& [index, run] : runs_) {
    if (run->uid() != RunUid{group_, index}) return absl::StrCat("run ", index.v, ": foreign uid");
    if (std::string problem = run_problem(*run); !problem.empty()) {
      return absl::StrCat("run ", run->id(), ": ", problem);
    }
    if (run->updated_at > time_) return absl::StrCat("run ", run->id(), ": ahead of its group");
    Applied ignored;
    reindex(index, nullptr, run.get(), &rebuilt, &ignored);
  }
  if (timers != timers_) return "index of timers differs from the runs";
  if (!equal_queues(queues, queues_)) return "queues differ from the runs";
  if (open != open_by_version_) return "open runs by version differ from the runs";
  if (incidents != runs_with_incidents_) return "runs with incidents differ from the runs";
  if (errands != runs_with_errands_) return "runs with errands differ from the runs";
  if (closed != closed_by_version_) return "closed runs differ from the runs";
  if (deletions != deletions_) return "deletions differ from the runs";
  if (usage != usage_by_namespace_) return "usage by namespace differs from the runs";
  if (generations != generations_) return "older generations differ from the runs";
  return check_ids();
}

std::string Tables::check_ids() const {
  std::map<std::string, Index> newest;
  std::map<Index, Namesakes> links;
  for (const auto& [index, run] : runs_) {
    const auto [at, first] = newest.try_emplace(run->id(), index);
    if (first) continue;
    links[at->second].newer = index;
    links[index].older = at->second;
    at->second = index;
  }
  if (newest.size() != by_id_.size()) return "index of ids differs from the runs";
  for (const auto& [id, index] : newest) {
    if (by_id_.find(id, [this](Index i) { return runs_.id_of(i); }) != index)
      return absl::StrCat("id ", id, ": wrong run");
  }
  if (links.size() != namesakes_.size()) return "runs of one id differ from the runs";
  for (const auto& [index, link] : links) {
    const auto at = namesakes_.find(index);
    if (at == namesakes_.end() || !(at->second == link)) {
      return absl::StrCat("run ", index.v, ": wrong namesakes");
    }
  }
  return "";
}

}  // namespace pawl::engine
