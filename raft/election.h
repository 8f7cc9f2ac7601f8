// Who leads: time-outs, pre-votes, votes, and the changes of role.
//
// clang-format off
// | role          | event                                           | role          | effects                      |
// |---------------|-------------------------------------------------|---------------|------------------------------|
// | follower      | election timeout, Campaign                      | pre-candidate | pre-vote requests            |
// | follower      | the same, as the only voter                     | leader        | SaveHardState, no-op         |
// | follower      | TimeoutNow from its leader                      | candidate     | SaveHardState, vote requests |
// | pre-candidate | a quorum would vote for it                      | candidate     | SaveHardState, vote requests |
// | pre-candidate | a quorum would not                              | follower      |                              |
// | pre-candidate | election timeout                                | pre-candidate | pre-vote requests            |
// | candidate     | a quorum voted for it, own vote on disk         | leader        | no-op, Appends               |
// | candidate     | a quorum cannot be had any more                 | follower      |                              |
// | candidate     | election timeout                                | pre-candidate | pre-vote requests            |
// | leader        | no quorum heard for the longest timeout         | follower      |                              |
// | leader        | committed: a membership in which it has no vote | follower      | TimeoutNow to a voter        |
// | any           | a message of a later term                       | follower      | SaveHardState                |
// | (pre-)cand.   | a leader's message of its own term              | follower      |                              |
// clang-format on
//
// A vote request (or pre-vote) to a member that heard from a living leader, or to a leader that has
// lately heard a quorum, is refused without looking at its term (dissertation 4.2.3): a member that
// cannot hear the leader, or was removed and does not know, does not depose it. A leader that hands
// over says so, and its successor's request carries it.
//
// A member whose vote was taken away by an entry that is not known to be committed campaigns all
// the same, without counting itself (State::may_lead).
//
// Who asks for a vote is not looked up in the membership, nor is it asked whether this member has
// one: either may be so by a newer membership than this log's (4.2.2). But a member that knows of
// no membership at all gives no vote: nobody became a voter with an empty log, so this one had a
// log and has lost it, and its votes with it.
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
// this member leads, may not lead (State), or may not campaign.
void campaign(State* state, Effects* effects);

// The leader of this term hands over to this member: an election without a pre-vote. Nothing if it
// is not a voter or may not campaign.
void campaign_for_transfer(State* state, Effects* effects);

// Follows `leader` (0: not known) in `term`, which is not older than the current one.
void become_follower(State* state, Term term, NodeId leader, Effects* effects);

// A leader gives up without another being known. In its term it votes for nobody else.
void step_down(State* state, Effects* effects);

// A sign of life from the leader of this term: restarts the election timeout.
void heard_from_leader(State* state);

// The member can't be reached. Of its leader a follower no longer says that it is alive, and its
// election timeout ends soon: at once for the voter of the lowest id, a quarter of the shortest
// timeout later for each that follows, since all of them have lost it at the same moment and must
// not campaign at the same moment too.
void lose_sight(State* state, NodeId peer);

// Whether this follower has a leader that it heard from lately, or this leader heard a quorum.
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
