// Who leads: time-outs, pre-votes, votes, and the changes of role.
//
// | role          | event                                        | role          | effects |
// |---------------|----------------------------------------------|---------------|--------------------------------|
// | follower      | election timeout, Campaign                   | pre-candidate | pre-vote
// requests              | | follower      | the same, as the only voter                  | leader
// | SaveHardState, no-op           | | pre-candidate | a majority would vote for it | candidate |
// SaveHardState, vote requests   | | pre-candidate | a majority would not                         |
// follower      |                                | | pre-candidate | election timeout |
// pre-candidate | pre-vote requests              | | candidate     | a majority voted for it, own
// vote on disk    | leader        | no-op, Appends                 | | candidate     | a majority
// denied                            | follower      |                                | | candidate
// | election timeout                             | pre-candidate | pre-vote requests              |
// | any           | a message of a later term                    | follower      | SaveHardState |
// | (pre-)cand.   | Append or Heartbeat of its own term          | follower      | |
//
// A vote request (or pre-vote) to a member that heard from a living leader is refused without
// looking at its term (dissertation 4.2.3): a member that cannot hear the leader does not depose
// it.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// Draws a new election timeout, from now.
void restart_election_timeout(State* state);

// The election timeout, unless this member leads.
void tick_election(State* state, Effects* effects);

// Starts an election: a pre-vote, or at once a term where there is nobody else to ask. Nothing if
// this member leads or is not a voter.
void campaign(State* state, Effects* effects);

// Follows `leader` (0: not known) in `term`, which is not older than the current one.
void become_follower(State* state, Term term, NodeId leader, Effects* effects);

// A sign of life from the leader of this term: restarts the election timeout.
void heard_from_leader(State* state);

// Whether this follower has a leader that it heard from lately.
bool leader_is_alive(const State& state);

void on_pre_vote_request(State* state, NodeId from, Term term, const PreVoteRequest& request,
                         Effects* effects);
void on_pre_vote_reply(State* state, NodeId from, const PreVoteReply& reply, Effects* effects);
// Of the current term.
void on_vote_request(State* state, NodeId from, const VoteRequest& request, Effects* effects);
void on_vote_reply(State* state, NodeId from, const VoteReply& reply, Effects* effects);
// The hard state has become durable: a candidate's vote for itself counts from now on.
void on_own_vote_durable(State* state, Effects* effects);

}  // namespace pawl::raft
