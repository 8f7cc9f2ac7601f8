// The follower's side: taking over the leader's log, acknowledging it, and learning what is
// committed.
//
// clang-format off
// | log                   | event                                   | log             | effects                  |
// |-----------------------|-----------------------------------------|-----------------|--------------------------|
// | lacks prev            | Append                                  | unchanged       | AppendReject with a hint |
// | has prev, not entries | Append                                  | entries added   | AppendEntries            |
// | has prev, conflicts   | Append                                  | cut, then added | AppendEntries, truncates |
// | has prev and entries  | Append                                  | unchanged       | AppendReply, if on disk  |
// | entries on their way  | EntriesPersisted                        | on disk         | AppendReply, CommitTo    |
// | verified and on disk  | Append or Heartbeat with a later commit | committed       | CommitTo                 |
// clang-format on
//
// Entries past those of an Append are kept if nothing conflicts: the message may be an old one
// (paper 5.3). A membership is in force with the entry that brings it (MembershipChanged), and no
// more if that is cut.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// Each from the leader of the current term, which this member follows. `receipt` is the event that
// brought the Append.
void on_append(State* state, NodeId from, const Append& append, const Receive& receipt,
               Effects* effects);
void on_heartbeat(State* state, NodeId from, const Heartbeat& heartbeat, Effects* effects);

// durable rose: tells the leader, and commits what waited for it.
void on_follower_durable(State* state, Effects* effects);

// Tells the leader what this member has of its log.
void acknowledge_log(State* state, Effects* effects);

}  // namespace pawl::raft
