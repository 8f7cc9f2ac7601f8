// What of the journal's segments a node still needs. All before that is dead: covered by snapshots
// for a start, and told of no run that is kept, or told by a kept file (log/kept_file.h).
//
// Needed are the entries behind the snapshots, and the histories of the runs that are kept, each of
// which begins with the run's first entry. Another box that lags behind further, or comes anew,
// gets a snapshot and these histories (log/transfer_file.h).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "log/journal.h"
#include "node/node.h"

namespace pawl::node {

// The first segment that is needed. `covered`: by group, the index up to which snapshots stand for
// the log for certain; 0 if none does.
std::uint64_t first_segment_needed(const Node& node, const log::Journal& journal,
                                   const std::vector<Index>& covered);

// The first segment that a start needs: all before it may be given up, once what histories need of
// it is in a kept file.
std::uint64_t first_segment_uncovered(const Node& node, const log::Journal& journal,
                                      const std::vector<Index>& covered);

}  // namespace pawl::node
