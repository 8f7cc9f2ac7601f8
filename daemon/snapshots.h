// Group snapshots of this box at a start: loaded, so that only what came after is folded again. A
// snapshot that can't be read is passed over, for the one before it or for the journal, which still
// holds everything it was made of. Who writes them: snapshot_keeper.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/logging.h"
#include "log/file_system.h"
#include "log/record.h"
#include "node/node.h"

namespace pawl::daemon {

struct LoadedSnapshots {
  int count = 0;
  std::uint64_t bytes = 0;           // of their contents
  std::vector<Index> indexes;        // by group; 0: none was loaded
  std::vector<Index> older;          // by group: of the one before, which is there too; 0: none is
  std::vector<std::string> damaged;  // paths of those that were passed over for what they hold
};

// Restores the newest readable snapshot of each group into the node.
LoadedSnapshots load_snapshots(log::FileSystem& files, const std::string& directory,
                               const log::StoreId& store, node::Node* node, const Logger& logger);

// The time of a group's last entry that the snapshot file stands for. DataLoss if it can't be read.
absl::StatusOr<TimeMs> snapshot_time(log::FileSystem& files, const std::string& path,
                                     const log::StoreId& store, GroupId group);

// Renames them, so that they do not count as the ones that are kept, while somebody can still look
// into them.
void set_damaged_aside(log::FileSystem& files, const LoadedSnapshots& loaded);

// Stands before the node's own sink while the journal is read, and counts what no snapshot covers:
// a box that is killed again and again before it has written much would else never take one, and
// fold more at each start.
class UncoveredEntries final : public log::RecoverySink {
 public:
  // `next` must outlive it.
  UncoveredEntries(const LoadedSnapshots& loaded, log::RecoverySink* next)
      : covered_(loaded.indexes), next_(next) {}
  // Payload bytes of entries behind their group's snapshot.
  std::uint64_t bytes() const { return bytes_; }

  absl::Status on_hard_state(GroupId group, const log::HardState& state) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;
  absl::Status on_begin(GroupId group, log::LogEnd last) override;

 private:
  std::vector<Index> covered_;  // by group
  log::RecoverySink* next_;
  std::uint64_t bytes_ = 0;
};

}  // namespace pawl::daemon
