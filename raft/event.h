// What can happen to a group: everything that step() learns of the world, time and chance included.
#pragma once

#include <cstdint>
#include <variant>

#include "raft/membership.h"
#include "raft/message.h"
#include "raft/types.h"

namespace pawl::raft {

// Time has passed. To be given at least once per heartbeat_ms / 2, in any rhythm. `now_ms` is
// monotonic (an earlier one than before is taken as the same); `random` is any number that differs
// between members.
struct Tick {
  std::int64_t now_ms = 0;
  std::uint64_t random = 0;
};

// Start an election now (with a pre-vote where there are others). Nothing if this member leads, may
// not lead (State::may_lead) or may not campaign. A group's only voter leads at once; a Tick does
// the same for it.
struct Campaign {};

// Append `count` (> 0) entries, the largest of which has `bytes`. Answered by AppendEntries or
// ProposalRefused. With `hold` they are not sent before the next Replicate (or another reason to
// send): what is proposed in quick succession then goes to each follower in one message.
struct Propose {
  std::uint32_t count = 1;
  std::uint32_t bytes = 0;
  bool hold = false;
};

// Send each follower what it lacks, as far as its progress allows; to be given soon after a Propose
// that holds. Nothing if this member does not lead.
struct Replicate {};

// A message came in. If AppendEntries follows, the payloads to write are those that came with it.
struct Receive {
  Message message;
  MembershipPtr membership;  // of an Append that brings one: decoded from its payload, never null
  std::uint32_t bytes = 0;   // of an Append's largest payload
};

// The entries of an AppendEntries effect, through `through`, are on disk, and so is all that was
// asked for before them (writes are executed in order; reporting only the last of a batch is
// enough). The three fields are copied from the effect, so that the report of a write which has
// been overwritten since is recognised, even if the same entry was written again later (ABA).
struct EntriesPersisted {
  Term requested;  // AppendEntries::requested
  Index through;   // AppendEntries::last
  Term term;       // AppendEntries::term
};

// A SaveHardState effect is on disk (of a batch with several, the last).
struct HardStatePersisted {
  HardState hard;
};

// The driver has dropped the log through this index (a snapshot covers it); at most the commit.
struct Compacted {
  Index through;
};

// Make these the voters and learners (membership.h). `wish` is well formed and not joint. Whoever
// is a new voter in it must be a learner that has caught up. Answered by AppendEntries (and
// MembershipChanged) or ChangeRefused; done when a membership that is not joint is committed.
struct ChangeMembership {
  MembershipPtr wish;
};

// Hand the leadership to this voter (dissertation 3.10). Proposals are refused meanwhile. Answered
// by TransferEnded, now or later.
struct TransferLeadership {
  NodeId to;
};
// Forget about it; nothing if there is none under way. The target may take over nevertheless.
struct AbortTransfer {};

// The link to this member has broken, as it does when its process ends: if it was the leader, no
// more is to be hoped for from it, and the next election is near. A hint: nothing depends on it.
struct Unreachable {
  NodeId peer;
};

// Sets Config::may_campaign.
struct SetCandidacy {
  bool may_campaign = true;
};

// Sets Config::election_timeout_ms_min and _max: above the heartbeat's interval, min at most max. A
// timeout that runs is not changed.
struct SetElectionTimeout {
  std::int64_t ms_min = 0, ms_max = 0;
};

// From which index on may a read be answered that asks now? (dissertation 6.4) Answered by
// ReadReady or ReadRefused with the same context, which means nothing here.
struct ReadIndex {
  std::uint64_t context = 0;
};

// This box has that snapshot, whole, and can send it. An older one than before is ignored.
struct SnapshotAvailable {
  Snapshot snapshot;
};

// That snapshot can't be sent any more: what has it does not get the rest of it. Another one is
// asked for (SnapshotNeeded) if a follower still needs one.
struct SnapshotLost {
  Index last;  // the snapshot's
};

// The bytes of a StoreSnapshotChunk are on disk, and so are all before them; `stored` in all. 0
// after what was there turned out to be useless.
struct SnapshotChunkStored {
  Index last;  // the snapshot's
  std::uint64_t stored = 0;
};

// FinishSnapshot has been done: the stream is whole, on disk, has the right hash and can be read;
// the membership it carries. Or not (`sound` is false): it is sent again from its beginning.
struct SnapshotReceived {
  Index last;  // the snapshot's
  bool sound = true;
  MembershipPtr membership;  // if sound
};

using Event = std::variant<Tick, Campaign, Propose, Replicate, Receive, EntriesPersisted,
                           HardStatePersisted, Compacted, ChangeMembership, TransferLeadership,
                           AbortTransfer, Unreachable, SetCandidacy, SetElectionTimeout, ReadIndex,
                           SnapshotAvailable, SnapshotLost, SnapshotChunkStored, SnapshotReceived>;

}  // namespace pawl::raft
