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
    proposal,  // payloads: those of the Propose, in order
    noop,      // one entry, the leader's first of its term; the driver gives it an empty payload
    message,   // payloads: number (first - prev.index - 1) and following of the Append received
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
    not_leader,   // ask leader()
    not_ready,    // leads, but its no-op is not committed yet
    uncommitted,  // Config::uncommitted_entries_max would be passed: wait for a CommitTo
  };
  Reason reason = Reason::not_leader;
};

using Effect =
    std::variant<SaveHardState, AppendEntries, Send, CommitTo, RoleChanged, ProposalRefused>;

// Appended to by step(); the caller clears and reuses it, so that a step allocates nothing.
using Effects = std::vector<Effect>;

}  // namespace pawl::raft
