// Group snapshots of this box: loaded at a start, so that only what came after is folded again, and
// written when the journal has grown. A snapshot that can't be read is passed over: the journal
// still holds everything it was made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/logging.h"
#include "log/file_system.h"
#include "log/record.h"
#include "node/node.h"

namespace pawl::daemon {

// Restores the newest readable snapshot of each group into the node. Returns how many were
// restored.
int load_snapshots(log::FileSystem& files, const std::string& directory, const log::StoreId& store,
                   node::Node* node, const Logger& logger);

// Stands before the node's own sink while the journal is read, and counts what no snapshot covers:
// a box that is killed again and again before it has written much would else never take one, and
// fold more at each start.
class UncoveredEntries final : public log::RecoverySink {
 public:
  // After load_snapshots(); both must outlive it.
  UncoveredEntries(const node::Node& node, log::RecoverySink* next);
  // Payload bytes of entries behind their group's snapshot.
  std::uint64_t bytes() const { return bytes_; }

  absl::Status on_hard_state(GroupId group, const log::HardState& state) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;

 private:
  std::vector<Index> covered_;  // by group
  log::RecoverySink* next_;
  std::uint64_t bytes_ = 0;
};

// Writes a snapshot of one group durably and removes all but the newest two. Cold thread.
absl::Status write_snapshot(log::FileSystem& files, const std::string& directory,
                            const log::StoreId& store, GroupId group,
                            const node::GroupSnapshot& snapshot);

}  // namespace pawl::daemon
