#include "raft/raft.h"

#include <algorithm>

#include "base/check.h"
#include "raft/append.h"
#include "raft/change.h"
#include "raft/durability.h"
#include "raft/election.h"
#include "raft/install.h"
#include "raft/read_index.h"
#include "raft/replication.h"
#include "raft/transfer.h"

namespace pawl::raft {
namespace {

void check_config(const Config& config) {
  PAWL_CHECK(config.self.v != 0);
  PAWL_CHECK(config.heartbeat_ms > 0);
  PAWL_CHECK(config.heartbeat_ms < config.election_timeout_ms_min);
  PAWL_CHECK(config.election_timeout_ms_min <= config.election_timeout_ms_max);
  PAWL_CHECK(config.append_entries_max > 0);
  PAWL_CHECK(config.append_entries_max <= limits::kAppendEntriesMax);
  PAWL_CHECK(config.append_bytes_max > 0);
  PAWL_CHECK(config.snapshot_chunk_bytes > 0);
  PAWL_CHECK(config.snapshot_chunk_bytes <= limits::kSnapshotChunkBytes);
  PAWL_CHECK(config.inflight_messages_max > 0);
  PAWL_CHECK(config.inflight_messages_max <= limits::kInflightMessagesMax);
  PAWL_CHECK(config.uncommitted_entries_max > 0);
}

// A message of an older term: its sender must learn of the newer one, if it acts on the old.
void answer_outdated(State* state, const Message& message, Effects* effects) {
  if (std::holds_alternative<VoteRequest>(message.body)) {
    send(state, message.from, VoteReply{false}, effects);
  } else if (is_from_leader(message.body)) {
    send(state, message.from, HeartbeatReply{}, effects);
  }
}

// One overload for each body, all of the current term.
struct Dispatch {
  State* state;
  NodeId from;
  const Receive& receipt;
  Effects* effects;

  void operator()(const PreVoteRequest&) const { PAWL_UNREACHABLE(); }
  void operator()(const PreVoteReply&) const { PAWL_UNREACHABLE(); }
  void operator()(const VoteRequest& b) const { on_vote_request(state, from, b, effects); }
  void operator()(const VoteReply& b) const { on_vote_reply(state, from, b, effects); }
  void operator()(const Append& b) const { on_append(state, from, b, receipt, effects); }
  void operator()(const AppendReply& b) const { on_append_reply(state, from, b, effects); }
  void operator()(const AppendReject& b) const { on_append_reject(state, from, b, effects); }
  void operator()(const Heartbeat& b) const { on_heartbeat(state, from, b, effects); }
  void operator()(const HeartbeatReply& b) const { on_heartbeat_reply(state, from, b, effects); }
  void operator()(const SnapshotChunk& b) const { on_snapshot_chunk(state, b, effects); }
  void operator()(const SnapshotReply& b) const { on_snapshot_reply(state, from, b, effects); }
  void operator()(const TimeoutNow&) const { on_timeout_now(state, effects); }
};

// Any sender is listened to but for what makes no sense: it may be a member by a newer membership
// than this log's (dissertation 4.2.2). That it is who it says it is, and no stranger to the
// cluster, is the driver's to check.
bool is_acceptable(const State& state, const Receive& receipt) {
  const Message& message = receipt.message;
  if (!well_formed(message) || message.to != state.config.self) return false;
  if (const auto* append = std::get_if<Append>(&message.body); append && append->membership) {
    if (receipt.membership == nullptr || !well_formed(*receipt.membership)) return false;
  }
  // A leader knows whom it has asked; one that it has not does not depose it by answering.
  return state.role != Role::leader || !is_reply(message.body) ||
         state.peer(message.from) != nullptr;
}

// A request for a vote that is not even looked at (dissertation 4.2.3).
bool is_disruptive(const State& state, const Message& message) {
  const auto* request = std::get_if<VoteRequest>(&message.body);
  return request != nullptr && !request->transfer && message.term > state.hard.term &&
         leader_is_alive(state);
}

void receive(State* state, const Receive& receipt, Effects* effects) {
  const Message& message = receipt.message;
  if (!is_acceptable(*state, receipt)) {
    ++state->messages_refused;
    return;
  }
  // Pre-votes change no term by themselves and may cross terms.
  if (const auto* request = std::get_if<PreVoteRequest>(&message.body)) {
    on_pre_vote_request(state, message.from, message.term, *request, effects);
    return;
  }
  if (is_disruptive(*state, message)) return;
  const bool from_leader = is_from_leader(message.body);
  if (message.term > state->hard.term) {
    become_follower(state, message.term, from_leader ? message.from : NodeId(0), effects);
  }
  if (const auto* reply = std::get_if<PreVoteReply>(&message.body)) {
    on_pre_vote_reply(state, message.from, *reply, effects);
    return;
  }
  const bool old_ack = planted(Bug::count_old_term_acks) && is_reply(message.body);
  if (message.term < state->hard.term && !old_ack) {
    answer_outdated(state, message, effects);
    return;
  }
  if (from_leader) {
    become_follower(state, message.term, message.from, effects);
    heard_from_leader(state);
  }
  std::visit(Dispatch{state, message.from, receipt, effects}, message.body);
}

void tick(State* state, const Tick& event, Effects* effects) {
  state->now_ms = std::max(state->now_ms, event.now_ms);
  state->random = event.random;
  if (state->promised.index.v > 0 && state->hard.term <= state->spent) {
    become_follower(state, state->spent.next(), NodeId(0), effects);
  }
  tick_leader(state, effects);
  tick_election(state, effects);
}

void compacted(State* state, const Compacted& event) {
  PAWL_CHECK(event.through <= state->commit);
  PAWL_CHECK(event.through <= state->durable);
  state->trail.drop_through(event.through);
}

// One overload for each event.
struct Step {
  State* state;
  Effects* effects;

  void operator()(const Tick& e) const { tick(state, e, effects); }
  void operator()(const Campaign&) const { campaign(state, effects); }
  void operator()(const Propose& e) const { propose(state, e, effects); }
  void operator()(const Replicate&) const {
    if (state->role == Role::leader) send_more_to_all(state, effects);
  }
  void operator()(const Receive& e) const { receive(state, e, effects); }
  void operator()(const EntriesPersisted& e) const {
    if (!entries_persisted(state, e)) return;
    if (state->role == Role::leader) {
      advance_leader_commit(state, effects);
    } else {
      on_follower_durable(state, effects);
    }
  }
  void operator()(const HardStatePersisted& e) const {
    if (!hard_state_persisted(state, e, effects)) return;
    on_own_vote_durable(state, effects);
    advance_leader_commit(state, effects);
  }
  void operator()(const Compacted& e) const { compacted(state, e); }
  void operator()(const ChangeMembership& e) const { change_membership(state, e, effects); }
  void operator()(const TransferLeadership& e) const { transfer_leadership(state, e, effects); }
  void operator()(const AbortTransfer&) const {
    end_transfer(state, TransferEnded::Outcome::aborted, effects);
  }
  void operator()(const Unreachable& e) const { lose_sight(state, e.peer); }
  void operator()(const SetCandidacy& e) const { state->config.may_campaign = e.may_campaign; }
  void operator()(const SetElectionTimeout& e) const {
    Config& config = state->config;
    PAWL_CHECK(config.heartbeat_ms < e.ms_min && e.ms_min <= e.ms_max);
    config.election_timeout_ms_min = e.ms_min;
    config.election_timeout_ms_max = e.ms_max;
  }
  void operator()(const ReadIndex& e) const { read_index(state, e, effects); }
  void operator()(const SnapshotAvailable& e) const {
    snapshot_available(state, e.snapshot, effects);
  }
  void operator()(const SnapshotLost& e) const { snapshot_lost(state, e.last, effects); }
  void operator()(const SnapshotChunkStored& e) const { snapshot_chunk_stored(state, e, effects); }
  void operator()(const SnapshotReceived& e) const { snapshot_received(state, e, effects); }
};

}  // namespace

Raft::Raft(const Config& config, const Restored& restored, const Tick& now) {
  check_config(config);
  PAWL_CHECK(restored.trail.last().term <= restored.hard.term);
  PAWL_CHECK(restored.trail.floor().index <= restored.commit);
  PAWL_CHECK(restored.commit <= restored.trail.last().index);
  PAWL_CHECK(restored.incoming_stored <= restored.incoming.bytes);
  state_.config = config;
  state_.hard = state_.hard_durable = restored.hard;
  state_.trail = restored.trail;
  if (!config.voters.empty()) {
    Membership founders;
    founders.voters = config.voters;
    state_.trail.found(std::make_shared<const Membership>(founders));
  }
  state_.snapshot = restored.snapshot;
  state_.incoming.snapshot = restored.incoming;
  state_.incoming.stored = restored.incoming_stored;
  state_.durable = restored.trail.last().index;
  state_.promised = restored.promised;
  state_.spent = restored.spent;
  state_.commit = state_.verified = state_.leader_commit = restored.commit;
  state_.now_ms = now.now_ms;
  state_.random = now.random;
  state_.held.reserve(limits::kHeldMessagesMax);
  restart_election_timeout(&state_);
}

void Raft::step(const Event& event, Effects* effects) {
  PAWL_CHECK(effects != nullptr);
  std::visit(Step{&state_, effects}, event);
}

}  // namespace pawl::raft
