// `pawl recover`: the damaged store of a box alone, while its daemon is stopped. What would be
// lost, and the losing of it:
//
//   histories  snapshots stand for all that is missing: the journal is mended, and the histories of
//              some kept runs lack a part
//   cut        they do not: the store goes back, in all groups, to what it was before the damage
//
// What is given up is put aside as NAME.damaged. A crash leaves what can be recovered again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/damaged_store.h"
#include "daemon/opened_node.h"
#include "log/posix_file_system.h"

namespace pawl::daemon {

class RecoveredStore {
 public:
  enum class What : std::uint8_t { nothing, histories, cut };
  struct GroupLoss {
    GroupId group;
    Index last;                 // cut: its last entry then
    std::uint64_t entries = 0;  // that are lost, as far as they are known
    bool unknown = false;       // there may have been more
  };

  // Locks and reads the store. NotFound if the directory has none; AlreadyExists if a daemon runs
  // on it; FailedPrecondition if it is not this command's to recover (other boxes have what is
  // missing, or nothing is left to go on with); else as open_node.
  static absl::StatusOr<std::unique_ptr<RecoveredStore>> open(const OpenNodeOptions& options,
                                                              const Logger* logger);
  What what() const { return what_; }
  // Of those that lose something, in the order of groups.
  const std::vector<GroupLoss>& losses() const { return losses_; }
  // Kept runs whose histories lack something, at most; of `histories`.
  std::uint64_t runs() const { return runs_; }
  // When the last entry that stays was written; of `cut`. 0: it is not known.
  TimeMs since() const { return since_; }
  std::uint64_t segments() const { return damage_.survey.segments_behind; }  // put aside, of `cut`
  std::string missing() const { return text_of(damage_); }
  // Where the damage begins.
  std::string file() const;
  std::uint64_t offset() const;

  // Makes it so, durably, and opens the store once more to see that it is. Once.
  absl::Status recover();

 private:
  RecoveredStore(const OpenNodeOptions& options, const Logger* logger)
      : options_(options), logger_(*logger) {}
  absl::Status look();
  absl::Status check_beginning(const node::Node& restored) const;
  absl::Status plan_cut();
  absl::Status note_time(GroupId group, Index snapshot);
  absl::StatusOr<Index> snapshot_for_cut(GroupId group) const;
  void count_runs(const node::Node& restored);

  OpenNodeOptions options_;
  const Logger& logger_;
  log::PosixFileSystem files_;
  StoreLock lock_;
  Damage damage_;
  What what_ = What::nothing;
  std::vector<GroupLoss> losses_;
  std::vector<Index> keep_through_;  // by group: snapshots behind it are put aside, of `cut`
  std::uint64_t runs_ = 0;
  TimeMs since_;
};

}  // namespace pawl::daemon
