// What a node has counted since it was made: for metrics, tests and benchmarks; nothing depends on
// it.
#pragma once

#include <cstdint>

namespace pawl::node {

struct NodeStats {
  std::uint64_t requests = 0;
  std::uint64_t entries_proposed = 0;
  std::uint64_t entries_applied = 0;
  std::uint64_t events_applied = 0;
  std::uint64_t tasks_handed_out = 0;
  std::uint64_t tasks_returned = 0;
  std::uint64_t leases_lost = 0;
  std::uint64_t timers_fired = 0;       // entries that fired at least one
  std::uint64_t schedules_started = 0;  // runs that schedules have started, as group 0's leader
  std::uint64_t schedules_refused = 0;  // firings whose run could not be started
  std::uint64_t schedules_skipped = 0;  // firings that were passed over
  std::uint64_t answers_replayed = 0;   // by idempotency key or number
  std::uint64_t refused_full = 0;       // 429
  std::uint64_t refused_room = 0;       // 507
  std::uint64_t refused_quota = 0;      // 429: a namespace is at its quota
  std::uint64_t loads = 0;              // cold runs loaded
  std::uint64_t loads_failed = 0;
  std::uint64_t runs_forgotten = 0;       // their retention was over
  std::uint64_t runs_continued = 0;       // as new, by themselves
  std::uint64_t snapshots_installed = 0;  // of another box
  std::uint64_t unloads = 0;              // runs whose values were dropped from memory
  std::uint64_t outcome_unknown = 0;      // 504
  std::uint64_t requests_forwarded = 0;   // to another leader
  std::uint64_t entries_dropped = 0;      // proposed here, replaced by another leader's
  std::uint64_t frames_refused = 0;       // of other boxes: not understood
};

}  // namespace pawl::node
