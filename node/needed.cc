#include "node/needed.h"

#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"

namespace pawl::node {

std::uint64_t first_segment_needed(const Node& node, const log::Journal& journal,
                                   const std::vector<Index>& covered) {
  PAWL_CHECK(covered.size() == node.group_count());
  if (!node.alone()) return journal.oldest_segment();
  std::uint64_t first = journal.current_segment();
  for (std::size_t g = 0; g < covered.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    // A build of before, to which there is a way back until then, reads no snapshots of this one.
    if (node.group(group).tables().feature_level() < kJournalLevel) return journal.oldest_segment();
    Index needed = covered[g].next();
    if (const auto oldest = node.group(group).tables().oldest_needed()) {
      needed = std::min(needed, *oldest);
    }
    first = std::min(first, journal.segment_of(group, needed));
  }
  return first;
}

}  // namespace pawl::node
