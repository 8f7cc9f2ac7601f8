#include "raft/transfer.h"

#include "base/check.h"
#include "raft/durability.h"
#include "raft/election.h"

namespace pawl::raft {

using Outcome = TransferEnded::Outcome;

void transfer_leadership(State* state, const TransferLeadership& event, Effects* effects) {
  const bool fits = state->role == Role::leader && event.to != state->config.self &&
                    state->membership().is_voter(event.to) && state->transfer.to.v == 0;
  if (!fits) {
    effects->push_back(TransferEnded{event.to, Outcome::refused});
    return;
  }
  state->transfer = {event.to, state->now_ms + state->config.election_timeout_ms_max, false};
  advance_transfer(state, effects);
}

void end_transfer(State* state, Outcome outcome, Effects* effects) {
  if (state->transfer.to.v == 0) return;
  effects->push_back(TransferEnded{state->transfer.to, outcome});
  state->transfer = Transfer();
}

void advance_transfer(State* state, Effects* effects) {
  Transfer& transfer = state->transfer;
  if (transfer.to.v == 0 || transfer.asked) return;
  PAWL_CHECK(state->role == Role::leader);
  const Progress* target = state->peer(transfer.to);
  if (target == nullptr || target->match != state->trail.last().index) return;
  transfer.asked = true;
  send(state, transfer.to, TimeoutNow{}, effects);
}

void repeat_transfer(State* state, NodeId from, Effects* effects) {
  if (state->transfer.to.v == 0 || state->transfer.to != from) return;
  state->transfer.asked = false;
  advance_transfer(state, effects);
}

void tick_transfer(State* state, Effects* effects) {
  if (state->transfer.to.v == 0 || state->now_ms < state->transfer.deadline_ms) return;
  end_transfer(state, Outcome::timed_out, effects);
}

void on_timeout_now(State* state, Effects* effects) {
  PAWL_CHECK(state->role == Role::follower);
  campaign_for_transfer(state, effects);
}

}  // namespace pawl::raft
