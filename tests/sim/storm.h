// A seeded storm over one to five boxes in virtual time (fleet.h): clients on every box, workers on
// every box, and a network, clocks, disks and machines that fail. Each kind of fault is off in half
// of the storms (swarm testing) and of a drawn strength in the others. In the end all is healed.
//
// Checked at every millisecond: oracle.h. Checked of what clients see:
//   - what was acknowledged is in the committed history exactly once, what was refused never, the
//     rest at most once; a request repeated by its key has the same answer
//   - no read or answer is older than what anybody had been told before it was asked
//   - no attempt reaches two workers; tasks keep to their policy and state machine; timers keep
//   time
// and at the end: all is answered and done in bounded virtual time, all boxes agree, and a power
// loss of all of them changes nothing.
#pragma once

#include <cstdint>
#include <string>

namespace pawl::sim {

struct StormOptions {
  std::uint64_t seed = 1;
  // Faults (by their order in Weather) that are switched off, and how long the storm lasts: what
  // the shrinker varies.
  std::uint64_t calm = 0;
  int ms = 6'000;
  bool print = false;  // what happens, to stderr
};

struct StormFigures {
  std::uint64_t trace = 0;  // equal seeds give equal ones
  int boxes = 0;
  std::uint64_t acknowledged = 0, refused = 0, unknown = 0;
  std::uint64_t crashes = 0;
  std::uint64_t handed_out = 0, reads = 0, events = 0, forgotten = 0;
  std::uint64_t damaged = 0, rebuilt = 0;                    // disks; starts that began groups anew
  std::uint64_t continued = 0, generations_forgotten = 0;    // of runs
  std::uint64_t resets = 0;                                  // of runs, to what they were
  std::uint64_t given_up = 0, compacted = 0, installed = 0;  // segments at most, files, snapshots
  std::uint64_t scrubbed = 0;  // passes that took deleted data off a disk
  std::int64_t virtual_ms = 0;
};

struct StormResult : StormFigures {
  std::string failure;  // empty: all rules held
};

StormResult run_storm(const StormOptions& options);

// Switches faults off and makes the storm shorter as long as it still fails; the smallest found.
StormOptions shrink(StormOptions failing);
// "sim_storm --seed 7 --calm 5 --ms 3000"
std::string command_of(const StormOptions& options);

}  // namespace pawl::sim
