// The leader's side: its own log, what it sends to each follower, and what is committed. The table
// of a follower's states is in progress.h; the leader's own:
//
// | state     | event                                          | state | effects |
// |-----------|------------------------------------------------|-------|-----------------------------------|
// | candidate | wins (election)                                | leads | AppendEntries no-op,
// Append to all| | leads     | Propose                                        | leads |
// ProposalRefused                   | | leads     | a majority has an entry of this term on disk |
// ready | CommitTo                          | | ready     | Propose | ready | AppendEntries, Append
// to all      | | leads     | heartbeat due                                  | leads | Heartbeat to
// all                  | | leads     | a later term (election)                        | -     |
// RoleChanged                       |
//
// The own disk is one member among others: it writes while the followers' entries are under way,
// and counts only when it has reported (dissertation 10.2.1).
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// A candidate that has won takes over.
void lead(State* state, Effects* effects);

// Heartbeats, if this member leads and they are due.
void tick_leader(State* state, Effects* effects);

void propose(State* state, const Propose& event, Effects* effects);

void on_append_reply(State* state, NodeId from, const AppendReply& reply, Effects* effects);
void on_append_reject(State* state, NodeId from, const AppendReject& reject, Effects* effects);
void on_heartbeat_reply(State* state, NodeId from, const HeartbeatReply& reply, Effects* effects);

// Commits what a majority has on disk, counting entries of the own term only: an older term's entry
// may be on a majority and still be overwritten (paper, figure 8); it is committed along with them.
void advance_leader_commit(State* state, Effects* effects);

}  // namespace pawl::raft
