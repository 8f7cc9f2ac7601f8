// What can happen to a group: everything that step() learns of the world, time and chance included.
#pragma once

#include <cstdint>
#include <variant>

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

// Start an election now (with a pre-vote where there are others). Nothing if this member leads or
// is not a voter. A group's only voter leads at once; a Tick does the same for it.
struct Campaign {};

// Append `count` (> 0) entries. Answered by AppendEntries or ProposalRefused.
struct Propose {
  std::uint32_t count = 1;
};

// A message came in. If AppendEntries follows, the payloads to write are those that came with it.
struct Receive {
  Message message;
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

using Event =
    std::variant<Tick, Campaign, Propose, Receive, EntriesPersisted, HardStatePersisted, Compacted>;

}  // namespace pawl::raft
