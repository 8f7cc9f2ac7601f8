#include "daemon/restored_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/feature_level.h"
#include "daemon/opened_node.h"
#include "log/names.h"
#include "log/operation.h"
#include "log/training.h"

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

absl::Status system_failure(const char* operation, const std::string& path) {
  const std::string text = std::string(operation) + " " + path + ": " + std::strerror(errno);
  return errno == ENOSPC ? absl::ResourceExhaustedError(text + "; make room on this file system")
                         : absl::PermissionDeniedError(text + "; run it as the daemon's user");
}

}  // namespace

RestoredStore::RestoredStore(const RestoreOptions& options, const Logger* logger)
    : options_(options), logger_(*logger), inner_(log::join(options.directory, "restoring")) {
  PAWL_CHECK(options.random_16.size() == store_.id.size());
}

RestoredStore::~RestoredStore() {
  if (done_ || !begun_) return;
  journal_.reset();
  snapshot_.reset();
  (void)clear(true);
  if (!made_directory_) return;
  (void)files_.remove(log::join(options_.directory, "lock"));
  ::rmdir(options_.directory.c_str());
}

absl::Status RestoredStore::begin() {
  struct stat info {};
  made_directory_ = ::stat(options_.directory.c_str(), &info) != 0;
  if (absl::Status s = lock_.acquire(options_.directory); !s.ok()) return s;
  const auto listed = files_.list(options_.directory);
  if (!listed.ok()) return listed.status();
  const bool unfinished = ::stat(inner_.c_str(), &info) == 0;
  for (const log::FileInfo& file : *listed) {
    if (file.name != "store" && (unfinished || !is_of_store(file.name))) continue;
    return absl::AlreadyExistsError(options_.directory + " holds " + file.name +
                                    ": a store is never overwritten; name a directory that is "
                                    "empty or not there");
  }
  begun_ = true;
  if (absl::Status s = clear(true); !s.ok()) return s;
  return ::mkdir(inner_.c_str(), 0700) == 0 ? absl::OkStatus() : system_failure("mkdir", inner_);
}

// Removes what a restore has written; `live_too`: also what it has moved.
absl::Status RestoredStore::clear(bool live_too) {
  const auto inner = files_.list(inner_);
  if (absl::IsNotFound(inner.status())) return absl::OkStatus();
  if (!inner.ok()) return inner.status();
  const auto outer = files_.list(options_.directory);
  if (!outer.ok()) return outer.status();
  for (const log::FileInfo& file : *outer) {
    if (!live_too || !is_of_store(file.name)) continue;
    const absl::Status s = files_.remove(log::join(options_.directory, file.name));
    if (!s.ok()) return s;
  }
  for (const log::FileInfo& file : *inner) {
    if (absl::Status s = files_.remove(log::join(inner_, file.name)); !s.ok()) return s;
  }
  return ::rmdir(inner_.c_str()) == 0 ? absl::OkStatus() : system_failure("rmdir", inner_);
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

// What was written is what a daemon can start on.
absl::Status RestoredStore::read_back() {
  OpenNodeOptions node_options;
  node_options.directory = inner_;
  node_options.store = store_;
  node_options.segment_bytes = options_.segment_bytes;
  node_options.preallocate = options_.preallocate;
  node_options.now.wall_ms = options_.wall_ms;
  const auto opened = open_node(files_, node_options, logger_);
  if (!opened.ok()) {
    return absl::Status(opened.status().code(), "what the backup holds is not a store: " +
                                                    std::string(opened.status().message()));
  }
  if (opened->report.entries != counts_.entries) {
    return absl::DataLossError("of " + std::to_string(counts_.entries) + " entries " +
                               std::to_string(opened->report.entries) + " are read back from " +
                               inner_ + "; check the disk");
  }
  for (std::size_t g = 0; g < opened->node->group_count(); ++g) {
    runs_ += opened->node->group(GroupId(static_cast<std::uint16_t>(g))).tables().run_count();
  }
  return absl::OkStatus();
}

absl::Status RestoredStore::make_live() {
  const auto listed = files_.list(inner_);
  if (!listed.ok()) return listed.status();
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
  done_ = true;
  status = files_.sync_directory(options_.directory);
  ::rmdir(inner_.c_str());
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
