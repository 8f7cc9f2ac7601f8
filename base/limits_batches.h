// Bounds of batches: a verb on many runs (engine/batch.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace pawl::limits {

inline constexpr std::size_t kBatchesOpenMax = 10;   // then 429
inline constexpr std::size_t kBatchesKeptMax = 100;  // of those that are over, the newest
// From the oldest that is open to the newest: the groups remember those in between. Then 429.
inline constexpr std::uint64_t kBatchesSpanMax = 200;
inline constexpr std::uint32_t kBatchRateDefault = 200;  // runs a second
inline constexpr std::uint32_t kBatchRateMax = 10'000;
inline constexpr std::size_t kBatchArgsBytesMax = 16 * KiB;  // a payload, or variables; then 413
inline constexpr std::size_t kBatchReasonBytesMax = kReasonBytesMax - 64;  // room for its number
inline constexpr std::size_t kBatchRefusalsKept = 10;                      // the first ones
inline constexpr std::size_t kBatchRefusalBytesMax = 200;  // of what such a one says; then cut
inline constexpr std::size_t kBatchSampleMax = 20;         // runs that a dry run names
inline constexpr std::size_t kBatchUnderWayMax = 64;   // runs of a group with an entry under way
inline constexpr std::size_t kBatchLookedAtMax = 128;  // runs looked at in one turn
inline constexpr std::size_t kBatchCountsMax = 16;  // counts of matching runs under way; then 429
inline constexpr std::size_t kBatchCountedMax = 1'000;  // runs looked at in one turn of a count
inline constexpr std::int64_t kBatchAgainMs = 2'000;    // what got no answer is tried again
inline constexpr std::int64_t kBatchTellMs = 1'000;     // refusals alone are written down then

static_assert(kBatchesOpenMax < kBatchesSpanMax);

}  // namespace pawl::limits
