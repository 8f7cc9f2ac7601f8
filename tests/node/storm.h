// A seeded storm over one node on a disk in memory, in virtual time: clients start runs, signal,
// move, pause, cancel and repeat themselves; workers poll, answer, answer late, twice or never;
// queues are paused, workflows deployed; timers fire, batches are completed late, cold runs load
// slowly or not at all; the machine loses its power at any moment and starts from its journal, with
// snapshots or without. Every seed draws how hard each of these blows. At the end all faults stop.
//
// Checked (chronicle.h reads the journal by itself):
//   - what was acknowledged took effect exactly once, what was refused never, the rest at most once
//   - a request repeated by its key has the same answer
//   - no attempt reaches two workers, none of a paused queue reaches any, tokens are on the disk
//   - tasks keep to their policy and state machine; timers fire, and not before their time
//   - each run's hash and each group's snapshot are those that the journal alone folds to
//   - a run that is shown is whole
//   - once the faults have stopped, everything ends in bounded time, and nothing is left behind
#pragma once

#include <cstdint>
#include <string>

namespace pawl::node {

// Bugs of the node or of its driver, made by the harness. The storm must find each.
struct StormBugs {
  bool completes_before_disk = false;  // answers before the batch is durable
  bool drops_syncs = false;            // a sync says ok and does nothing
  bool forgets_keys = false;           // snapshots without the answers by key
  bool forgets_timers = false;         // snapshots without the timers of runs
  bool hears_the_dead = false;         // a lease never ends
  bool loads_wrong_values = false;     // a loaded run has another's value
  bool repeats_requests = false;       // a request is given to the node twice
  bool keeps_files = false;            // what a pass is to take off the disk is kept aside
  // Off: the journal's own fold is not compared, so that only clients can notice.
  bool compares_tables = true;
};

struct StormResult {
  std::string failure;      // empty: all rules held
  std::uint64_t trace = 0;  // of all that was asked and answered: equal for equal seeds
  std::uint64_t steps = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t repeats = 0;  // requests sent again
  std::uint64_t crashes = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t leases_lost = 0;
  std::uint64_t loads = 0, loads_failed = 0;
  std::uint64_t snapshots_used = 0;
  std::uint64_t most_given_up = 0;  // segments
  std::uint64_t compacted = 0;      // kept files made
  std::uint64_t crashes_in_compaction = 0;
  std::uint64_t scrubbed = 0;             // passes that took deleted data off the disk
  std::uint64_t copied_under_change = 0;  // snapshots of a group that went on meanwhile
  std::uint64_t forgotten = 0;            // runs
  std::uint64_t continued = 0;            // generations of runs
  std::uint64_t generations_forgotten = 0;
  std::uint64_t events = 0;
};

// The same arguments give the same storm. With `print`, what happens goes to stderr.
StormResult run_storm(std::uint64_t seed, const StormBugs& bugs, bool print);

}  // namespace pawl::node
