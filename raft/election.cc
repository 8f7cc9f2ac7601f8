#include "raft/election.h"

#include <algorithm>

#include "base/check.h"
#include "raft/durability.h"
#include "raft/read_index.h"
#include "raft/replication.h"
#include "raft/transfer.h"

namespace pawl::raft {
namespace {

void change_role(State* state, Role role, NodeId leader, Effects* effects) {
  state->role = role;
  state->leader = leader;
  effects->push_back(RoleChanged{role, state->hard.term, leader});
}

// The log of a new term's leader is unknown but for this: it holds all that is committed (leader
// completeness, paper 5.4.3).
void forget_leader_log(State* state) {
  state->verified = state->commit;
  state->leader_commit = state->commit;
  state->leader_round = Round(0);
}

// What only a leader keeps goes.
void leave_leadership(State* state, Effects* effects) {
  refuse_reads(state, effects);
  end_transfer(state, TransferEnded::Outcome::yielded, effects);
  state->peers.clear();
  state->snapshot_asked = false;
}

void enter_term(State* state, HardState hard, Effects* effects) {
  PAWL_CHECK(hard.term > state->hard.term);
  save_hard_state(state, hard, effects);
  forget_leader_log(state);
}

void clear_ballots(State* state) {
  state->electors = state->membership().all_voters();
  state->ballots.assign(state->electors.size(), Ballot::open);
}

// The ballot of a voter; null if it is none.
const Ballot* ballot_of(const State& state, NodeId voter) {
  const auto found = std::lower_bound(state.electors.begin(), state.electors.end(), voter);
  if (found == state.electors.end() || *found != voter) return nullptr;
  return &state.ballots[static_cast<std::size_t>(found - state.electors.begin())];
}

// The first answer of a voter counts, a repeated one changes nothing, nor does a stranger's.
Verdict cast(State* state, NodeId voter, bool granted) {
  if (const Ballot* known = ballot_of(*state, voter); known != nullptr && *known == Ballot::open) {
    state->ballots[static_cast<std::size_t>(known - state->ballots.data())] =
        granted ? Ballot::granted : Ballot::denied;
  }
  return tally(state->membership(), [&](NodeId id) { return *ballot_of(*state, id); });
}

void ask_all(State* state, const Body& body, Effects* effects) {
  for (const NodeId voter : state->electors) {
    if (voter != state->config.self) send(state, voter, body, effects);
  }
}

void start_election(State* state, bool transfer, Effects* effects) {
  enter_term(state, {state->hard.term.next(), state->config.self}, effects);
  change_role(state, Role::candidate, NodeId(0), effects);
  clear_ballots(state);
  restart_election_timeout(state);
  if (state->only_voter()) {
    // Nobody else votes or reads, so the vote's write need not be awaited: no message leaves and
    // nothing commits before it is durable, and in the journal it precedes this term's entries.
    lead(state, effects);
    return;
  }
  ask_all(state, VoteRequest{state->trail.last(), transfer}, effects);
}

// Paper 5.4.1; of a member that has lost entries also by the log that it had.
bool log_suffices(const State& state, EntryId last) {
  const bool has_promised =
      at_least_as_current(last, state.promised) || planted(Bug::vote_below_promise);
  return (has_promised && at_least_as_current(last, state.trail.last())) ||
         planted(Bug::vote_for_short_log);
}

bool may_campaign(const State& state) {
  return state.config.may_campaign && (state.keeps_promise() || planted(Bug::vote_below_promise));
}

void start_pre_vote(State* state, Effects* effects) {
  change_role(state, Role::pre_candidate, NodeId(0), effects);
  clear_ballots(state);
  restart_election_timeout(state);
  cast(state, state->config.self, true);
  ask_all(state, PreVoteRequest{state->hard.term.next(), state->trail.last()}, effects);
}

}  // namespace

void restart_election_timeout(State* state) {
  const Config& config = state->config;
  const auto width = static_cast<std::uint64_t>(config.election_timeout_ms_max -
                                                config.election_timeout_ms_min + 1);
  state->election_deadline_ms = state->now_ms + config.election_timeout_ms_min +
                                static_cast<std::int64_t>(state->random % width);
}

bool leader_is_alive(const State& state) {
  if (state.leader.v == 0) return false;
  if (state.role == Role::leader) return quorum_heard(state, state.config.election_timeout_ms_min);
  return state.now_ms - state.leader_heard_ms < state.config.election_timeout_ms_min;
}

void heard_from_leader(State* state) {
  PAWL_CHECK(state->role == Role::follower);
  PAWL_CHECK(state->leader.v != 0);
  state->leader_heard_ms = state->now_ms;
  restart_election_timeout(state);
}

void lose_sight(State* state, NodeId peer) {
  if (state->role != Role::follower || state->leader != peer) return;
  const std::int64_t shortest = state->config.election_timeout_ms_min;
  state->leader_heard_ms = std::min(state->leader_heard_ms, state->now_ms - shortest);
  std::int64_t rank = 0;
  for (const NodeId voter : state->membership().voters) {
    if (voter < state->config.self && voter != peer) ++rank;
  }
  const std::uint64_t chance = state->random % (static_cast<std::uint64_t>(shortest) / 16 + 1);
  const std::int64_t wait =
      std::min(rank * (shortest / 4) + static_cast<std::int64_t>(chance), shortest);
  state->election_deadline_ms = std::min(state->election_deadline_ms, state->now_ms + wait);
}

void become_follower(State* state, Term term, NodeId leader, Effects* effects) {
  PAWL_CHECK(term >= state->hard.term);
  // Within a term a leader neither yields nor is replaced.
  if (term == state->hard.term) {
    PAWL_CHECK(state->role != Role::leader);
    PAWL_CHECK(state->leader.v == 0 || state->leader == leader);
  }
  const bool led = state->role == Role::leader;
  const bool changed = state->role != Role::follower || state->leader != leader;
  if (term > state->hard.term) {
    enter_term(state, {term, NodeId(0)}, effects);
  } else if (!changed) {
    return;
  }
  if (led) leave_leadership(state, effects);
  change_role(state, Role::follower, leader, effects);
  if (led) restart_election_timeout(state);
}

void step_down(State* state, Effects* effects) {
  PAWL_CHECK(state->role == Role::leader);
  leave_leadership(state, effects);
  // Nothing in its log is another leader's of this term; the next term sorts out the rest.
  forget_leader_log(state);
  change_role(state, Role::follower, NodeId(0), effects);
  restart_election_timeout(state);
}

void campaign(State* state, Effects* effects) {
  if (state->role == Role::leader || !state->may_lead() || !may_campaign(*state)) return;
  if (state->only_voter()) {
    start_election(state, false, effects);
  } else {
    start_pre_vote(state, effects);
  }
}

void campaign_for_transfer(State* state, Effects* effects) {
  if (!state->is_voter() || !may_campaign(*state)) return;
  start_election(state, true, effects);
}

void tick_election(State* state, Effects* effects) {
  if (state->role == Role::leader) return;
  if (state->only_voter() || state->now_ms >= state->election_deadline_ms) campaign(state, effects);
}

void on_pre_vote_request(State* state, NodeId from, Term term, const PreVoteRequest& request,
                         Effects* effects) {
  const bool settled = leader_is_alive(*state);
  // A leader or a follower of a living one keeps its term; others may as well learn of a later one.
  if (!settled && term > state->hard.term) become_follower(state, term, NodeId(0), effects);
  const bool granted = !settled && request.next > state->hard.term && state->membership().known() &&
                       log_suffices(*state, request.last);
  send(state, from, PreVoteReply{request.next, granted}, effects);
}

void on_pre_vote_reply(State* state, NodeId from, const PreVoteReply& reply, Effects* effects) {
  if (state->role != Role::pre_candidate || reply.next != state->hard.term.next()) return;
  switch (cast(state, from, reply.granted)) {
    case Verdict::won:
      start_election(state, false, effects);
      break;
    case Verdict::lost:
      become_follower(state, state->hard.term, NodeId(0), effects);
      break;
    case Verdict::open:
      break;
  }
}

void on_vote_request(State* state, NodeId from, const VoteRequest& request, Effects* effects) {
  const HardState& hard = state->hard;
  const bool free = hard.vote == from || (hard.vote.v == 0 && state->leader.v == 0);
  const bool granted = free && state->membership().known() && log_suffices(*state, request.last);
  if (granted) {
    save_hard_state(state, {hard.term, from}, effects);
    restart_election_timeout(state);
  }
  if (planted(Bug::vote_before_hard_state)) {
    const NodeId self = state->config.self;
    effects->push_back(Send{{self, from, state->hard.term, VoteReply{granted}}});
    return;
  }
  send(state, from, VoteReply{granted}, effects);
}

void on_vote_reply(State* state, NodeId from, const VoteReply& reply, Effects* effects) {
  if (state->role != Role::candidate) return;
  switch (cast(state, from, reply.granted)) {
    case Verdict::won:
      lead(state, effects);
      break;
    case Verdict::lost:
      become_follower(state, state->hard.term, NodeId(0), effects);
      break;
    case Verdict::open:
      break;
  }
}

void on_own_vote_durable(State* state, Effects* effects) {
  if (state->role != Role::candidate) return;
  PAWL_CHECK(state->hard_durable.vote == state->config.self);
  on_vote_reply(state, state->config.self, VoteReply{true}, effects);
}

}  // namespace pawl::raft
