// A store as a node: its snapshots loaded, its journal read, the node started on both. What the
// daemon runs on, and what `pawl cluster recover` works on while the daemon is stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/logging.h"
#include "daemon/snapshots.h"
#include "daemon/store.h"
#include "log/journal.h"
#include "log/recovery.h"
#include "node/node.h"

namespace pawl::daemon {

struct OpenNodeOptions {
  std::string directory;
  StoreIdentity store;             // of that directory
  std::vector<NodeId> neighbours;  // as node::NodeOptions
  std::uint32_t segment_bytes = limits::kSegmentBytesDefault;
  log::Preallocate preallocate = log::Preallocate::kZero;
  std::uint64_t seed = 0;
  std::optional<std::int64_t> keep_closed_ms;  // as node::NodeOptions
  node::Now now;
  // Of several boxes: what is damaged is begun anew, to be filled by the others; else it is
  // refused.
  bool mends = false;
};

struct OpenedNode {
  std::unique_ptr<log::Journal> journal;
  std::unique_ptr<node::Node> node;  // of the journal
  log::RecoveryReport report;
  LoadedSnapshots snapshots;
  std::uint64_t uncovered_bytes = 0;   // of the journal, by no snapshot
  std::vector<log::Rebuild> rebuilds;  // in force
};

// The directory's lock is held. Cuts a torn tail and makes durable what was read; what the node
// wants to write at its start is queued in the journal. Errors as of log::Journal::open, and
// DataLoss if what it holds can't be understood; with the exact commands, where there are some.
absl::StatusOr<OpenedNode> open_node(log::FileSystem& files, const OpenNodeOptions& options,
                                     const Logger& logger);

// Logs what an earlier start, or an operator, gave up, and what is fetched from other boxes.
void tell_losses(const OpenedNode& opened, const Logger& logger);

}  // namespace pawl::daemon
