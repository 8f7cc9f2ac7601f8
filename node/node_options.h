// How a node is set up.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "engine/roster.h"
#include "log/rebuild_file.h"

namespace pawl::node {

struct NodeOptions {
  NodeId self{1};
  // The boxes the cluster was founded with, sorted, this one among them or (added later) not;
  // empty: this one alone. Fixed when the store is made.
  std::vector<NodeId> founders;
  std::uint16_t run_groups = 8;  // fixed when the store is made
  std::uint64_t seed = 0;        // of salts, jitter and minted ids
  // Other boxes that the configuration names: whom a box talks to that knows no roster.
  std::vector<NodeId> neighbours;
  // More runs than these are not kept awake once they have rested for so long.
  std::size_t runs_awake_max = limits::kRunsAwakeMax;
  std::size_t runs_awake_crowd = limits::kRunsAwakeCrowd;
  std::int64_t run_rest_ms = limits::kRunRestMs;
  engine::BoxStore store{};  // the id of this box's store
  // How long closed runs are kept whose definition does not say; absent: for ever.
  std::optional<std::int64_t> keep_closed_ms = limits::kRetentionMsDefault;
  std::vector<log::Rebuild> rebuilds = {};  // groups that are begun anew on this box
};

}  // namespace pawl::node
