// How many storms it takes to find a planted bug.
#pragma once

#include <cstdint>

#include "tests/raft/cluster.h"

namespace pawl::raft {

// Seeds until the bug was found in a storm over three members or one over five, by a broken rule or
// a CHECK that stops the process; 0 if it was not within `seeds_max`. Each storm runs in a process
// of its own, because of the latter; what else is planted in this one is planted there too.
std::uint64_t seeds_to_find(const PlantedBugs& bugs, std::uint64_t seeds_max);

}  // namespace pawl::raft
