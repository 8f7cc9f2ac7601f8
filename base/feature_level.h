// Feature levels: what a store may hold. An entry names the level of its group; a new kind of
// event, or a changed fold, raises it, and whoever does not know the level refuses the store. A
// group of several boxes rises when every member has said that it can read the next level, so that
// boxes are upgraded one after the other, and back as long as the last one has not come.
//
// | level | what came with it                              |
// |-------|------------------------------------------------|
// | 1     | the first                                      |
// | 2     | queues are paused and resumed (engine/catalog) |
// | 3     | groups of several boxes                        |
// | 4     | boxes come and go (engine/roster)              |
// | 5     | compressed segments; what is forgotten         |
// | 6     | machines within machines, undos, calls         |
// | 7     | schedules, batches, subscriptions, resets      |
// | 8     | limits, namespaces                             |
#pragma once

#include <cstdint>

// The newest that this build writes and reads. tests/upgrade builds the parts that ask for it once
// more, as the build before this one was.
#ifndef PAWL_FEATURE_LEVEL
#define PAWL_FEATURE_LEVEL 8
#endif

namespace pawl {

inline constexpr std::uint16_t kFeatureLevel = PAWL_FEATURE_LEVEL;

inline constexpr std::uint16_t kClusterLevel = 3;
inline constexpr std::uint16_t kRosterLevel = 4;
inline constexpr std::uint16_t kJournalLevel = 5;
inline constexpr std::uint16_t kFlowLevel = 6;
inline constexpr std::uint16_t kScheduleLevel = 7;
inline constexpr std::uint16_t kResetLevel = 7;
inline constexpr std::uint16_t kBatchLevel = 7;
inline constexpr std::uint16_t kSubscriptionLevel = 7;
inline constexpr std::uint16_t kMigrateLevel = 7;
inline constexpr std::uint16_t kPermitLevel = 8;
inline constexpr std::uint16_t kScrubBatchLevel = 8;
inline constexpr std::uint16_t kNamespaceLevel = 8;

}  // namespace pawl
