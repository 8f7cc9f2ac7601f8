// Bounds of limits shared by the cluster: [limit.NAME] and its permits (engine/limit_rows.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"

namespace pawl::limits {

inline constexpr int kLimitsMax = 32;     // [limit.NAME] of a definition
inline constexpr int kTaskLimitsMax = 4;  // of one task
inline constexpr std::int64_t kLimitConcurrencyMax = 10'000;
// The grants of a window are remembered one by one; a higher rate has a shorter window.
inline constexpr std::int64_t kLimitRateMax = 1'000;
inline constexpr std::int64_t kLimitWindowMsMax = 24LL * 3600 * 1000;
inline constexpr std::size_t kLimitKeyBytesMax = 200;
inline constexpr std::size_t kLimitNameBytesMax = 200;  // of the full name
inline constexpr std::size_t kPermitRunBytesMax = 300;  // of a run's full id
// Names and keys of what a run has of permits, and of what it is to give back; then sys.too_big. A
// task that is due again waits while more than half of it is to be given back.
inline constexpr std::size_t kRunPermitBytesMax = 256 * KiB;
inline constexpr std::int64_t kPermitWaitAgainMs = 10'000;  // then it is looked at again
// Of one group: limits with permits out, waited for or in their window, and such permits in all.
// Then whoever asks waits and asks again (429).
inline constexpr std::size_t kLimitRowsMax = 10'000;
inline constexpr std::size_t kPermitsMax = 50'000;
inline constexpr std::size_t kPermitsAskedMax = 4'096;     // requests that wait for an entry; 429
inline constexpr std::size_t kPermitsPerEntryMax = 1'000;  // requests, and permits that are granted
inline constexpr std::size_t kPermitsShownMax = 20;        // holders and waiting ones of a limit
// One that waits asks again now and then: the group that has its place may have lost it with a
// disk.
inline constexpr std::int64_t kPermitAskAgainMs = 30'000;
// Holders are asked whether they are: first after this, later after twice as long each time.
inline constexpr std::int64_t kPermitCheckMs = 5'000;
inline constexpr std::int64_t kPermitCheckMsMax = 600'000;
inline constexpr std::size_t kPermitChecksMax = 64;      // of them under way, and in one turn
inline constexpr std::int64_t kPermitCheckSpreadMs = 4;  // between two that a new leader has found

}  // namespace pawl::limits
