// What one group knows: its runs and the indexes over them, all of it a fold of committed entries,
// equal on every replica and rebuilt by a snapshot or by replay.
//
// The indexes (due timers, queued tasks, open incidents ...) are derived from the runs and are
// updated as events are folded; `check_invariants` rebuilds them from the runs and compares.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "base/ids.h"
#include "engine/batch_rows.h"
#include "engine/channel.h"
#include "engine/command.h"
#include "engine/dedupe.h"
#include "engine/event.h"
#include "engine/generations.h"
#include "engine/limit_rows.h"
#include "engine/run_ids.h"
#include "engine/run_store.h"

namespace pawl::engine {

// A timer of the group: the earliest of these is what the node waits for.
struct DueTimer {
  TimeMs fire_at;
  Index run;
  TimerId timer;
  friend auto operator<=>(const DueTimer&, const DueTimer&) = default;
};

// A task waiting in a queue; the order is that of hand-outs: priority (higher first), then age.
struct QueuedTask {
  std::int64_t negated_priority = 0;
  TimeMs queued_at;
  Index run;
  StepId step;
  friend auto operator<=>(const QueuedTask&, const QueuedTask&) = default;
};

struct Queue {
  absl::btree_set<QueuedTask> waiting;
  std::uint32_t started = 0;  // handed out, not yet answered
};

// A closed run, waiting for the end of its retention.
struct ClosedRun {
  TimeMs closed_at;
  Index run;
  friend auto operator<=>(const ClosedRun&, const ClosedRun&) = default;
};
using RunsByVersion = std::map<std::pair<std::string, std::uint32_t>, absl::btree_set<ClosedRun>>;

// A run whose data is deleted, and the entry that says so.
struct Deletion {
  Index entry;
  Index run;
  friend auto operator<=>(const Deletion&, const Deletion&) = default;
};

// What the runs of a namespace come to.
struct NamespaceUsage {
  std::uint64_t runs = 0;  // all that are kept
  std::uint64_t open_runs = 0;
  std::uint64_t payload_bytes = 0;  // of open runs (Run::state_bytes)
  friend bool operator==(const NamespaceUsage&, const NamespaceUsage&) = default;
};
using UsageByNamespace = std::map<std::string, NamespaceUsage, std::less<>>;

// What one applied entry did, for the effects of the leader: offers, timers, awaits.
struct Applied {
  Index run;
  bool started = false;
  bool closed = false;
  bool continued = false;  // as new: the generation before is closed
  bool data_deleted = false;
  bool tasks_queued = false;
  bool timers_changed = false;
  bool errands = false;  // it has something to say to other runs
};

class FrozenTables;
class Tables;

// Ends a copy that was being taken.
struct Unfreeze {
  Tables* tables = nullptr;
  void operator()(FrozenTables* frozen) const;
};

class Tables {
 public:
  explicit Tables(GroupId group) : group_(group) {}

  // --- folds; each is called for a committed entry, in log order ---

  // Events of one run: `run` is the run's uid index (== `entry` for a start). Time never goes back.
  // Returns false (and changes nothing) if the events do not fit the run: the caller stops the
  // group.
  bool apply_run(Index entry, Index run, TimeMs time, const std::vector<Event>& events,
                 Applied* applied);

  // The same for an entry this box decided: `after` is the run once the entry's events are folded,
  // as Decision::after gave it, so they need not be folded a second time. One entry in
  // kFoldSamplePeriod is folded all the same and compared (a difference is a programmer's error).
  bool apply_decided(Index entry, Index run, TimeMs time, const std::vector<Event>& events,
                     std::shared_ptr<Run> after, Applied* applied);

  // Forgets closed runs (`runs` ascends): neither their uids nor their ids lead to them any more.
  // False, and nothing changed, if one of them is not there or is open.
  bool forget(const std::vector<Index>& runs);

  // Forgets the older generations of a run up to this one, as far as they are kept. False, and
  // nothing changed, if there is no such run.
  bool forget_generations(Index run, std::uint32_t through);

  // Replaces a run by itself without its values, or with them again (residency.h): no index
  // changes.
  void replace_values(Index run, std::shared_ptr<Run> with_or_without);

  // --- look-ups; pointers stay valid until the next apply or rest() ---
  const Run* find(Index run) const;
  const Run* find_id(std::string_view id) const;  // the newest run of the id that is known
  std::size_t run_count() const { return runs_.size(); }
  // Ordered by start (uid index), oldest first.
  const RunStore& runs() const { return runs_; }
  // Packs runs that rest (run_store.h); pointers to runs are valid no longer. Whether there is more
  // to do at once.
  bool rest(const RunStore::RestOptions& options) { return runs_.rest(options); }

  std::optional<DueTimer> earliest_timer() const;
  // Runs with a timer behind `*after` that is due at `now`, in order of their earliest one; at most
  // `max`. `*after` becomes the last timer that was looked at; DueTimer() is before all.
  std::vector<Index> runs_due(TimeMs now, std::size_t max, DueTimer* after) const;
  const std::map<std::string, Queue>& queues() const { return queues_; }
  // Open runs by (workflow, version).
  const std::map<std::pair<std::string, std::uint32_t>, std::uint64_t>& open_by_version() const {
    return open_by_version_;
  }
  // Of namespaces with runs here.
  const UsageByNamespace& usage_by_namespace() const { return usage_by_namespace_; }
  NamespaceUsage usage_of(std::string_view name_space) const;
  const std::set<Index>& runs_with_incidents() const { return runs_with_incidents_; }
  const absl::btree_set<Index>& runs_with_errands() const { return runs_with_errands_; }
  // Closed runs by (workflow, version), in the order in which they closed: who is forgotten next.
  const RunsByVersion& closed_by_version() const { return closed_by_version_; }
  // The runs that are kept and whose data is deleted.
  const absl::btree_set<Deletion>& deletions() const { return deletions_; }
  // The last entry that deleted the data of a run which has been forgotten since; 0: none did.
  Index forgotten_deletion() const { return forgotten_deletion_; }
  // The last entry that deleted any; 0: none did.
  Index last_deletion() const;
  // What is kept of runs that have continued as new.
  const Generations& generations() const { return generations_; }
  // The first entry of the group's log that the history of a run here needs; absent: none does.
  // Everything else (messages not acknowledged yet, answers by key, the catalog) is in the tables
  // themselves: whoever has a snapshot needs no entry before it for them.
  std::optional<Index> oldest_needed() const { return generations_.oldest_entry(runs_); }
  // Whether the history that is kept of this run has the entry.
  bool keeps(Index run, Index entry) const {
    return runs_.contains(run) && entry >= generations_.oldest_entry(run);
  }

  GroupId group() const { return group_; }
  TimeMs time() const { return time_; }
  void advance_time(TimeMs time);
  std::uint16_t feature_level() const { return feature_level_; }
  void raise_feature_level(std::uint16_t level);

  Dedupe& dedupe() { return dedupe_; }
  const Dedupe& dedupe() const { return dedupe_; }
  BatchRows& batches() { return batches_; }
  const BatchRows& batches() const { return batches_; }
  LimitRows& limits() { return limits_; }
  const LimitRows& limits() const { return limits_; }
  Channels& channels() { return channels_; }
  const Channels& channels() const { return channels_; }

  // --- snapshots (snapshot_records.h): equal tables give equal bytes ---
  // The tables as they are now, to be taken in slices; what is folded meanwhile is told to the
  // copy, and costs little more. One at a time. It must be let go of before the tables are.
  std::unique_ptr<FrozenTables, Unfreeze> freeze();
  bool is_frozen() const { return frozen_ != nullptr; }
  // All of that at once.
  void encode(std::string* out) const;
  static bool decode(std::string_view bytes, Tables* out);
  // Tables as they stand in a content before format 3.
  static bool decode_format_2(std::string_view bytes, Tables* out);

  // Rebuilds every index from the runs and compares; the first difference, or "".
  std::string check_invariants() const;

 private:
  friend class TableThaw;
  friend struct Unfreeze;
  // The run with the events folded into it; null if they do not fit.
  std::shared_ptr<Run> folded(Index entry, Index run, TimeMs time,
                              const std::vector<Event>& events) const;
  // A run that a snapshot has; they come by index. False if it can't be. `verified`: the snapshot
  // was read from a file that is as it was written; the run is looked at when it is woken.
  bool restore_run(Index index, std::string_view bytes, bool verified);
  // One as it stands in a snapshot of before format 4.
  bool restore_run_of_before(Index index, std::string_view bytes, bool verified);
  struct TableIndexes indexes();
  // Before a run changes, comes (`before` is null) or goes: every such place calls it.
  void tell_frozen(Index run, const std::shared_ptr<Run>& before);
  // A run's place among the runs of its id: older and newer ones that are known. 0: none.
  struct Namesakes {
    Index older, newer;
    friend bool operator==(const Namesakes&, const Namesakes&) = default;
  };
  void link_id(std::string_view id, Index run);
  void unlink_id(std::string_view id, Index run);
  std::string check_ids() const;
  void keep_generations(const Run& before, Run* next);
  void install(Index entry, Index run, TimeMs time, std::shared_ptr<Run> next, Applied* applied);

  GroupId group_;
  TimeMs time_;
  std::uint16_t feature_level_ = 0;
  RunStore runs_;
  RunIds by_id_;                                     // the newest
  absl::flat_hash_map<Index, Namesakes> namesakes_;  // of runs that have any; never iterated
  absl::btree_set<DueTimer> timers_;
  std::map<std::string, Queue> queues_;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> open_by_version_;
  std::set<Index> runs_with_incidents_;
  absl::btree_set<Index> runs_with_errands_;
  RunsByVersion closed_by_version_;
  Generations generations_;
  absl::btree_set<Deletion> deletions_;
  UsageByNamespace usage_by_namespace_;
  Index forgotten_deletion_;
  Dedupe dedupe_;
  Channels channels_;
  BatchRows batches_;
  LimitRows limits_;
  FrozenTables* frozen_ = nullptr;
};

}  // namespace pawl::engine
