// Every bound of Pawl, in one place. At a limit the caller gets a clear error that names it
// (413, 429, a diagnostic, sys.too_big), never a growing process. Bytes unless the name says else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits_language.h"

namespace pawl::limits {

// --- values and runs (engine/) ---
inline constexpr int kValueDepthMax = 64;
inline constexpr std::size_t kValueBytesMax = 256 * KiB;     // one variable, input, result, payload
inline constexpr std::size_t kRunStateBytesMax = 512 * KiB;  // sys.too_big
inline constexpr std::size_t kRunIdBytesMax = 200;
inline constexpr int kTagsMax = 32;
inline constexpr int kBufferedSignalsMax = 1000;   // a run, then 429
inline constexpr int kSignalDedupeIdsMax = 1000;   // remembered a run, oldest forgotten first
inline constexpr int kIncidentsMax = 1200;         // open at once in a run
inline constexpr int kOpenTasksMax = 2000;         // of a run
inline constexpr std::int64_t kEveryMsMin = 1;     // between firings of `every`
inline constexpr int kOutcomesRememberedMax = 64;  // answered task outcomes of a run
inline constexpr std::int64_t kRememberedMs = 24 * 3600 * 1000;  // outcomes, dedupe ids and keys
// Events of one decision; past it a state that is entered does no more (sys.loop).
inline constexpr std::size_t kDecisionEventsMax = 8'000;
inline constexpr std::size_t kDecisionBytesMax = 2 * MiB;  // payloads of one decision
inline constexpr std::int64_t kDecisionCostMax = 10 * kExpressionCostMax;  // evaluator steps
inline constexpr int kEventsPerEntryMax = 20'000;
inline constexpr std::size_t kEntryBytesMax = 4 * MiB;
inline constexpr std::size_t kReasonBytesMax = 1 * KiB;
inline constexpr std::size_t kDedupeIdBytesMax = 200;
inline constexpr std::size_t kErrorMessageBytesMax = 4 * KiB;  // of any error, then cut
inline constexpr std::size_t kErrorDataBytesMax =
    kValueBytesMax - 2 * kErrorMessageBytesMax;  // of any error, then left out

inline constexpr std::int64_t kHistoryEventsDefault = 10'000;  // then a run continues as new
inline constexpr std::int64_t kHistoryEventsMin = 10;
inline constexpr std::int64_t kHistoryEventsMax = 1'000'000;
inline constexpr std::size_t kHistoryBytesDefault = 4'000'000;
inline constexpr std::size_t kHistoryBytesMin = 64 * KiB;
inline constexpr std::size_t kHistoryBytesMax = 1024 * MiB;
inline constexpr std::size_t kGenerationsKeptMax = 1'000;  // of a run; then the oldest goes
inline constexpr std::size_t kCheckpointBytesMax = kEntryBytesMax / 2;  // then sys.too_big

inline constexpr std::uint64_t kFoldSamplePeriod =
    64;  // one in so many decided entries is folded twice

// --- memory (daemon/free_memory) ---
inline constexpr std::size_t kFreeMemoryKept = 8 * MiB;  // of what the allocator holds and no one
inline constexpr std::size_t kFreeMemoryStep = 2 * MiB;  // uses; beyond it so much goes back
inline constexpr std::int64_t kFreeMemoryStepMs = 100;   // to the kernel each time

// --- groups (node/) ---
inline constexpr std::size_t kRunsAwakeMax = 2'048;         // of a box; beyond it those packed that
inline constexpr std::int64_t kRunRestMs = 10'000;          // did not change for so long,
inline constexpr std::size_t kRunsPackedPerTurn = 256;      // so many in one turn of the loop;
inline constexpr std::size_t kRunsAwakeCrowd = 4'096;       // beyond this, however lately they did,
inline constexpr std::size_t kCrowdPackedPerTurn = 2'048;   // so many in one turn
inline constexpr std::size_t kRunSamples = 16;              // runs that others are packed by,
inline constexpr std::size_t kRunSampleBytesMax = 4 * KiB;  // and what is taken of each
inline constexpr int kPollKeysMax = 10'000;  // answered polls that can be repeated by key
inline constexpr int kLeasesLostPerTurnMax = 1'000;
inline constexpr std::int64_t kTimersRetryMs = 1'000;  // after a timer that could not be decided
inline constexpr std::int64_t kClockJumpMsMax =
    5 * 60 * 1000;                                       // ahead of the last stamp, unless trusted
inline constexpr std::int64_t kLeaseMsDefault = 30'000;  // without timeout.heartbeat
inline constexpr std::int64_t kProgressMsMin = 5'000;    // between committed details of one task
inline constexpr std::size_t kForgottenPerEntryMax = 1'000;   // runs
inline constexpr std::int64_t kForgetRetryMs = 1'000;         // after runs that were busy
inline constexpr std::int64_t kForgetSlackMsMax = 3'600'000;  // so much later than need be, at most
inline constexpr std::int64_t kRetentionMsDefault = 30LL * 24 * 3'600'000;  // of closed runs
inline constexpr std::size_t kTimersFiredPerTurnMax = 64;  // runs of a group; the disk is awaited
inline constexpr std::size_t kTimersUnderWayMax = 256;     // once so many are not applied
inline constexpr int kGroupsMax = 65;                      // the system group and 64 run groups
inline constexpr int kMailboxCommandsMax = 256;            // waiting for one run's entry, then 429
inline constexpr int kCommandsQueuedMax = 16'384;          // waiting in all, then 429
inline constexpr int kParkedPollsMax = 4096;               // then 429
inline constexpr int kAwaitsParkedMax =
    8192;  // awaits; and reads of histories and events: then 429
inline constexpr int kDedupeKeysPerGroupMax = 50'000;
inline constexpr std::size_t kForwardedAnswersMax = 10'000;  // kept of one process of a box
inline constexpr std::size_t kForwardingProcessesMax = 32;   // boxes, and their restarts
inline constexpr std::size_t kDedupeAnswerBytesMax =
    kEntryBytesMax / 4;  // a larger answer is given and kept without the run's values
inline constexpr int kQueuesPausedMax = 1000;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 200;
inline constexpr int kBatchOperationsMax = 256;  // of POST /v1/tasks/batch
inline constexpr int kPollTasksMax = 256;        // `max` of a poll
inline constexpr int kWaitSecondsMax = 60;       // of a long poll
inline constexpr int kPageItemsMax = 500;
inline constexpr std::size_t kPageBytesMax = 4 * MiB;  // then a page ends before its items do
inline constexpr int kDefinitionsMax = 10'000;         // versions in a store

// --- several boxes (node/) ---
inline constexpr std::size_t kEntryCacheBytesMax = 1 * MiB;  // of a group's newest entries
inline constexpr int kHeldRequestsMax = 16'384;              // on their way to a leader, then 429
inline constexpr std::size_t kAnswersKeptMax = 4'096;  // of another box's requests, to be repeated
inline constexpr std::int64_t kRaftTickMs = 25;
inline constexpr std::int64_t kBoxStatusMs = 1'000;
// The election timeout is drawn from [t, 2t] with t by what disks and links take (node/pace.h).
inline constexpr std::int64_t kElectionMsMin = 300;     // the least t
inline constexpr std::int64_t kElectionMsMax = 10'000;  // the greatest 2t
inline constexpr std::int64_t kChangeAgainMs = 100;  // a step of a change of boxes is tried again
inline constexpr std::int64_t kForwardAgainMs = 2'000;   // an unanswered request is sent again
inline constexpr std::int64_t kReadAgainMs = 200;        // an unanswered question for a read index
inline constexpr std::int64_t kReadRetryMs = 20;         // after "I do not lead"
inline constexpr std::int64_t kErrandMs = 30'000;        // for an answer from another run's group
inline constexpr std::int64_t kErrandAgainMs = 1'000;    // without one it is asked again then
inline constexpr std::int64_t kDeliverAgainMs = 1'000;   // an unconfirmed message between groups
inline constexpr std::int64_t kBalanceMs = 10'000;       // between leaderships handed to their home
inline constexpr std::int64_t kDiskStallMs = 1'000;      // of a batch, then leaderships go
inline constexpr std::int64_t kHandOverMs = 10'000;      // between two times of that
inline constexpr std::uint64_t kBalanceLagMax = 64;      // entries that box may lack
inline constexpr std::size_t kBoxAddressBytesMax = 300;  // a name of 253, brackets, a port

// --- consensus (raft/), of one group ---
inline constexpr int kVotersMax = 9;
inline constexpr int kRosterBoxesMax = 1000;  // ever added to a cluster, removed ones too
inline constexpr std::uint32_t kAppendEntriesMax = 1024;   // of one Append message
inline constexpr std::uint32_t kInflightMessagesMax = 64;  // Appends unacknowledged by one follower
inline constexpr std::uint64_t kUncommittedEntriesMax = 65'536;  // then proposals are refused
inline constexpr int kHeldMessagesMax = 64;  // waiting for the hard state, then the oldest is lost
inline constexpr int kLearnersMax = 9;
inline constexpr std::size_t kAppendBytesMax = 1 * MiB;    // of one Append, unless it is one entry
inline constexpr std::size_t kInflightBytesMax = 8 * MiB;  // unacknowledged by one follower
inline constexpr int kReadsPendingMax = 4096;              // not yet confirmed, then refused
inline constexpr std::uint64_t kPromotionLagMax =
    1024;  // entries a learner may lack to be promoted

// --- journal (log/) ---
inline constexpr std::size_t kSegmentBytesDefault = 16 * MiB;
inline constexpr std::size_t kSegmentBytesMin = 64 * KiB;
inline constexpr std::size_t kSegmentBytesMax = 1024 * MiB;
inline constexpr std::size_t kBatchBytesMax = 8 * MiB;  // of one frame's payload
inline constexpr int kBatchEntriesMax = 65'536;
inline constexpr int kSpareSegmentsMax = 2;
inline constexpr int kFrameRangesMax = 4096;  // runs of indexes listed by one frame
inline constexpr std::size_t kJournalQueuedBytesMax = 32 * MiB;  // waiting for the disk, then 429
inline constexpr std::size_t kSegmentBytesFirst = 256 * KiB;     // of a new journal
inline constexpr std::size_t kAllocateSliceBytes = 256 * KiB;    // of room made ahead, at once
inline constexpr std::size_t kIndexExtentBytes = 32 * KiB;       // read to find one entry again
inline constexpr std::size_t kIndexExtentRawBytes = 64 * KiB;    // decompressed for that
inline constexpr std::size_t kReserveBytesMax =
    2 * kSegmentBytesDefault;                    // of the disk, held back for when it is full
inline constexpr std::size_t kReserveShare = 8;  // of the file system, at most a so-manieth
inline constexpr int kRoomLookMs = 1'000;        // between looks at what is free
inline constexpr std::size_t kSnapshotChunkBytes = 256 * KiB;
inline constexpr std::size_t kTrainingBytes = 256 * KiB;  // of entries, to train a dictionary from
inline constexpr std::size_t kTrainingEntryBytesMax = 2 * KiB;  // of one entry
inline constexpr std::size_t kDictionaryBytesMax = 16 * KiB;
inline constexpr std::size_t kDictionaryBytesMin = 1 * KiB;
inline constexpr std::size_t kDictionariesMax = 32;     // of old segments, kept for their readers
inline constexpr std::size_t kSnapshotSliceRuns = 100;  // copied in one turn of the loop
inline constexpr std::size_t kSnapshotSliceBytes = 256 * KiB;  // of answers, likewise
inline constexpr std::size_t kSnapshotJobBytes = 1 * MiB;      // made by one job of the cold thread
inline constexpr std::size_t kSnapshotUnsyncedBytes = 256 * KiB;  // then what is written is synced
inline constexpr std::size_t kSnapshotsKept = 2;                  // of a group
inline constexpr std::size_t kKeptFileBytesMax = 256 * MiB;       // then the next one is begun
inline constexpr std::size_t kKeptFilesMax = 32;          // then all of them are made into new ones
inline constexpr std::size_t kCompactionSegmentsMin = 4;  // given up together at least
inline constexpr std::size_t kCompactionEntries = 250;    // looked at in one turn of the loop
inline constexpr std::size_t kCompactionBytes = 1 * MiB;  // of them, at most but for one entry
// From the beginning of a pass that takes deleted data off the disk to that of the next one.
inline constexpr std::int64_t kScrubPauseMs = 60'000;
inline constexpr std::int64_t kScrubPauseMsMax = 86'400'000;
inline constexpr std::int64_t kScrubAgainMs = 10'000;  // until a pass that failed is taken up again

// --- the journal from outside (daemon/, cli/) ---
inline constexpr std::size_t kFindingsShownMax = 1000;  // by one look; the rest is counted
inline constexpr std::size_t kBackupChunkBytes = 256 * KiB;

// --- HTTP (daemon/) ---
inline constexpr std::size_t kHttpBodyBytesMax = 1 * MiB;     // 413
inline constexpr std::size_t kHttpHeaderBytesMax = 16 * KiB;  // 431
inline constexpr int kHttpHeadersMax = 64;
inline constexpr int kHttpPipelineMax = 64;  // requests of one connection under way
inline constexpr std::size_t kHttpOutputBytesMax =
    4 * MiB;  // unsent to one connection, then it is paused
inline constexpr std::size_t kHttpInputBytesTotal =
    64 * MiB;  // of incomplete requests together, then 503
inline constexpr std::size_t kHttpOutputBytesTotal =
    256 * MiB;  // unsent to all, then nobody is read from
inline constexpr int kConnectionsMax = 8192;
inline constexpr int kHttpIdleSeconds = 75;    // between requests
inline constexpr int kHttpHeaderSeconds = 10;  // from a request's first byte to its last
inline constexpr int kHttpStallSeconds = 60;   // then a client that reads nothing is cut off
inline constexpr int kHttpLingerMs = 2000;  // what a refused client still sends is read this long
inline constexpr int kHttpBuffersPooledMax = 128;  // kept for reuse, each at most kHttpReadBytes
inline constexpr std::size_t kHttpReadBytes = 64 * KiB;  // one read
inline constexpr int kJsonDepthMax = 64;
inline constexpr int kRequestSecondsMax = 15;  // deadline of a write, then 504
inline constexpr std::int64_t kForwardedRememberedMs = 4'000 * kRequestSecondsMax;  // answers

// --- threads (daemon/) ---
inline constexpr int kDiskBatchesMax = 64;         // handed to the disk thread and not yet back
inline constexpr int kColdJobsMax = 256;           // waiting for the cold thread, then 429
inline constexpr int kSpinMicrosecondsMax = 1000;  // of polling before a thread sleeps

// --- links between boxes (codecs/, daemon/) ---
inline constexpr int kKeyringKeysMax = 8;  // lines of a keyring, retired keys included
inline constexpr std::size_t kKeyringBytesMax = 16 * KiB;
inline constexpr int kKeyStepMs = 10'000;  // for every box to confirm a step of key rotation
inline constexpr std::size_t kDatagramBytesMax =
    1200;                                            // of a UDP datagram, header and tag included
inline constexpr int kReplayWindowDatagrams = 1024;  // counters a datagram may come late
inline constexpr int kHelloRetryMsMin = 100;         // doubled up to the maximum
inline constexpr int kHelloRetryMsMax = 2'000;
inline constexpr int kHelloAnswersBurst = 4;  // to one peer; then one every kHelloAnswerMs
inline constexpr int kHelloAnswerMs = 250;
inline constexpr int kHandshakeMs = 5'000;  // then a TCP peer without a proof of its key is cut off
inline constexpr std::size_t kUnauthenticatedBytesMax = 128;  // held of such a peer
inline constexpr int kFirstMessagesRemembered = 1024;         // replays of these are not answered
inline constexpr std::size_t kFramePayloadBytesMax = kEntryBytesMax + 64 * KiB;
inline constexpr std::size_t kStreamRecordBytesMax = kFramePayloadBytesMax + 64;
inline constexpr std::uint64_t kStreamRekeyBytes = 256 * MiB;  // sent under one key of a stream
inline constexpr std::uint64_t kNodeIdMax = (std::uint64_t{1} << 53) - 1;  // exact in JSON
inline constexpr std::size_t kLinkQueuedBytesMax =
    16 * MiB;  // of frames to one peer that wait for its stream; past it the newest are dropped
inline constexpr std::size_t kLinkExpressBytesMax = 1 * MiB;  // of small ones beyond those
inline constexpr std::size_t kLinkRecordBytes = 256 * KiB;    // of frames sealed as one record
inline constexpr std::size_t kLinkOutputBytes = 256 * KiB;    // sealed and unsent before more is
inline constexpr int kDatagramsPerFlushMax = 16;  // to one peer; what goes beyond takes the stream
inline constexpr int kHalfOpenMax = 256;     // TCP peers without a proved key; then the oldest goes
inline constexpr int kLinkRetryMsMin = 100;  // between attempts to connect, doubled and jittered
inline constexpr int kLinkRetryMsMax = 5'000;
inline constexpr int kLinkGraceMs = 1'000;     // the box of the higher id waits longer
inline constexpr int kLinkSilenceMs = 5'000;   // a stream on which nothing comes is given up
inline constexpr int kEchoMs = 250;            // between echoes, on each path
inline constexpr int kEchoRetryMsMax = 5'000;  // while none comes back over UDP, doubled up to it
inline constexpr int kEchoMissesMax = 2;       // in a row, then UDP is held not to get through
inline constexpr int kEchoAnswersMin = 2;      // in a row, then it is trusted
inline constexpr std::size_t kHostNameBytesMax = 253;  // RFC 1035
inline constexpr int kAddressesPerNameMax = 8;

// --- configuration (daemon/) ---
inline constexpr std::size_t kConfigBytesMax = 64 * KiB;    // of one file
inline constexpr int kConfigFilesMax = 100;                 // in conf.d
inline constexpr int kRolePrincipalsMax = 1000;             // of one role
inline constexpr std::size_t kAccountsBytesMax = 16 * MiB;  // of /etc/passwd or /etc/group

// --- workers (cli/) ---
inline constexpr std::size_t kWorkerStdoutBytesMax = 1 * MiB;  // past it sys.output
inline constexpr std::size_t kWorkerStderrBytesMax = 8 * KiB;  // the end of it is kept
inline constexpr int kWorkerConcurrencyMax = 256;
inline constexpr int kWorkerKillSeconds = 10;                     // SIGTERM, then SIGKILL
inline constexpr std::size_t kWorkerProgressBytesMax = 64 * KiB;  // past it not sent
inline constexpr int kWorkerBackoffMsMin = 50;  // between attempts to reach the daemon
inline constexpr int kWorkerBackoffMsMax = 2000;

// --- tests of definitions (rehearsal/) ---
inline constexpr std::size_t kRehearsalEventsMax = 100'000;     // of one test; then it has failed
inline constexpr std::uint64_t kRehearsalBytesMax = 256 * MiB;  // of these events
inline constexpr std::size_t kTestFilesMax = 10'000;            // of one call of `pawl test`
inline constexpr int kTestDirectoryDepthMax = 32;

// --- clients (cli/) ---
inline constexpr std::size_t kClientBodyBytesMax = 64 * MiB;  // of an answer, or unread

static_assert(kFramesMax < kIncidentsMax);
static_assert(kValueBytesMax * 2 <= kRunStateBytesMax);
static_assert(kRunStateBytesMax * 2 <= kEntryBytesMax);
static_assert(kDecisionBytesMax * 2 <= kEntryBytesMax);
static_assert(kAppendBytesMax <= kInflightBytesMax);
static_assert(kEntryBytesMax <= kInflightBytesMax);
static_assert(kEntryBytesMax * 2 <= kBatchBytesMax);
static_assert(kValueBytesMax * 2 <= kHttpBodyBytesMax);
static_assert(kEntryBytesMax <= kPageBytesMax);
static_assert(kDefinitionBytesMax <= kHttpBodyBytesMax);
static_assert(kJsonDepthMax >= kValueDepthMax);
static_assert(kBatchBytesMax <= kSegmentBytesDefault);
static_assert(kFramePayloadBytesMax < kStreamRecordBytesMax);
static_assert(kReplayWindowDatagrams % 64 == 0);
static_assert(kHelloRetryMsMin <= kHelloRetryMsMax);
static_assert(kLinkRetryMsMin <= kLinkRetryMsMax);
static_assert(kEchoMs < kLinkSilenceMs);
static_assert(kFramePayloadBytesMax < kLinkQueuedBytesMax);
static_assert(kInflightBytesMax < kLinkQueuedBytesMax);

}  // namespace pawl::limits
