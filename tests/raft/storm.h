// A seeded storm over a Cluster: every seed draws which faults there are and how hard they blow
// (swarm testing: each is off half of the time), then time passes, messages are lost, repeated and
// reordered, disks are slow, members crash and links break, while proposals and reads come in,
// members are added, promoted, demoted and removed, leaders hand over, logs are compacted and
// snapshots sent. At the end all is healed, and who is left must agree and go on.
#pragma once

#include <cstdint>
#include <string>

#include "tests/raft/cluster.h"

namespace pawl::raft {

struct StormResult {
  std::string failure;  // empty: all rules held, and the healed group made progress
  std::uint64_t steps = 0;
  std::uint64_t committed = 0;
  std::uint64_t elections = 0;  // leaders seen
  std::uint64_t crashes = 0;
  std::uint64_t lost = 0;         // packets
  std::uint64_t reads = 0;        // answered
  std::uint64_t snapshots = 0;    // installed
  std::uint64_t memberships = 0;  // committed
  std::uint64_t transfers = 0;    // asked for
  std::uint64_t logs_lost = 0;
};

// `members` found the group; two more may join it. The same arguments give the same run. With
// `print`, what happens goes to stderr.
StormResult run_storm(std::uint64_t seed, int members, const PlantedBugs& bugs, bool print);

}  // namespace pawl::raft
