// How large a log's entries are, roughly: an upper bound for each, kept in a byte or less. A part
// of Trail; serves to keep messages and windows within their bytes.
//
// Sizes are rounded up to a power of two, and neighbours of like size share a run of at least
// kRunEntriesMin: a log of equal entries is one run, the worst mixture costs one run (16 bytes) in
// sixteen entries. A small entry beside a large one may be taken for as large: windows then close
// early, never late.
#pragma once

#include <cstdint>
#include <vector>

#include "raft/types.h"

namespace pawl::raft {

class SizeTrail {
 public:
  // At most 2 * `bytes` of each entry in [first, last], which the trail holds, is assumed, but for
  // small entries beside large ones.
  std::uint64_t bytes(Index first, Index last) const;
  // The largest `through` in [first, last] with bytes(first, through) <= budget; at least `first`.
  Index through_within(Index first, Index last, std::uint64_t budget) const;

  // Entries from `first` on, which follow the last, each of at most `bytes`.
  void append(Index first, std::uint64_t count, std::uint32_t bytes);
  void truncate_from(Index from);
  // Entries up to `through` are asked for no more; `end` is the log's last.
  void drop_through(Index through, Index end);

  friend bool operator==(const SizeTrail&, const SizeTrail&) = default;

 private:
  struct Run {
    Index first;
    std::uint8_t width = 0;  // of the largest size in bits: each entry has less than 2^width bytes
    friend bool operator==(const Run&, const Run&) = default;
  };
  std::size_t run_of(Index index) const;

  std::vector<Run> runs_;  // first strictly increasing
};

}  // namespace pawl::raft
