// The bounds of the workflow language and of what its machines do at once: part of limits.h, which
// is to be included.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pawl::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

// --- definitions (dsl/) ---
inline constexpr std::size_t kDefinitionBytesMax = 64 * KiB;
inline constexpr int kTomlDepthMax = 32;        // nested tables and arrays
inline constexpr int kTomlKeySegmentsMax = 32;  // of one dotted key
inline constexpr std::size_t kNameBytesMax =
    100;  // workflow, state, signal, queue, task type, variable
inline constexpr int kStatesMax = 1000;
inline constexpr int kDiagnosticsMax = 100;      // reported at once; the rest is counted
inline constexpr int kAutomaticStepsMax = 1000;  // in a row, then sys.loop
inline constexpr int kSchemaDepthMax = 16;
inline constexpr int kSchedulesMax = 100;  // of one definition
inline constexpr std::int64_t kTaskPriorityMin = 1;
inline constexpr std::int64_t kTaskPriorityMax = 5;  // handed out first
inline constexpr std::int64_t kTaskPriorityDefault = 3;
inline constexpr std::size_t kMigrateFromMax = 100;       // versions that one [migrate] names
inline constexpr std::size_t kMigrationReasonsMax = 100;  // in one refusal; the rest is counted

// --- schedules (engine/schedule, node/schedules) ---
inline constexpr std::size_t kSchedulesKeptMax = 10'000;   // of all workflows' default versions
inline constexpr std::size_t kScheduleWaitingMax = 1'000;  // firings of one that wait
inline constexpr std::size_t kScheduleStartingMax = 16;    // whose runs are asked for
inline constexpr std::size_t kScheduleOutcomesMax = 10;    // that are remembered
inline constexpr std::size_t kScheduleMissedStep = 2'000;  // counted in one decision
inline constexpr int kScheduleFiringsASecond = 100;        // of all schedules
inline constexpr int kScheduleSurveysMax = 32;             // under way at once
inline constexpr std::int64_t kScheduleMissedMs = 60'000;  // late by more, a firing was missed
inline constexpr std::int64_t kScheduleAgainMs = 1'000;    // whoever waits looks again then
inline constexpr std::size_t kSurveyRunsMax = 100;         // named in one answer
inline constexpr std::size_t kSurveyLookedAtMax = 20'000;  // runs looked at for one answer

// --- expressions (dsl/) ---
inline constexpr std::size_t kExpressionBytesMax = 8 * KiB;
inline constexpr int kExpressionDepthMax = 64;  // nesting of the syntax tree
inline constexpr int kExpressionNodesMax = 4096;
inline constexpr std::int64_t kExpressionCostMax =
    1'000'000;                                          // evaluator steps, bytes/16 for copies
inline constexpr std::size_t kRegexBytesMax = 1 * KiB;  // of a pattern
inline constexpr int kRegexDepthMax = 32;               // nested groups
inline constexpr int kRegexRepeatMax = 1000;            // of {n,m}
inline constexpr std::size_t kRegexProgramMax = 2000;   // instructions after repetition is unrolled

// --- nested flows, branches and items of a run ---
inline constexpr int kFramesMax = 1000;    // open at once, then sys.too_big
inline constexpr int kFrameDepthMax = 32;  // one within another, then sys.too_big
inline constexpr int kBranchesMax = 100;   // of one `parallel`
inline constexpr std::int64_t kMapConcurrencyDefault = 100;
inline constexpr std::int64_t kMapConcurrencyMax = 900;  // items of one map at once
inline constexpr std::size_t kMapItemsMax = 100'000;
// Items and branches that one decision begins; the rest is begun by the next.
inline constexpr int kFramesOpenedPerDecisionMax = 100;
inline constexpr std::size_t kGatherChunk = 64;       // results that are copied together
inline constexpr int kUndosMax = 2000;                // recorded in a run, then sys.too_big
inline constexpr std::int64_t kMapRoomWaitMs = 1000;  // until a map that finds none looks again
inline constexpr int kCallDepthMax = 20;   // of runs that call one another, then sys.child
inline constexpr int kChildrenMax = 1000;  // open child runs and unanswered signals of a run
static_assert(kMapConcurrencyMax < kFramesMax);

}  // namespace pawl::limits
