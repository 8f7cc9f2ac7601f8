// Bounds of namespaces and of their quotas (engine/namespace_book.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace pawl::limits {

inline constexpr std::size_t kNamespacesMax = 1'000;  // then 429
inline constexpr std::size_t kNamespaceBytesMax = 63;
inline constexpr std::size_t kPollNamespacesMax = 16;
// Queues of which is remembered when they were served; then all are forgotten.
inline constexpr std::size_t kServedQueuesMax = 10'000;

// What a quota may be.
inline constexpr std::int64_t kQuotaRunsMax = 1'000'000'000;
inline constexpr std::int64_t kQuotaBytesMax = std::int64_t{1} << 50;
inline constexpr std::int64_t kQuotaStartsMax = 1'000'000;

// Several boxes: starts that wait in a leader until its group has a larger share; then 429.
inline constexpr std::size_t kShareWaitingMax = 1'000;
// A group that asks for a larger share gets as much as it needs and, if there is enough left, this
// part of the quota for each group.
inline constexpr std::int64_t kShareAhead = 4;
// A group that got no larger share says so to who asks, without asking again, for so long.
inline constexpr std::int64_t kShareRefusedMs = 500;
// From how many waiting requests on no namespace may have more than half of them, if there are
// others; they are counted so often at most.
inline constexpr std::size_t kCrowdedRequests = kHeldRequestsMax / 2;
inline constexpr std::int64_t kCrowdCountMs = 50;
// Tokens to start runs that group 0's leader gave are good for so long.
inline constexpr std::int64_t kStartTokensMs = 1'000;

}  // namespace pawl::limits
