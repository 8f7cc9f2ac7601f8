// Reads that see all that was committed before they were asked for, without an entry of their own
// (dissertation 6.4): a leader notes its commit, and answers once a quorum has shown, in a round
// begun afterwards, that it was still following it.
//
// clang-format off
// | read     | event                                             | read     | effects                                 |
// |----------|---------------------------------------------------|----------|-----------------------------------------|
// | (new)    | ReadIndex to a member that does not lead          | -        | ReadRefused                             |
// | (new)    | to a leader without a committed entry of its term | no index |                                         |
// | (new)    | to a ready leader                                 | indexed  | Heartbeats, unless a round is under way |
// | no index | the first entry of the term is committed          | indexed  | likewise                                |
// | indexed  | a round begins                                    | in round | Heartbeats                              |
// | in round | a quorum has answered that round or a later one   | -        | ReadReady                               |
// | any      | the leader leads no more                          | -        | ReadRefused                             |
// clang-format on
//
// At most one round of reads is under way: those that come meanwhile share the next. A lost round
// is made good by the next heartbeat. What a quorum answers is bound to the term (by the message)
// and to the round, never to the caller's context; so a late or repeated answer proves nothing new.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

void read_index(State* state, const ReadIndex& event, Effects* effects);

// Begins a round: a Heartbeat to each member. Reads without one take it.
void begin_round(State* state, Effects* effects);

// A follower has answered, or the membership has changed: answers what is confirmed.
void confirm_reads(State* state, Effects* effects);

// The first entry of the term is committed.
void index_early_reads(State* state, Effects* effects);

// The leader leads no more.
void refuse_reads(State* state, Effects* effects);

}  // namespace pawl::raft
