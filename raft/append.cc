#include "raft/append.h"

#include <algorithm>

#include "base/check.h"
#include "raft/durability.h"

namespace pawl::raft {
namespace {

void learn_commit(State* state, Index leader_commit, Effects* effects) {
  state->leader_commit = std::max(state->leader_commit, leader_commit);
  // Only what is known to be the leader's, and is on this disk (effect.h says why).
  Index reached = std::min({state->leader_commit, state->verified, state->durable});
  if (planted(Bug::commit_unverified)) reached = std::min(state->leader_commit, state->durable);
  if (reached <= state->commit) return;
  state->commit = reached;
  effects->push_back(CommitTo{reached});
}

// What may be acknowledged.
Index match_of(const State& state) { return std::min(state.durable, state.verified); }

void reject(State* state, NodeId from, EntryId prev, Effects* effects) {
  const EntryId hint =
      state->trail.last_not_after({prev.index.prev(), prev.term}).value_or(state->trail.floor());
  send(state, from, AppendReject{prev.index, hint, state->leader_round}, effects);
}

// Adds the entries of `append` that the log lacks, `first` and later; cuts what conflicts.
void take_over(State* state, Index first, const Append& append, const Receive& receipt,
               Effects* effects) {
  const Index through = append.through();
  const Index before = first.prev();
  // A committed entry that the message covers is of the message's term, or history has split.
  PAWL_CHECK(before == append.prev.index || state->trail.holds({before, append.entries_term}));
  Index at = first;
  if (at <= state->trail.last().index) {
    // Terms never fall along a log, so the entries that are already there are one run.
    const Trail::Run run = state->trail.run_at(at);
    if (run.term == append.entries_term) at = std::min(run.last, through).next();
  }
  if (at > through) return;
  const bool conflicts = at <= state->trail.last().index;
  if (conflicts) truncate_from(state, at, effects);
  constexpr auto kSource = AppendEntries::Source::message;
  if (append.membership) {
    append_membership(state, append.entries_term, receipt.membership, receipt.bytes, kSource,
                      conflicts, effects);
  } else {
    append_entries(state, append.entries_term, through.v - at.v + 1, receipt.bytes, kSource,
                   conflicts, effects);
  }
}

void note_round(State* state, Round round) {
  state->leader_round = std::max(state->leader_round, round);
}

}  // namespace

void on_append(State* state, NodeId from, const Append& append, const Receive& receipt,
               Effects* effects) {
  PAWL_CHECK(state->role == Role::follower && state->leader == from);
  note_round(state, append.round);
  const Index through = append.through();
  // What is committed is the same in every leader's log: it need not be, and where it lies under
  // the floor cannot be, compared.
  if (append.prev.index > state->commit && !state->trail.holds(append.prev)) {
    reject(state, from, append.prev, effects);
    return;
  }
  const Index first = std::max(append.prev.index, state->commit).next();
  if (first <= through) take_over(state, first, append, receipt, effects);
  state->verified = std::max(state->verified, through);
  learn_commit(state, append.commit, effects);
  // An empty Append is a question; entries that are still on their way to the disk are
  // acknowledged when they get there.
  if (append.count == 0 || state->durable >= through) acknowledge_log(state, effects);
}

void on_heartbeat(State* state, NodeId from, const Heartbeat& heartbeat, Effects* effects) {
  PAWL_CHECK(state->role == Role::follower && state->leader == from);
  note_round(state, heartbeat.round);
  learn_commit(state, heartbeat.commit, effects);
  send(state, from, HeartbeatReply{match_of(*state), state->verified, state->leader_round},
       effects);
}

void on_follower_durable(State* state, Effects* effects) {
  if (state->leader.v == 0) return;
  PAWL_CHECK(state->role == Role::follower);
  learn_commit(state, state->leader_commit, effects);
  acknowledge_log(state, effects);
}

void acknowledge_log(State* state, Effects* effects) {
  PAWL_CHECK(state->leader.v != 0);
  send(state, state->leader, AppendReply{match_of(*state), state->verified, state->leader_round},
       effects);
}

}  // namespace pawl::raft
