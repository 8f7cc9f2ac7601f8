// The arithmetic of majorities, and nothing else: no state, no messages. A joint configuration will
// be two calls, one for each half (dissertation 4.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "raft/types.h"

namespace pawl::raft {

// How many of `voters` (> 0) are a majority.
constexpr std::size_t majority(std::size_t voters) { return voters / 2 + 1; }

// The largest index that a majority has reached, given what each voter has; reorders `matches`,
// which is not empty.
Index reached_by_majority(std::span<Index> matches);

// A voter's answer to a candidate.
enum class Ballot : std::uint8_t { open, granted, denied };

enum class Verdict : std::uint8_t { open, won, lost };

// Won with a majority granted; lost once that has become impossible; `ballots` is not empty.
Verdict tally(std::span<const Ballot> ballots);

}  // namespace pawl::raft
