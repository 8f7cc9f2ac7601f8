// The arithmetic of majorities, and nothing else: no state, no messages. A joint membership asks
// for a majority of each of its sets of voters (dissertation 4.3).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "raft/membership.h"
#include "raft/planted.h"
#include "raft/types.h"

namespace pawl::raft {

// How many of `voters` (> 0) are a majority.
constexpr std::size_t majority(std::size_t voters) { return voters / 2 + 1; }

// The largest number (an index, a round, a time) that a majority has reached, given what each voter
// has; reorders `reached`, which is not empty.
std::uint64_t reached_by_majority(std::span<std::uint64_t> reached);

// Calls `half` for each set of voters that has to agree.
template <class Half>
void for_each_half(const Membership& membership, Half half) {
  half(membership.voters);
  if (membership.joint() && !planted(Bug::joint_one_majority)) half(membership.outgoing);
}

// The largest number that a quorum of a known membership has reached; `of` says what a voter has.
template <class Of>
std::uint64_t reached_by_quorum(const Membership& membership, Of of) {
  std::uint64_t reached = UINT64_MAX;
  for_each_half(membership, [&](const std::vector<NodeId>& voters) {
    std::array<std::uint64_t, limits::kVotersMax + limits::kLearnersMax> each{};
    std::size_t count = 0;
    for (const NodeId voter : voters) each[count++] = of(voter);
    if (planted(Bug::count_learners)) {
      for (const NodeId learner : membership.learners) each[count++] = of(learner);
    }
    reached = std::min(reached, reached_by_majority({each.data(), count}));
  });
  return reached;
}

// A voter's answer to a candidate.
enum class Ballot : std::uint8_t { open, granted, denied };

enum class Verdict : std::uint8_t { open, won, lost };

// Won with a majority granted; lost once that has become impossible; `ballots` is not empty.
Verdict tally(std::span<const Ballot> ballots);
// The same for a known membership; `of` says what a voter has answered. Both halves must be won.
template <class Of>
Verdict tally(const Membership& membership, Of of) {
  Verdict verdict = Verdict::won;
  for_each_half(membership, [&](const std::vector<NodeId>& voters) {
    std::array<Ballot, limits::kVotersMax> each{};
    for (std::size_t i = 0; i < voters.size(); ++i) each[i] = of(voters[i]);
    const Verdict half = tally(std::span<const Ballot>(each.data(), voters.size()));
    if (half == Verdict::lost || verdict == Verdict::lost) {
      verdict = Verdict::lost;
    } else if (half == Verdict::open) {
      verdict = Verdict::open;
    }
  });
  return verdict;
}

}  // namespace pawl::raft
