#include "daemon/restored_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/feature_level.h"
#include "daemon/opened_node.h"
#include "log/names.h"
#include "log/new_file.h"
#include "log/operation.h"
#include "log/training.h"
#include "node/lone_voter.h"

namespace pawl::daemon {
namespace {

constexpr std::size_t kQueuedBytes = 1 * limits::MiB;  // before they are written

// A new journal has nothing to tell.
struct Silence final : log::RecoverySink {
  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId, Term, Index, std::string_view) override {
    return absl::OkStatus();
  }
};

bool is_of_store(const std::string& name) {
  return name == "store" || name == "store.tmp" || name.ends_with(".seg") ||
         name.ends_with(".snap") || name.ends_with(".snap.tmp");
}

bool is_segment(const std::string& name) { return log::parse_segment_name(name).has_value(); }

}  // namespace

RestoredStore::RestoredStore(log::FileSystem& files, log::Directories& directories,
                             const RestoreOptions& options, const Logger* logger)
    : options_(options),
      logger_(*logger),
      inner_(log::join(options.directory, "restoring")),
      files_(files),
      directories_(directories) {
  PAWL_CHECK(options.random_16.size() == store_.id.size());
}

RestoredStore::~RestoredStore() { (void)give_up(); }

absl::Status RestoredStore::give_up() {
  if (live_) return absl::OkStatus();
  journal_.reset();
  snapshot_.reset();
  absl::Status status = std::exchange(begun_, false) ? clear() : absl::OkStatus();
  if (!status.ok() || !std::exchange(made_directory_, false)) return status;
  (void)files_.remove(log::join(options_.directory, "lock"));
  return directories_.remove_directory(options_.directory);
}

absl::Status RestoredStore::begin() {
  const absl::StatusOr<bool> made = directories_.make_directory(options_.directory);
  if (!made.ok()) return made.status();
  made_directory_ = *made;
  if (made_directory_) {
    absl::Status synced = files_.sync_directory(log::directory_of(options_.directory));
    if (!synced.ok()) return synced;
  }
  if (absl::Status s = options_.lock(options_.directory); !s.ok()) return s;
  const auto listed = files_.list(options_.directory);
  if (!listed.ok()) return listed.status();
  const absl::StatusOr<bool> unfinished = directories_.is_there(inner_);
  if (!unfinished.ok()) return unfinished.status();
  for (const log::FileInfo& file : *listed) {
    if (file.name != "store" && (*unfinished || !is_of_store(file.name))) continue;
    return absl::AlreadyExistsError(options_.directory + " holds " + file.name +
                                    ": a store is never overwritten; name a directory that is "
                                    "empty or not there");
  }
  begun_ = true;
  if (absl::Status s = clear(); !s.ok()) return s;
  return directories_.make_directory(inner_).status();
}

// Removes what a restore has written, and what it has moved: that is gone for good, segments at
// last, before what says that it was one is.
absl::Status RestoredStore::clear() {
  const absl::StatusOr<bool> there = directories_.is_there(inner_);
  if (!there.ok()) return there.status();
  if (!*there) return absl::OkStatus();
  auto outer = files_.list(options_.directory);
  if (!outer.ok()) return outer.status();
  std::erase_if(*outer, [](const log::FileInfo& file) { return !is_of_store(file.name); });
  std::stable_partition(outer->begin(), outer->end(),
                        [](const log::FileInfo& file) { return !is_segment(file.name); });
  for (const log::FileInfo& file : *outer) {
    const absl::Status s = files_.remove(log::join(options_.directory, file.name));
    if (!s.ok()) return s;
  }
  if (!outer->empty()) {
    if (absl::Status s = files_.sync_directory(options_.directory); !s.ok()) return s;
  }
  const auto inner = files_.list(inner_);
  if (!inner.ok()) return inner.status();
  for (const log::FileInfo& file : *inner) {
    if (absl::Status s = files_.remove(log::join(inner_, file.name)); !s.ok()) return s;
  }
  return directories_.remove_directory(inner_);
}

absl::Status RestoredStore::on_header(const log::BackupHeader& header) {
  if (header.feature_level > kFeatureLevel) {
    return absl::FailedPreconditionError(
        "the backup needs feature level " + std::to_string(header.feature_level) +
        ", this version of Pawl has " + std::to_string(kFeatureLevel) +
        "; use the version that made it, or a later one");
  }
  header_ = header;
  StoreIdentity wanted;
  wanted.run_groups = header.run_groups;
  wanted.box = options_.box;
  wanted.founders = options_.founders;
  const auto store = open_store(files_, inner_, wanted, options_.random_16);
  if (!store.ok()) return store.status();
  store_ = *store;
  log::JournalOptions journal_options;
  journal_options.directory = inner_;
  journal_options.store_id = store_.id;
  journal_options.segment_bytes = options_.segment_bytes;
  journal_options.preallocate = options_.preallocate;
  Silence silence;
  auto journal = log::Journal::open(files_, journal_options, silence, nullptr);
  if (!journal.ok()) return journal.status();
  journal_ = std::move(*journal);
  if (header.feature_level >= kJournalLevel) journal_->allow_compression();
  return absl::OkStatus();
}

absl::Status RestoredStore::on_state(GroupId group, const log::HardState& state) {
  ++counts_.states;
  journal_->save_hard_state(group, state);
  return absl::OkStatus();
}

absl::Status RestoredStore::on_snapshot(const log::BackedUpSnapshot& snapshot) {
  if (absl::Status s = end_snapshot(); !s.ok()) return s;
  ++counts_.snapshots;
  log::SnapshotHeader header;
  header.store_id = store_.id;
  header.group = snapshot.group;
  header.index = snapshot.index;
  header.term = snapshot.term;
  header.feature_level = snapshot.feature_level;
  snapshot_ = std::make_unique<log::SnapshotWriter>(files_, inner_, header);
  return absl::OkStatus();
}

absl::Status RestoredStore::on_piece(std::string_view bytes) { return snapshot_->append(bytes); }

absl::Status RestoredStore::end_snapshot() {
  if (snapshot_ == nullptr) return absl::OkStatus();
  const absl::Status status = snapshot_->commit();
  snapshot_.reset();
  return status;
}

absl::Status RestoredStore::on_entry(GroupId group, Term term, Index index,
                                     std::string_view payload) {
  ++counts_.entries;
  journal_->append(group, term, index, payload);
  return journal_->queued_bytes() < kQueuedBytes ? absl::OkStatus() : flush(false);
}

absl::Status RestoredStore::flush(bool all) {
  for (const log::Batch* batch = journal_->begin_batch(); batch != nullptr;
       batch = journal_->begin_batch()) {
    if (absl::Status s = log::execute(files_, *batch); !s.ok()) return s;
    journal_->completed(batch->id);
    if (auto samples = journal_->begin_training()) {
      journal_->use_dictionary(log::train_dictionary(*samples));
    }
  }
  if (!all) return absl::OkStatus();
  journal_->mark_synced();
  const log::Batch* mark = journal_->begin_batch();
  if (mark == nullptr) return absl::OkStatus();
  if (absl::Status s = log::execute(files_, *mark); !s.ok()) return s;
  journal_->completed(mark->id);
  return absl::OkStatus();
}

absl::StatusOr<OpenedNode> RestoredStore::open() {
  OpenNodeOptions node_options;
  node_options.directory = inner_;
  node_options.store = store_;
  node_options.segment_bytes = options_.segment_bytes;
  node_options.preallocate = options_.preallocate;
  node_options.now.wall_ms = options_.wall_ms;
  auto opened = open_node(files_, node_options, logger_);
  if (opened.ok()) return opened;
  return absl::Status(opened.status().code(), "what the backup holds is not a store: " +
                                                  std::string(opened.status().message()));
}

// What was written is what a daemon can start on.
absl::Status RestoredStore::read_back() {
  auto opened = open();
  if (!opened.ok()) return opened.status();
  if (opened->report.entries != counts_.entries) {
    return absl::DataLossError("of " + std::to_string(counts_.entries) + " entries " +
                               std::to_string(opened->report.entries) + " are read back from " +
                               inner_ + "; check the disk");
  }
  // The log of a box that was its cluster's only one names that box's number.
  if (header_.box.v != 0 || of_cluster() || !node::goes_on_alone(*opened->node)) {
    if (absl::Status s = go_on_alone(&*opened); !s.ok()) return s;
  }
  for (std::size_t g = 0; g < opened->node->group_count(); ++g) {
    runs_ += opened->node->group(GroupId(static_cast<std::uint16_t>(g))).tables().run_count();
  }
  return absl::OkStatus();
}

// `opened` is the store as it is after that.
absl::Status RestoredStore::go_on_alone(OpenedNode* opened) {
  std::string why;
  if (!node::can_take_over(*opened->node, &why)) return absl::FailedPreconditionError(why);
  node::go_on_alone(*opened->node, opened->journal.get(), options_.address);
  while (const log::Batch* batch = opened->journal->begin_batch()) {
    if (absl::Status s = log::execute(files_, *batch); !s.ok()) return s;
    opened->journal->completed(batch->id);
  }
  *opened = OpenedNode{};
  auto again = open();
  if (!again.ok()) return again.status();
  *opened = *std::move(again);
  if (node::goes_on_alone(*opened->node)) return absl::OkStatus();
  return absl::InternalError("the store was written, and does not say so when it is read again");
}

absl::Status RestoredStore::make_live() {
  auto listed = files_.list(inner_);
  if (!listed.ok()) return listed.status();
  std::stable_partition(listed->begin(), listed->end(),
                        [](const log::FileInfo& file) { return is_segment(file.name); });
  for (const log::FileInfo& file : *listed) {
    if (file.name == "store") continue;
    const absl::Status s =
        files_.rename(log::join(inner_, file.name), log::join(options_.directory, file.name));
    if (!s.ok()) return s;
  }
  absl::Status status = files_.sync_directory(options_.directory);
  if (status.ok()) {
    status = files_.rename(log::join(inner_, "store"), log::join(options_.directory, "store"));
  }
  if (!status.ok()) return status;
  live_ = true;
  status = files_.sync_directory(options_.directory);
  (void)directories_.remove_directory(inner_);
  return status;
}

absl::Status RestoredStore::finish() {
  PAWL_CHECK(journal_ != nullptr);
  absl::Status status = end_snapshot();
  if (status.ok()) status = flush(true);
  if (!status.ok()) return status;
  journal_.reset();
  status = read_back();
  return status.ok() ? make_live() : status;
}

}  // namespace pawl::daemon
