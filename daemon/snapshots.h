// Group snapshots of this box: loaded at a start, so that only what came after is folded again, and
// written when the journal has grown. A snapshot that can't be read is passed over: the journal
// still holds everything it was made of.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/logging.h"
#include "log/file_system.h"
#include "log/record.h"
#include "node/node.h"

namespace pawl::daemon {

// Restores the newest readable snapshot of each group into the node. Returns how many were
// restored.
int load_snapshots(log::FileSystem& files, const std::string& directory, const log::StoreId& store,
                   node::Node* node, const Logger& logger);

// Writes a snapshot of one group durably and removes all but the newest two. Cold thread.
absl::Status write_snapshot(log::FileSystem& files, const std::string& directory,
                            const log::StoreId& store, GroupId group,
                            const node::Node::GroupSnapshot& snapshot);

}  // namespace pawl::daemon
