#include "node/needed.h"

#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"

namespace pawl::node {
namespace {

// `histories`: those count too.
std::uint64_t first_needed(const Node& node, const log::Journal& journal,
                           const std::vector<Index>& covered, bool histories) {
  PAWL_CHECK(covered.size() == node.group_count());
  std::uint64_t first = journal.current_segment();
  for (std::size_t g = 0; g < covered.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const engine::Tables& tables = node.group(group).tables();
    // A build of before, to which there is a way back until then, reads no snapshots of this one.
    if (tables.feature_level() < kJournalLevel) return journal.oldest_segment();
    Index needed = covered[g].next();
    if (const auto oldest = tables.oldest_needed(); oldest && histories) {
      // Of what is gone nothing is needed, though no kept file speaks for it any more.
      needed = std::min(needed, std::max({*oldest, journal.kept().through(group).next(),
                                          journal.first_index(group)}));
    }
    // What subscriptions have not acknowledged, as far as this box has it.
    const auto held = node.catalog().subscriptions().held_from(group);
    if (held) needed = std::min(needed, std::max(*held, journal.first_index(group)));
    first = std::min(first, journal.segment_of(group, needed));
  }
  return first;
}

}  // namespace

std::uint64_t first_segment_needed(const Node& node, const log::Journal& journal,
                                   const std::vector<Index>& covered) {
  return first_needed(node, journal, covered, true);
}

std::uint64_t first_segment_uncovered(const Node& node, const log::Journal& journal,
                                      const std::vector<Index>& covered) {
  return first_needed(node, journal, covered, false);
}

}  // namespace pawl::node
