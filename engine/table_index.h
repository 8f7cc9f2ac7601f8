// The derived indexes of a group's tables and how a run's change moves them. Inside of tables*.cc.
#pragma once

#include <string>
#include <utility>

#include "engine/run_glance.h"
#include "engine/tables.h"

namespace pawl::engine {

struct TableIndexes {
  absl::btree_set<DueTimer>& timers;
  std::map<std::string, Queue>& queues;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t>& open_by_version;
  std::set<Index>& runs_with_incidents;
  absl::btree_set<Index>& runs_with_errands;
  RunsByVersion& closed_by_version;
  Generations& generations;
  absl::btree_set<Deletion>& deletions;
  UsageByNamespace& usage;
};

// Replaces what `before` (null: a new run) put into the indexes by what `after` (null: the run is
// forgotten) puts there; touches only what differs. A paused run has neither due timers nor waiting
// tasks.
void reindex(Index run, const Run* before, const Run* after, TableIndexes* indexes,
             Applied* applied);

// The same for a run that has just been read from a snapshot and has neither tasks nor incidents.
void index_glance(Index run, const RunGlance& glance, TableIndexes* indexes);

bool equal_queues(const std::map<std::string, Queue>& a, const std::map<std::string, Queue>& b);

}  // namespace pawl::engine
