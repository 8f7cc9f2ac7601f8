#include "daemon/recovered_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/feature_level.h"
#include "codecs/entry.h"
#include "log/mending.h"
#include "log/names.h"
#include "log/snapshot_file.h"

namespace pawl::daemon {
namespace {

// Hears a survey for the times of some entries.
class TimesOf final : public log::RecoverySink {
 public:
  explicit TimesOf(const log::Survey& survey) : survey_(survey) {}
  TimeMs newest() const { return newest_; }
  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override {
    if (group.v >= survey_.groups.size()) return absl::OkStatus();
    if (survey_.groups[group.v].before_damage != log::LogEnd{term, index}) return absl::OkStatus();
    codecs::Entry entry;
    std::string error;
    if (payload.empty() || !codecs::decode_entry(payload, &entry, &error)) return absl::OkStatus();
    if (entry.membership.empty()) newest_ = std::max(newest_, entry.time);
    return absl::OkStatus();
  }

 private:
  const log::Survey& survey_;
  TimeMs newest_;
};

constexpr char kOneOfSeveral[] =
    "this box is one of several, which have what is missing: start its daemon, which fetches it, "
    "or says what is to be done";
constexpr char kRestore[] =
    "; restore a backup: `pawl restore FILE --data DIR`, where DIR is empty or not there";

GroupId group_of(std::size_t g) { return GroupId(static_cast<std::uint16_t>(g)); }

}  // namespace

absl::StatusOr<std::unique_ptr<RecoveredStore>> RecoveredStore::open(const OpenNodeOptions& options,
                                                                     const Logger* logger) {
  std::unique_ptr<RecoveredStore> store(new RecoveredStore(options, logger));
  absl::StatusOr<StoreIdentity> identity = read_store(store->files_, options.directory);
  if (absl::IsNotFound(identity.status())) {
    return absl::NotFoundError("there is no store in " + options.directory +
                               "; --data names the data directory of the damaged box");
  }
  if (!identity.ok()) return identity.status();
  if (absl::Status s = store->lock_.acquire(options.directory); !s.ok()) return s;
  store->options_.store = *identity;
  if (absl::Status s = store->look(); !s.ok()) return s;
  return store;
}

absl::Status RecoveredStore::look() {
  const std::string& directory = options_.directory;
  const auto rebuilds = log::read_rebuilds(files_, directory, options_.store.id);
  if (!rebuilds.ok()) return rebuilds.status();
  node::NodeOptions node_options;
  node_options.self = options_.store.box;
  node_options.founders = options_.store.founders;
  node_options.run_groups = options_.store.run_groups;
  node::Node restored(node_options);
  const LoadedSnapshots loaded =
      load_snapshots(files_, directory, options_.store.id, &restored, logger_);
  auto damage = look_at_damage(files_, directory, options_.store, *rebuilds, loaded, restored);
  if (!damage.ok()) return damage.status();
  damage_ = *std::move(damage);
  if (!damage_.survey.damages() && damage_.kept.empty()) return check_beginning(restored);
  if (!damage_.alone) return absl::FailedPreconditionError(kOneOfSeveral);
  for (std::size_t g = 0; g < damage_.survey.groups.size(); ++g) {
    const log::SurveyedGroup& group = damage_.survey.groups[g];
    GroupLoss loss{group_of(g), group.before_damage.index, 0, group.end_unknown};
    for (const log::IndexHole& hole : missing_of(damage_, group_of(g))) {
      loss.entries += hole.through.v - hole.from.v;
    }
    if (loss.entries > 0 || loss.unknown) losses_.push_back(loss);
  }
  if (damage_.only_histories()) {
    what_ = What::histories;
    count_runs(restored);
    return absl::OkStatus();
  }
  what_ = What::cut;
  return plan_cut();
}

// A journal that is whole may be of no use: every snapshot of a group can be damaged, and what they
// stood for was given up.
absl::Status RecoveredStore::check_beginning(const node::Node& restored) const {
  log::PosixFileSystem files;
  for (std::size_t g = 0; g < restored.group_count(); ++g) {
    const auto there = log::list_snapshots(files, options_.directory, group_of(g));
    if (!there.ok()) return there.status();
    const Index snapshot = damage_.snapshots[g];
    const Index first = damage_.survey.groups[g].first;
    const bool all_given_up = first.v == 0 && snapshot.v == 0 && !there->empty();
    if (first <= snapshot.next() && !all_given_up) continue;
    if (options_.store.founders != std::vector<NodeId>{options_.store.box}) {
      return absl::FailedPreconditionError(kOneOfSeveral);
    }
    return absl::FailedPreconditionError(
        "no snapshot of group " + std::to_string(g) +
        " can be read that reaches up to where its journal begins, " +
        (first.v == 0 ? "behind its last entry" : "entry " + std::to_string(first.v)) +
        ": what the group was is lost. Put its .snap files back from a copy" + kRestore);
  }
  return absl::OkStatus();
}

std::string RecoveredStore::file() const {
  const log::Survey& survey = damage_.survey;
  std::uint64_t number = survey.first.segment;
  if (!survey.loses()) {
    number = !survey.damaged.empty()    ? survey.damaged.front().number
             : !survey.given_up.empty() ? survey.given_up.front()
                                        : damage_.kept.front();
  }
  return log::join(options_.directory, log::segment_name(number));
}

std::uint64_t RecoveredStore::offset() const { return damage_.survey.first.offset; }

// Those with entries on both sides of what is missing, or within.
void RecoveredStore::count_runs(const node::Node& restored) {
  if (!damage_.kept.empty()) {  // whose is not known
    for (std::size_t g = 0; g < restored.group_count(); ++g) {
      runs_ += restored.group(group_of(g)).tables().run_count();
    }
    return;
  }
  for (std::size_t g = 0; g < damage_.survey.groups.size(); ++g) {
    const std::vector<log::IndexHole>& holes = damage_.survey.groups[g].holes;
    if (holes.empty()) continue;
    for (const auto& [uid, run] : restored.group(group_of(g)).tables().runs()) {
      runs_ += std::any_of(holes.begin(), holes.end(), [&run](const log::IndexHole& hole) {
        return run->uid().index <= hole.through && run->last_entry > hole.from;
      });
    }
  }
}

// The snapshot that stands for what the journal does not hold of the group before the damage: the
// newest that is not ahead of it. 0: the journal goes back to the group's first entry.
absl::StatusOr<Index> RecoveredStore::snapshot_for_cut(GroupId group) const {
  const log::SurveyedGroup& surveyed = damage_.survey.groups[group.v];
  log::PosixFileSystem files;
  const auto indexes = log::list_snapshots(files, options_.directory, group);
  if (!indexes.ok()) return indexes.status();
  const Index last = surveyed.before_damage.index;
  Index oldest;
  for (const Index index : *indexes) {
    const std::string path = log::join(options_.directory, log::snapshot_name(group, index));
    if (!log::SnapshotReader::open(files, path, options_.store.id).ok()) continue;
    if (last.v > 0 && index <= last && index.next() >= surveyed.first) return index;
    oldest = index;
  }
  if (last.v > 0 && surveyed.first.v == 1) return Index(0);
  // All of it was given up, and its snapshots stand for that.
  const bool is_behind = surveyed.first_behind.v > 0 && oldest >= surveyed.first_behind;
  if (last.v == 0 && oldest.v > 0 && !is_behind) return oldest;
  if (last.v == 0 && indexes->empty()) return Index(0);  // it had nothing
  return absl::FailedPreconditionError("group " + std::to_string(group.v) +
                                       " had given up its beginning before the damage, and every "
                                       "snapshot of it is of later: no state is left that all "
                                       "groups were in" +
                                       kRestore);
}

// What the group is gone on with from may be the snapshot alone.
absl::Status RecoveredStore::note_time(GroupId group, Index snapshot) {
  if (snapshot.v == 0) return absl::OkStatus();
  const std::string path = log::join(options_.directory, log::snapshot_name(group, snapshot));
  const absl::StatusOr<TimeMs> time = snapshot_time(files_, path, options_.store.id, group);
  if (time.ok()) since_ = std::max(since_, *time);
  return time.status();
}

absl::Status RecoveredStore::plan_cut() {
  losses_.clear();
  if (!log::end_of_cut(damage_.survey)) {
    return absl::FailedPreconditionError(
        "the journal is damaged from its beginning on, and snapshots do not stand for all of it: "
        "nothing is left to go on with" +
        std::string(kRestore));
  }
  for (std::size_t g = 0; g < damage_.survey.groups.size(); ++g) {
    const log::SurveyedGroup& group = damage_.survey.groups[g];
    const absl::StatusOr<Index> snapshot = snapshot_for_cut(group_of(g));
    if (!snapshot.ok()) return snapshot.status();
    const Index last = std::max(group.before_damage.index, *snapshot);
    keep_through_.push_back(group.before_damage.index.v > 0 ? group.before_damage.index
                                                            : *snapshot);
    const Index end = std::max(group.last.index, last);
    const std::uint64_t lost = std::max(end.v - last.v, group.entries_behind);
    if (const absl::Status s = note_time(group_of(g), *snapshot); !s.ok()) return s;
    if (lost > 0 || group.end_unknown)
      losses_.push_back({group_of(g), last, lost, group.end_unknown});
  }
  TimesOf times(damage_.survey);
  const auto again = log::survey(files_, options_.directory, options_.store.id, kFeatureLevel,
                                 damage_.survey.groups.size(), {}, &times);
  if (!again.ok()) return again.status();
  since_ = std::max(since_, times.newest());
  return absl::OkStatus();
}

absl::Status RecoveredStore::recover() {
  PAWL_CHECK(what_ != What::nothing);
  const std::string& directory = options_.directory;
  absl::Status status;
  for (std::size_t g = 0; g < keep_through_.size() && status.ok(); ++g) {
    status = set_snapshots_aside(files_, directory, group_of(g), keep_through_[g]);
  }
  if (!status.ok()) return status;
  status = what_ == What::cut ? log::cut(files_, directory, damage_.survey)
                              : log::mend(files_, directory, damage_.survey);
  if (status.ok()) status = set_kept_aside(files_, directory, damage_);
  if (!status.ok()) return status;
  return open_node(files_, options_, logger_).status();
}

}  // namespace pawl::daemon
