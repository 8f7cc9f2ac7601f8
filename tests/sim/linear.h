// Is what clients saw of one run possible if every change and every read had happened at one moment
// between its question and its answer? The search of Wing and Gong (1993) with the memory of Lowe
// (2017): from what is done so far, any operation may be next that began before the first end of
// those that are not done; a place that was reached before with the same state is not tried again.
//
// The run is a list: changes append a number, a read sees all of it. It knows nothing of journals,
// indexes or versions, so that it shares no mistake with the rest of the storm's rules.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace pawl::sim {

struct ListOperation {
  std::int64_t begun = 0;
  std::int64_t ended = std::numeric_limits<std::int64_t>::max();  // no answer: maybe never happened
  std::int64_t appends = 0;                                       // 0: a read
  std::vector<std::int64_t> sees;                                 // of a read
};

enum class Linearizable : std::uint8_t { yes, no, unknown };

// unknown: more than `places_max` places were visited, or there are more than 512 operations.
Linearizable check_list(const std::vector<ListOperation>& history, std::size_t places_max);

}  // namespace pawl::sim
