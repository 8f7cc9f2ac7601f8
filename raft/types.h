// The plain values of one group's consensus: what must be on disk, what identifies an entry or a
// snapshot, and how the group is set up. All are copyable and free of behaviour.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/digest.h"
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

// A leader's counter of its signs of life within its term, from 1; 0 is "before any". A message
// carries the newest, an answer echoes the newest its sender has seen: so it proves that its sender
// was in that term after that round had begun (dissertation 6.4), whatever was delayed or repeated.
using Round = Strong<struct RoundTag, std::uint64_t>;

// A snapshot's identity: what it covers and the stream of bytes it is. Which members it knows of is
// written in it, and comes with SnapshotReceived.
struct Snapshot {
  EntryId last;             // the last entry it covers; index 0: no snapshot
  std::uint64_t bytes = 0;  // of the whole stream; > 0
  Digest hash{};            // of the whole stream
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

enum class Role : std::uint8_t { follower, pre_candidate, candidate, leader };

const char* to_string(Role role);

// How a group is set up. Every time is in the milliseconds of Tick::now_ms.
struct Config {
  NodeId self;
  // The voters of a group whose log and snapshot say nothing of members (raft/membership.h): those
  // it was founded with, the same on each of them. Sorted, unique, at most limits::kVotersMax.
  // Empty on a box that joins a group: it learns of the members from the leader.
  std::vector<NodeId> voters;
  std::int64_t heartbeat_ms = 50;
  // A timeout is drawn from [min, max] each time. A follower that heard from its leader within
  // the last `min` refuses to help depose it (dissertation 4.2.3); a leader that has not heard a
  // quorum for `max` steps down (6.2). SetElectionTimeout changes them; nothing but liveness
  // depends on their being alike.
  std::int64_t election_timeout_ms_min = 300;
  std::int64_t election_timeout_ms_max = 600;
  std::int64_t snapshot_retry_ms = 1000;  // an unanswered snapshot chunk is sent again
  // Of one Append; an entry larger than append_bytes_max goes alone.
  std::uint32_t append_entries_max = limits::kAppendEntriesMax;
  std::uint64_t append_bytes_max = limits::kAppendBytesMax;
  std::uint32_t snapshot_chunk_bytes = limits::kSnapshotChunkBytes;
  // Unacknowledged by one follower; whichever is reached first. One Append is always allowed.
  std::uint32_t inflight_messages_max = limits::kInflightMessagesMax;
  std::uint64_t inflight_bytes_max = limits::kInflightBytesMax;
  std::uint64_t uncommitted_entries_max = limits::kUncommittedEntriesMax;
  std::uint64_t promotion_lag_max = limits::kPromotionLagMax;
  // False: neither a timeout nor a transfer makes this member a candidate; it votes, acknowledges
  // and, if it leads, goes on leading. SetCandidacy changes it.
  bool may_campaign = true;
};

}  // namespace pawl::raft
