#include "raft/replication.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "raft/durability.h"

namespace pawl::raft {
namespace {

// One Append from p->next, as long as its entries' term and the limit allow; may be empty. Returns
// the last index it covers.
Index send_one(State* state, const Progress& p, Effects* effects) {
  const Trail& trail = state->trail;
  Append append;
  append.prev = {p.next.prev(), *trail.term_at(p.next.prev())};
  append.commit = state->commit;
  if (p.next <= trail.last().index) {
    const Trail::Run run = trail.run_at(p.next);
    append.entries_term = run.term;
    append.count = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(run.last.v - p.next.v + 1, state->config.append_entries_max));
  }
  send(state, p.id, append, effects);
  return append.through();
}

// Sends what the follower's mode allows.
void send_more(State* state, Progress* p, Effects* effects) {
  if (p->next <= state->trail.floor().index) {
    p->mode = Progress::Mode::install;
    return;
  }
  switch (p->mode) {
    case Progress::Mode::install:
      p->become_probe(p->next);
      [[fallthrough]];
    case Progress::Mode::probe:
      if (p->probe_sent) return;
      p->probe_sent = true;
      send_one(state, *p, effects);
      return;
    case Progress::Mode::replicate:
      while (p->next <= state->trail.last().index &&
             p->inflight.size() < state->config.inflight_messages_max) {
        const Index through = send_one(state, *p, effects);
        p->inflight.push(through);
        p->next = through.next();
      }
      return;
  }
}

void send_more_to_all(State* state, Effects* effects) {
  for (Progress& p : state->peers) send_more(state, &p, effects);
}

// Takes the follower's word for what it holds; null if it is no follower of ours or claims entries
// that we do not have.
Progress* acknowledge(State* state, NodeId from, Index match, Index received, Effects* effects) {
  if (state->role != Role::leader) return nullptr;
  Progress* p = state->peer(from);
  if (p == nullptr || received > state->trail.last().index) {
    ++state->messages_refused;
    return nullptr;
  }
  if (match > p->match) {
    p->match = match;
    p->next = std::max(p->next, match.next());
    p->inflight.acknowledge(match);
    advance_leader_commit(state, effects);
  }
  return p;
}

}  // namespace

void lead(State* state, Effects* effects) {
  PAWL_CHECK(state->role == Role::candidate);
  PAWL_CHECK(state->hard.vote == state->config.self);
  state->role = Role::leader;
  state->leader = state->config.self;
  state->heartbeat_due_ms = state->now_ms + state->config.heartbeat_ms;
  effects->push_back(RoleChanged{Role::leader, state->hard.term, state->leader});
  state->peers.clear();
  const Index next = state->trail.last().index.next();
  for (const NodeId voter : state->config.voters) {
    if (voter == state->config.self) continue;
    Progress p;
    p.id = voter;
    p.become_probe(next);
    state->peers.push_back(p);
  }
  state->term_start = next;
  append_entries(state, state->hard.term, 1, AppendEntries::Source::noop, false, effects);
  send_more_to_all(state, effects);
}

void tick_leader(State* state, Effects* effects) {
  if (state->role != Role::leader || state->now_ms < state->heartbeat_due_ms) return;
  state->heartbeat_due_ms = state->now_ms + state->config.heartbeat_ms;
  for (Progress& p : state->peers) {
    send(state, p.id, Heartbeat{state->commit}, effects);
    p.heartbeat_sent();
  }
}

void propose(State* state, const Propose& event, Effects* effects) {
  PAWL_CHECK(event.count > 0);
  using Reason = ProposalRefused::Reason;
  if (state->role != Role::leader) {
    effects->push_back(ProposalRefused{Reason::not_leader});
    return;
  }
  if (state->commit < state->term_start) {
    effects->push_back(ProposalRefused{Reason::not_ready});
    return;
  }
  const std::uint64_t uncommitted = state->trail.last().index.v - state->commit.v;
  if (uncommitted + event.count > state->config.uncommitted_entries_max) {
    effects->push_back(ProposalRefused{Reason::uncommitted});
    return;
  }
  append_entries(state, state->hard.term, event.count, AppendEntries::Source::proposal, false,
                 effects);
  send_more_to_all(state, effects);
}

void on_append_reply(State* state, NodeId from, const AppendReply& reply, Effects* effects) {
  Progress* p = acknowledge(state, from, reply.match, reply.received, effects);
  if (p == nullptr) return;
  const Index next = std::max(p->match, reply.received).next();
  if (p->mode == Progress::Mode::replicate) {
    p->next = std::max(p->next, next);
  } else {
    p->become_replicate(next);
  }
  send_more(state, p, effects);
}

void on_append_reject(State* state, NodeId from, const AppendReject& reject, Effects* effects) {
  Progress* p = acknowledge(state, from, Index(0), Index(0), effects);
  if (p == nullptr || p->mode == Progress::Mode::install) return;
  // Of two answers to one question, or an answer overtaken by later ones, the second is noise.
  if (reject.prev <= p->match) return;
  if (p->mode == Progress::Mode::probe && reject.prev != p->next.prev()) return;
  // Both logs agree at the latest where neither's term is past the other's. Without such an entry
  // above our floor the follower needs the snapshot: `next` at the floor says so.
  const std::optional<EntryId> common = state->trail.last_not_after(reject.hint);
  const Index agreed = common ? common->index : state->trail.floor().index.prev();
  const Index next = std::min(std::max(agreed, p->match).next(), reject.prev);
  p->become_probe(std::max(next, p->match.next()));
  send_more(state, p, effects);
}

void on_heartbeat_reply(State* state, NodeId from, const HeartbeatReply& reply, Effects* effects) {
  Progress* p = acknowledge(state, from, reply.match, reply.received, effects);
  if (p == nullptr) return;
  if (p->mode == Progress::Mode::probe) p->probe_sent = false;
  if (p->mode == Progress::Mode::replicate && p->shows_loss(reply.received)) {
    p->become_probe(std::max(p->match, reply.received).next());
  }
  send_more(state, p, effects);
}

void advance_leader_commit(State* state, Effects* effects) {
  if (state->role != Role::leader) return;
  // What the own disk holds of this term's log counts once the term itself is durable.
  std::array<Index, limits::kVotersMax> matches{};
  std::size_t count = 0;
  matches[count++] = state->hard_is_durable() ? state->durable : Index(0);
  for (const Progress& p : state->peers) matches[count++] = p.match;
  const Index reached = reached_by_majority({matches.data(), count});
  if (reached <= state->commit) return;
  if (state->trail.term_at(reached) != state->hard.term) return;
  state->commit = reached;
  effects->push_back(CommitTo{reached});
}

}  // namespace pawl::raft
