#include "raft/change.h"

#include <algorithm>

#include "base/check.h"
#include "raft/durability.h"
#include "raft/election.h"
#include "raft/read_index.h"
#include "raft/replication.h"
#include "raft/transfer.h"

namespace pawl::raft {
namespace {

using Reason = ChangeRefused::Reason;

// A new voter that had much to receive would hold up every commit meanwhile (dissertation 4.2.1).
// It must also know that it is a member: one that does not gives no vote (election.h).
bool has_caught_up(const State& state, NodeId id) {
  const Progress* p = state.peer(id);
  if (p == nullptr || p->is_lost()) return false;
  const Index known = std::max(state.trail.memberships().index(), state.term_start);
  return p->match >= known && p->match.v + state.config.promotion_lag_max >= state.commit.v;
}

bool change_is_under_way(const State& state) {
  if (planted(Bug::change_while_changing)) return false;
  return state.trail.memberships().index() > state.commit || state.membership().joint();
}

bool refuses(const State& state, const Membership& wish, Reason* reason) {
  const auto because = [&](Reason r) { return *reason = r, true; };
  if (state.role != Role::leader) return because(Reason::not_leader);
  if (state.commit < state.term_start) return because(Reason::not_ready);
  if (state.transfer.to.v > 0) return because(Reason::transferring);
  if (change_is_under_way(state)) return because(Reason::in_progress);
  const Membership& now = state.membership();
  if (wish == now) return because(Reason::unchanged);
  for (const NodeId voter : wish.voters) {
    if (now.is_voter(voter)) continue;
    if (!has_caught_up(state, voter)) return because(Reason::not_caught_up);
  }
  return false;
}

void append_and_send(State* state, const Membership& next, Effects* effects) {
  append_membership(state, state->hard.term, std::make_shared<const Membership>(next), 0,
                    AppendEntries::Source::membership, false, effects);
  follow_membership(state);
  // Those who answered may be enough now, and nobody may be left to answer again.
  confirm_reads(state, effects);
  const Transfer& transfer = state->transfer;
  if (transfer.to.v > 0 && !state->membership().is_voter(transfer.to)) {
    end_transfer(state, TransferEnded::Outcome::aborted, effects);
  }
  send_more_to_all(state, effects);
}

// A voter that has all the leader has goes on without waiting for a timeout.
void ask_successor(State* state, Effects* effects) {
  for (const Progress& p : state->peers) {
    if (p.match != state->trail.last().index || !state->membership().is_voter(p.id)) continue;
    send(state, p.id, TimeoutNow{}, effects);
    return;
  }
}

}  // namespace

void change_membership(State* state, const ChangeMembership& event, Effects* effects) {
  PAWL_CHECK(event.wish != nullptr);
  PAWL_CHECK(well_formed(*event.wish));
  PAWL_CHECK(!event.wish->joint());
  Reason reason = Reason::not_leader;
  if (refuses(*state, *event.wish, &reason)) {
    effects->push_back(ChangeRefused{reason});
    return;
  }
  if (planted(Bug::change_while_changing)) {
    append_and_send(state, *event.wish, effects);
    return;
  }
  append_and_send(state, membership_towards(*event.wish, state->membership()), effects);
}

void follow_membership(State* state) {
  PAWL_CHECK(state->role == Role::leader);
  std::vector<Progress> peers;
  for (const NodeId id : state->trail.memberships().current().all_members()) {
    if (id == state->config.self) continue;
    if (const Progress* known = state->peer(id)) {
      peers.push_back(*known);
      continue;
    }
    Progress fresh;
    fresh.id = id;
    fresh.heard_ms = state->now_ms;
    fresh.become_probe(state->trail.last().index.next());
    peers.push_back(fresh);
  }
  state->peers = std::move(peers);
}

void finish_change(State* state, Effects* effects) {
  if (state->role != Role::leader || state->commit < state->term_start) return;
  if (state->trail.memberships().index() > state->commit) return;
  if (state->membership().joint()) {
    append_and_send(state, membership_after(state->membership()), effects);
  } else if (!state->is_voter()) {
    ask_successor(state, effects);
    step_down(state, effects);
  }
}

}  // namespace pawl::raft
