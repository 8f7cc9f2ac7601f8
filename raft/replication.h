// The leader's side: its own log, what it sends to each follower, and what is committed. The table
// of a follower's states is in progress.h; the leader's own:
//
// clang-format off
// | state     | event                                      | state | effects                            |
// |-----------|--------------------------------------------|-------|------------------------------------|
// | candidate | wins (election)                            | leads | AppendEntries no-op, Append to all |
// | leads     | Propose, ChangeMembership                  | leads | a refusal                          |
// | leads     | a quorum has an entry of this term on disk | ready | CommitTo                           |
// | ready     | Propose                                    | ready | AppendEntries, Append to all       |
// | ready     | Propose that holds                         | ready | AppendEntries                      |
// | leads     | Replicate                                  | leads | Append to all who lack something   |
// | ready     | ChangeMembership (change.h)                | ready | AppendEntries, Append to all       |
// | leads     | heartbeat due                              | leads | Heartbeat to all                   |
// | leads     | no quorum heard, or removed (election.h)   | -     | RoleChanged                        |
// | leads     | a later term (election.h)                  | -     | RoleChanged                        |
// clang-format on
//
// The own disk is one member among others: it writes while the followers' entries are under way,
// and counts only when it has reported (dissertation 10.2.1). A leader that has no vote any more
// does not count itself at all.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// A candidate that has won takes over.
void lead(State* state, Effects* effects);

// Heartbeats, if this member leads and they are due; steps down if it has not heard a quorum for
// the longest election timeout (dissertation 6.2).
void tick_leader(State* state, Effects* effects);

// Whether a quorum, this leader included, was heard within the last `ms`.
bool quorum_heard(const State& state, std::int64_t ms);

// Sends to each follower what its progress allows.
void send_more_to_all(State* state, Effects* effects);

void propose(State* state, const Propose& event, Effects* effects);

void on_append_reply(State* state, NodeId from, const AppendReply& reply, Effects* effects);
void on_append_reject(State* state, NodeId from, const AppendReject& reject, Effects* effects);
void on_heartbeat_reply(State* state, NodeId from, const HeartbeatReply& reply, Effects* effects);
void on_snapshot_reply(State* state, NodeId from, const SnapshotReply& reply, Effects* effects);

// Commits what a quorum has on disk, counting entries of the own term only: an older term's entry
// may be on a majority and still be overwritten (paper, figure 8); it is committed along with them.
// What follows from it (change.h) may end the leadership.
void advance_leader_commit(State* state, Effects* effects);

}  // namespace pawl::raft
