// What a step asks of its driver. To be carried out in the order given; what writes go to the
// journal in that order, and are reported with EntriesPersisted / HardStatePersisted when they are
// durable.
//
// A Send may leave at once: a message that depends on a write is not given out before that write
// has been reported. (So no mark is needed, and no driver can forget to look at it.)
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "raft/message.h"
#include "raft/types.h"

namespace pawl::raft {

// Write to the journal. Also written before any later AppendEntries.
struct SaveHardState {
  HardState hard;
};

// Write entries [first, last], all of `term`, to the journal.
struct AppendEntries {
  enum class Source : std::uint8_t {
    proposal,    // payloads: those of the Propose, in order
    noop,        // one entry, the leader's first of its term; the driver gives it an empty payload
    message,     // payloads: number (first - prev.index - 1) and following of the Append received
    membership,  // one entry, a leader's; its payload is Trail::memberships().current(), encoded
  };
  Index first;
  Index last;
  Term term;
  Term requested;  // for EntriesPersisted
  Source source = Source::proposal;
  // Entries `first` and later were there and are void: forget their payloads, answer their callers
  // (their outcome is that another leader's entries replaced them). In the journal the new entry's
  // index says so by itself.
  bool truncates = false;
};

struct Send {
  Message message;
};

// Entries through `index` are on the disks of a majority and may be applied; never falls, never
// repeats. On a follower they are on its own disk too; on a leader they may not be yet (its write
// runs in parallel, dissertation 10.2.1), so a snapshot waits for durable().
struct CommitTo {
  Index index;
};

// One of the three changed. A leader may decide commands only once ready().
struct RoleChanged {
  Role role;
  Term term;
  NodeId leader;  // 0: not known
};

// A Propose was not taken; nothing was appended.
struct ProposalRefused {
  enum class Reason : std::uint8_t {
    not_leader,    // ask leader()
    not_ready,     // leads, but its no-op is not committed yet
    uncommitted,   // Config::uncommitted_entries_max would be passed: wait for a CommitTo
    transferring,  // is handing over: ask the next leader, or wait for TransferEnded
  };
  Reason reason = Reason::not_leader;
};

// Another membership is in force: raft.membership(). By an entry that was appended, or since the
// one that had brought the last was cut, or by a snapshot. It need not be committed.
struct MembershipChanged {
  Index index;  // the entry; 0: it came with a snapshot or the group was founded with it
};

// A ChangeMembership was not taken; nothing was appended.
struct ChangeRefused {
  enum class Reason : std::uint8_t {
    not_leader,
    not_ready,  // no entry of the leader's term is committed yet (dissertation 4.1, erratum)
    transferring,
    in_progress,  // one at a time: the last is not committed, or still joint
    unchanged,
    not_caught_up,  // a new voter is not yet a learner whose log is nearly complete (4.2.1)
  };
  Reason reason = Reason::not_leader;
};

// Of a TransferLeadership.
struct TransferEnded {
  enum class Outcome : std::uint8_t {
    yielded,    // this member leads no more
    timed_out,  // after election_timeout_ms_max
    aborted,    // by AbortTransfer, or the target is no voter any more
    refused,    // this member does not lead, the target is no other voter, or one is under way
  };
  NodeId to;
  Outcome outcome = Outcome::refused;
};

// What is applied through `index` may answer the read: this member still led after it had asked.
struct ReadReady {
  std::uint64_t context = 0;
  Index index;
};
struct ReadRefused {
  enum class Reason : std::uint8_t {
    not_leader,  // or no longer: ask leader()
    full,        // limits::kReadsPendingMax
  };
  std::uint64_t context = 0;
  Reason reason = Reason::not_leader;
};

// A follower needs entries that are gone, and no snapshot is known that reaches to what is left:
// make one (SnapshotAvailable). Said once, until one comes.
struct SnapshotNeeded {
  Index floor;  // it must cover this index
};

// Write the bytes that came with the SnapshotChunk at `offset` of the stream's file; at offset 0 it
// is begun anew, whatever was there. Report SnapshotChunkStored.
struct StoreSnapshotChunk {
  Snapshot snapshot;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
};

// All bytes are there. Check the hash, make it durable, and report SnapshotReceived. It replaces
// nothing yet.
struct FinishSnapshot {
  Snapshot snapshot;
};

// The log begins after this snapshot from now on: apply its tables instead of entries through
// `last`. Unless `log_kept`, entries after it are void as if truncated.
struct InstallSnapshot {
  EntryId last;
  bool log_kept = false;
};

// This follower has lost entries it had acknowledged: its disk is not the one it was. It is counted
// for nothing, and sent no entries, as long as this term lasts. A box with an empty disk must come
// back under a new id; that is for the driver to enforce.
struct MemberLost {
  NodeId id;
};

using Effect =
    std::variant<SaveHardState, AppendEntries, Send, CommitTo, RoleChanged, ProposalRefused,
                 MembershipChanged, ChangeRefused, TransferEnded, ReadReady, ReadRefused,
                 SnapshotNeeded, StoreSnapshotChunk, FinishSnapshot, InstallSnapshot, MemberLost>;

// Appended to by step(); the caller clears and reuses it, so that a step allocates nothing.
using Effects = std::vector<Effect>;

}  // namespace pawl::raft
