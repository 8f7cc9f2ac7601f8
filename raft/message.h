// What members of a group say to each other. Messages hold indexes and terms only; the driver
// attaches payloads to an Append and bytes to a SnapshotChunk when it sends it, and strips them
// when it receives one. All are small and trivially copyable; codecs/ gives them bytes.
//
// `Message::term` is always the sender's own term, also in a pre-vote, which asks about the next.
// Any message may be lost, repeated, delayed or reordered without harm.
#pragma once

#include <string>
#include <variant>

#include "raft/types.h"

namespace pawl::raft {

// "Would you vote for me in term `next`?" Changes nobody's term (dissertation 9.6).
struct PreVoteRequest {
  Term next;
  EntryId last;  // the sender's last entry
};
struct PreVoteReply {
  Term next;  // of the request
  bool granted = false;
};

// "Vote for me in Message::term." (paper 5.2)
struct VoteRequest {
  EntryId last;
  // The leader itself asked for this election: it is not protected from it (dissertation 4.2.3).
  bool transfer = false;
};
struct VoteReply {
  bool granted = false;
};

// Entries prev.index + 1 ... prev.index + count, all of one term, so that a message has a fixed
// size; a sender splits at a change of term. With count 0 it only asks whether `prev` is there.
struct Append {
  EntryId prev;
  Term entries_term;  // of every entry; meaningless if count is 0
  std::uint32_t count = 0;
  Index commit;  // the leader's
  Round round;
  bool membership = false;  // the one entry brings a membership, which comes with Receive
  Index through() const { return Index(prev.index.v + count); }
};
// The follower's log agrees with the leader's through `received`, and is on its disk through
// `match` <= received. Only `match` counts for commitment.
struct AppendReply {
  Index match;
  Index received;
  Round round;  // the newest heard of
};
// `prev` is not in the follower's log. `hint` is the follower's last entry that is not past prev in
// index nor in term: the latest place where the two logs may agree.
struct AppendReject {
  Index prev;
  EntryId hint;
  Round round;
};

// "I lead." Never waits for a disk; coalesced across groups by the driver.
struct Heartbeat {
  Index commit;
  Round round;
};
// As in AppendReply, so that a lost acknowledgement or a lost Append is noticed.
struct HeartbeatReply {
  Index match;
  Index received;
  Round round;
};

// A part of a snapshot for a follower whose next entry is gone from the leader's log (paper 7,
// dissertation 5.3). One is on its way at a time.
struct SnapshotChunk {
  Snapshot snapshot;
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;  // > 0
  Round round;
};
// The follower has the stream's first `offset` bytes on its disk and wants what follows. When it
// has installed them all it says so by an AppendReply.
struct SnapshotReply {
  Index last;  // the snapshot's
  std::uint64_t offset = 0;
  Round round;
};

// "Start an election at once, I hand over to you" (dissertation 3.10).
struct TimeoutNow {};

using Body =
    std::variant<PreVoteRequest, PreVoteReply, VoteRequest, VoteReply, Append, AppendReply,
                 AppendReject, Heartbeat, HeartbeatReply, SnapshotChunk, SnapshotReply, TimeoutNow>;

struct Message {
  NodeId from;
  NodeId to;
  Term term;
  Body body;
};

// Whether a message makes sense by itself: no overflow of an index, no entry from a later term than
// its sender's, no match past received. What does not is dropped before it touches the state.
bool well_formed(const Message& message);

// Whether only a leader says this.
bool is_from_leader(const Body& body);
// Whether it answers something (TimeoutNow and requests do not).
bool is_reply(const Body& body);

// One line, for scripts and logs: "1>2 t3 append prev 4.2 +1x3 commit 4".
std::string to_string(const Message& message);
// "index.term".
std::string to_string(EntryId id);

}  // namespace pawl::raft
