// A backup made into a store. All of it is written into DIR/restoring, read back there as a daemon
// would, and only then moved to DIR, the `store` file at the very last:
//
//   writing    DIR/restoring/* grows; a crash leaves it, nothing is live
//   verified   the store opens and every entry folds
//   moving     snapshots, segments, then `store`: with it the directory is live
//
// A directory that has a store, or a journal that no restore left, is never touched. What a restore
// left that ended before its time is removed by the next one.
//
// The store has a new id: its frames are no frames of the old one, and a box that knew the old one
// takes it for another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "daemon/logging.h"
#include "daemon/store.h"
#include "log/backup_file.h"
#include "log/journal.h"
#include "log/posix_file_system.h"
#include "log/snapshot_file.h"

namespace pawl::daemon {

struct RestoreOptions {
  std::string directory;
  std::uint32_t segment_bytes = limits::kSegmentBytesDefault;
  log::Preallocate preallocate = log::Preallocate::kZero;
  std::string random_16;  // the new store's id
  std::int64_t wall_ms = 0;
};

class RestoredStore final : public log::BackupSink {
 public:
  RestoredStore(const RestoreOptions& options, const Logger* logger);
  // Without finish() nothing is left of it.
  ~RestoredStore() override;

  // Takes the directory. AlreadyExists if there is a store or a journal in it.
  absl::Status begin();

  absl::Status on_header(const log::BackupHeader& header) override;
  absl::Status on_state(GroupId group, const log::HardState& state) override;
  absl::Status on_snapshot(const log::BackedUpSnapshot& snapshot) override;
  absl::Status on_piece(std::string_view bytes) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;

  // After the whole backup was heard: verifies what was written and makes it live.
  absl::Status finish();

  const log::BackupHeader& header() const { return header_; }
  const log::BackupCounts& counts() const { return counts_; }
  const StoreIdentity& store() const { return store_; }
  std::uint64_t runs() const { return runs_; }  // after finish()

 private:
  absl::Status flush(bool all);
  absl::Status end_snapshot();
  absl::Status read_back();
  absl::Status make_live();
  absl::Status clear(bool live_too);

  const RestoreOptions options_;
  const Logger& logger_;
  const std::string inner_;  // DIR/restoring
  log::PosixFileSystem files_;
  StoreLock lock_;
  bool made_directory_ = false;
  bool begun_ = false;
  bool done_ = false;
  log::BackupHeader header_;
  log::BackupCounts counts_;
  StoreIdentity store_;
  std::unique_ptr<log::Journal> journal_;
  std::unique_ptr<log::SnapshotWriter> snapshot_;
  std::uint64_t runs_ = 0;
};

}  // namespace pawl::daemon
