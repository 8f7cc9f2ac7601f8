// Bounds of durable subscriptions to the feed of events (engine/subscription.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace pawl::limits {

inline constexpr std::size_t kSubscriptionsMax = 100;  // then 429
inline constexpr std::int64_t kSubscriptionLagMsDefault = 7LL * 24 * 3'600'000;
inline constexpr std::int64_t kSubscriptionLagMsMin = 1'000;
inline constexpr std::int64_t kSubscriptionLagMsMax = 30LL * 24 * 3'600'000;
// Who lags by no more than a so-manieth of its time is known to have kept up: written down so
// often.
inline constexpr std::int64_t kSubscriptionLookShare = 8;
inline constexpr std::int64_t kAcksMs = 1'000;  // from one entry with acknowledgements to the next
inline constexpr std::size_t kAcksWaitingMax = 1'000;  // for that entry; then 429
inline constexpr std::int64_t kHeldAgainMs =
    60'000;  // what a subscription holds is looked at again

}  // namespace pawl::limits
