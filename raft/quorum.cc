#include "raft/quorum.h"

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace pawl::raft {

std::uint64_t reached_by_majority(std::span<std::uint64_t> reached) {
  PAWL_CHECK(!reached.empty());
  // Sorted downwards, the majority-th value is reached by it and by all before it.
  std::sort(reached.begin(), reached.end(), std::greater<>());
  return reached[majority(reached.size()) - 1];
}

Verdict tally(std::span<const Ballot> ballots) {
  PAWL_CHECK(!ballots.empty());
  const std::size_t needed = majority(ballots.size());
  const auto granted =
      static_cast<std::size_t>(std::count(ballots.begin(), ballots.end(), Ballot::granted));
  const auto denied =
      static_cast<std::size_t>(std::count(ballots.begin(), ballots.end(), Ballot::denied));
  if (granted >= needed) return Verdict::won;
  return ballots.size() - denied < needed ? Verdict::lost : Verdict::open;
}

}  // namespace pawl::raft
