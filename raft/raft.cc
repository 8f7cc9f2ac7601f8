#include "raft/raft.h"

#include <algorithm>

#include "base/check.h"
#include "raft/append.h"
#include "raft/durability.h"
#include "raft/election.h"
#include "raft/replication.h"

namespace pawl::raft {
namespace {

void check_config(const Config& config) {
  const std::vector<NodeId>& voters = config.voters;
  PAWL_CHECK(config.self.v != 0);
  PAWL_CHECK(!voters.empty());
  PAWL_CHECK(voters.size() <= limits::kVotersMax);
  PAWL_CHECK(voters.front().v != 0);
  PAWL_CHECK(std::is_sorted(voters.begin(), voters.end()));
  PAWL_CHECK(std::adjacent_find(voters.begin(), voters.end()) == voters.end());
  PAWL_CHECK(config.heartbeat_ms > 0);
  PAWL_CHECK(config.heartbeat_ms < config.election_timeout_ms_min);
  PAWL_CHECK(config.election_timeout_ms_min <= config.election_timeout_ms_max);
  PAWL_CHECK(config.append_entries_max > 0);
  PAWL_CHECK(config.append_entries_max <= limits::kAppendEntriesMax);
  PAWL_CHECK(config.inflight_messages_max > 0);
  PAWL_CHECK(config.inflight_messages_max <= limits::kInflightMessagesMax);
  PAWL_CHECK(config.uncommitted_entries_max > 0);
}

// A message of an older term: its sender must learn of the newer one, if it acts on the old.
void answer_outdated(State* state, const Message& message, Effects* effects) {
  if (std::holds_alternative<VoteRequest>(message.body)) {
    send(state, message.from, VoteReply{false}, effects);
  } else if (std::holds_alternative<Append>(message.body) ||
             std::holds_alternative<Heartbeat>(message.body)) {
    send(state, message.from, HeartbeatReply{}, effects);
  }
}

bool from_leader(const Message& message) {
  return std::holds_alternative<Append>(message.body) ||
         std::holds_alternative<Heartbeat>(message.body);
}

// One overload for each body, all of the current term.
struct Dispatch {
  State* state;
  NodeId from;
  Effects* effects;

  void operator()(const PreVoteRequest&) const { PAWL_UNREACHABLE(); }
  void operator()(const PreVoteReply&) const { PAWL_UNREACHABLE(); }
  void operator()(const VoteRequest& b) const { on_vote_request(state, from, b, effects); }
  void operator()(const VoteReply& b) const { on_vote_reply(state, from, b, effects); }
  void operator()(const Append& b) const { on_append(state, from, b, effects); }
  void operator()(const AppendReply& b) const { on_append_reply(state, from, b, effects); }
  void operator()(const AppendReject& b) const { on_append_reject(state, from, b, effects); }
  void operator()(const Heartbeat& b) const { on_heartbeat(state, from, b, effects); }
  void operator()(const HeartbeatReply& b) const { on_heartbeat_reply(state, from, b, effects); }
};

void receive(State* state, const Message& message, Effects* effects) {
  const std::vector<NodeId>& voters = state->config.voters;
  if (!well_formed(message) || message.to != state->config.self ||
      !std::binary_search(voters.begin(), voters.end(), message.from)) {
    ++state->messages_refused;
    return;
  }
  // Pre-votes change no term by themselves and may cross terms.
  if (const auto* request = std::get_if<PreVoteRequest>(&message.body)) {
    on_pre_vote_request(state, message.from, message.term, *request, effects);
    return;
  }
  if (std::holds_alternative<VoteRequest>(message.body) && message.term > state->hard.term &&
      state->role != Role::leader && leader_is_alive(*state)) {
    return;
  }
  if (message.term > state->hard.term) {
    become_follower(state, message.term, from_leader(message) ? message.from : NodeId(0), effects);
  }
  if (const auto* reply = std::get_if<PreVoteReply>(&message.body)) {
    on_pre_vote_reply(state, message.from, *reply, effects);
    return;
  }
  if (message.term < state->hard.term) {
    answer_outdated(state, message, effects);
    return;
  }
  if (from_leader(message)) {
    become_follower(state, message.term, message.from, effects);
    heard_from_leader(state);
  }
  std::visit(Dispatch{state, message.from, effects}, message.body);
}

void tick(State* state, const Tick& event, Effects* effects) {
  state->now_ms = std::max(state->now_ms, event.now_ms);
  state->random = event.random;
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
  void operator()(const Receive& e) const { receive(state, e.message, effects); }
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
};

}  // namespace

Raft::Raft(const Config& config, const Restored& restored, const Tick& now) {
  check_config(config);
  PAWL_CHECK(restored.trail.last().term <= restored.hard.term);
  PAWL_CHECK(restored.trail.floor().index <= restored.commit);
  PAWL_CHECK(restored.commit <= restored.trail.last().index);
  state_.config = config;
  state_.hard = state_.hard_durable = restored.hard;
  state_.trail = restored.trail;
  state_.durable = restored.trail.last().index;
  state_.commit = state_.verified = state_.leader_commit = restored.commit;
  state_.now_ms = now.now_ms;
  state_.random = now.random;
  state_.held.reserve(limits::kHeldMessagesMax);
  state_.peers.reserve(config.voters.size());
  restart_election_timeout(&state_);
}

void Raft::step(const Event& event, Effects* effects) {
  PAWL_CHECK(effects != nullptr);
  std::visit(Step{&state_, effects}, event);
}

}  // namespace pawl::raft
