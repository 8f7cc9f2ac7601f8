// What a journal tells of the storm's runs, read with nothing of the node or the engine's fold: how
// often each numbered request took effect, and whether every task kept to its state machine:
//
//   queued --task.started--> started --returned--> queued (the attempt is not counted)
//   started --completed--> over        started --failed, retry_at--> backoff --requeued--> queued
//   started --failed, final--> failed --requeued fresh--> queued
//   started --outcome.held--> held --completed, failed--> as above
//   anything but over --its state is left, the run closes--> withdrawn, and nothing more
//   anything but over --the run is reset--> withdrawn; what it had then is numbered anew
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "node/leases.h"
#include "tests/log/memory_file_system.h"

namespace pawl::node {

struct Chronicle {
  // By the number in a start's input, an `add` signal's payload, a task's result: how often.
  std::map<std::int64_t, int> starts, adds, outcomes;
  std::map<RunUid, std::set<std::int64_t>> adds_of;
  std::set<TaskRef> handed_out;
  std::set<RunUid> forgotten;
  std::uint64_t continued = 0;  // generations begun by run.continued
  std::uint64_t resets = 0;
  std::uint64_t generations_forgotten = 0;  // times that a run's older ones were
  std::int64_t kept_ms_min = INT64_MAX;     // of those forgotten, from their end on
  std::uint64_t events = 0;
  std::uint64_t receipts = 0;  // of messages between groups
  std::string problem;         // the first broken rule, or ""
};

// `attempts` is what the retry policy allows; `nap_ms` how long a run stays in state `nap` at
// least.
Chronicle read_chronicle(const log::MemoryFileSystem& files, std::uint32_t attempts,
                         std::int64_t nap_ms);

// One entry of a group's committed log.
struct LoggedEntry {
  GroupId group;
  Term term;
  Index index;
  std::string payload;
};
// The same of a log that is known: each group's entries in order, none replaced.
Chronicle read_chronicle(const std::vector<LoggedEntry>& entries, std::uint32_t attempts,
                         std::int64_t nap_ms);

}  // namespace pawl::node
