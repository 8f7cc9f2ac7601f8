// A backup made into a store. All of it is written into DIR/restoring, read back there as a daemon
// would, and only then moved to DIR, the `store` file at the very last:
//
//   writing    DIR/restoring/* grows; a crash leaves it, nothing is live
//   alone      of a box of a cluster, or to become one: its logs are ended with a membership of
//   this
//              box alone (node/lone_voter.h)
//   verified   the store opens and every entry folds
//   moving     segments, snapshots, then `store`: with it the directory is live
//
// A directory that has a store, or a journal that no restore left, is never touched. What a restore
// left that ended before its time is removed by the next one. As soon as anything of it stands in
// DIR a segment does, so that no daemon takes the directory for an empty one.
//
// The store has a new id: its frames are no frames of the old one, and a box that knew the old one
// takes it for another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/logging.h"
#include "daemon/store.h"
#include "log/backup_file.h"
#include "log/directories.h"
#include "log/file_system.h"
#include "log/journal.h"
#include "log/snapshot_file.h"

namespace pawl::daemon {

struct OpenedNode;

struct RestoreOptions {
  std::string directory;
  std::uint32_t segment_bytes = limits::kSegmentBytesDefault;
  log::Preallocate preallocate = log::Preallocate::kZero;
  std::string random_16;  // the new store's id
  std::int64_t wall_ms = 0;
  // The box that the store is for, and who founded its cluster; the default is a box alone. Of a
  // cluster the number is one that was never used, and the box is reached at `address`.
  NodeId box{1};
  std::vector<NodeId> founders{NodeId(1)};
  std::string address;
  // Takes the directory for this process, which holds it until the RestoredStore is gone.
  std::function<absl::Status(const std::string& directory)> lock;
};

class RestoredStore final : public log::BackupSink {
 public:
  RestoredStore(log::FileSystem& files, log::Directories& directories,
                const RestoreOptions& options, const Logger* logger);
  // give_up(), if finish() did not make it live.
  ~RestoredStore() override;

  // Takes the directory. AlreadyExists if there is a store or a journal in it.
  absl::Status begin();

  absl::Status on_header(const log::BackupHeader& header) override;
  absl::Status on_state(GroupId group, const log::HardState& state) override;
  absl::Status on_snapshot(const log::BackedUpSnapshot& snapshot) override;
  absl::Status on_piece(std::string_view bytes) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;

  // After the whole backup was heard: verifies what was written and makes it live. After an error
  // it may be is_live() all the same, and whole, if the disk keeps it.
  absl::Status finish();
  bool is_live() const { return live_; }
  // Nothing is left of what is not live, if this returns ok; else in DIR/restoring, and the next
  // restore into the directory removes it. Once.
  absl::Status give_up();

  const log::BackupHeader& header() const { return header_; }
  const log::BackupCounts& counts() const { return counts_; }
  const StoreIdentity& store() const { return store_; }
  bool of_cluster() const { return store_.founders != std::vector<NodeId>{store_.box}; }
  std::uint64_t runs() const { return runs_; }  // after finish()

 private:
  absl::Status flush(bool all);
  absl::Status end_snapshot();
  absl::StatusOr<OpenedNode> open();
  absl::Status read_back();
  absl::Status go_on_alone(OpenedNode* opened);
  absl::Status make_live();
  absl::Status clear();

  const RestoreOptions options_;
  const Logger& logger_;
  const std::string inner_;  // DIR/restoring
  log::FileSystem& files_;
  log::Directories& directories_;
  bool made_directory_ = false;
  bool begun_ = false;
  bool live_ = false;
  log::BackupHeader header_;
  log::BackupCounts counts_;
  StoreIdentity store_;
  std::unique_ptr<log::Journal> journal_;
  std::unique_ptr<log::SnapshotWriter> snapshot_;
  std::uint64_t runs_ = 0;
};

}  // namespace pawl::daemon
