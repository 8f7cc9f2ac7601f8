// The plain values of one group's consensus: what is restored at start, what must be on disk, and
// how the group is set up. All are copyable, comparable and free of behaviour.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"

namespace pawl::raft {

// What a member must never forget: the newest term it has heard of and whom it voted for in it
// (0: nobody). On disk before any message that depends on it leaves (Raft paper, figure 2).
struct HardState {
  Term term;
  NodeId vote;
  friend bool operator==(const HardState&, const HardState&) = default;
};

// One entry's identity. By log matching (paper 5.3) it names the entry and all before it.
struct EntryId {
  Index index;
  Term term;
  friend bool operator==(const EntryId&, const EntryId&) = default;
};

// Raft's "at least as up-to-date" (paper 5.4.1): the later last term wins, then the longer log.
inline bool at_least_as_current(const EntryId& a, const EntryId& b) {
  return a.term != b.term ? a.term > b.term : a.index >= b.index;
}

enum class Role : std::uint8_t { follower, pre_candidate, candidate, leader };

const char* to_string(Role role);

// How a group is set up. Every time is in the milliseconds of Tick::now_ms.
struct Config {
  NodeId self;
  // Sorted, unique, at most limits::kVotersMax; a member that is not in it never campaigns.
  std::vector<NodeId> voters;
  std::int64_t heartbeat_ms = 50;
  // A timeout is drawn from [min, max] each time. A follower that heard from its leader within
  // the last `min` refuses to help depose it (dissertation 4.2.3).
  std::int64_t election_timeout_ms_min = 300;
  std::int64_t election_timeout_ms_max = 600;
  std::uint32_t append_entries_max = limits::kAppendEntriesMax;        // of one Append
  std::uint32_t inflight_messages_max = limits::kInflightMessagesMax;  // unacknowledged, a peer
  std::uint64_t uncommitted_entries_max = limits::kUncommittedEntriesMax;
};

}  // namespace pawl::raft
