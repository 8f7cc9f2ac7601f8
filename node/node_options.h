// How a node is set up.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace pawl::node {

struct NodeOptions {
  NodeId self{1};
  // The boxes the store was founded with, sorted; empty: this one alone. Fixed when it is made.
  std::vector<NodeId> founders;
  std::uint16_t run_groups = 8;  // fixed when the store is made
  std::uint64_t seed = 0;        // of salts, jitter and minted ids
};

}  // namespace pawl::node
