// `pawl cluster recover`: the store of a box whose cluster has lost its majority for good, while
// its daemon is stopped. What it does and means: node/lone_voter.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/opened_node.h"
#include "log/posix_file_system.h"
#include "node/lone_voter.h"

namespace pawl::daemon {

class LostMajority {
 public:
  // Locks and reads the store. NotFound if the directory has none; AlreadyExists if a daemon runs
  // on it; FailedPrecondition if it is of one box alone, was removed, or lacks a group; else as
  // open_node.
  static absl::StatusOr<std::unique_ptr<LostMajority>> open(const OpenNodeOptions& options,
                                                            const Logger* logger);
  NodeId box() const { return options_.store.box; }
  // In the order of groups.
  const std::vector<node::GroupLeft>& left() const { return left_; }
  // The boxes that are given up, sorted. Empty: this box is alone already.
  const std::vector<NodeId>& lost() const { return lost_; }
  // The removal of this box was under way: see node::is_perhaps_removed.
  bool perhaps_removed() const { return perhaps_removed_; }
  // What whoever wants it has to say: "box 1 goes on without boxes 2 and 3".
  std::string sentence() const;
  // Makes it so, durably, and reads the store once more to see that it is. Once.
  absl::Status go_on_alone();

 private:
  LostMajority(const OpenNodeOptions& options, const Logger* logger)
      : options_(options), logger_(*logger) {}
  absl::Status read();

  OpenNodeOptions options_;
  const Logger& logger_;
  log::PosixFileSystem files_;
  StoreLock lock_;
  OpenedNode opened_;
  std::vector<node::GroupLeft> left_;
  std::vector<NodeId> lost_;
  bool perhaps_removed_ = false;
};

}  // namespace pawl::daemon
