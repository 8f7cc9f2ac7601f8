#include "raft/replication.h"

#include <algorithm>

#include "base/check.h"
#include "raft/change.h"
#include "raft/durability.h"
#include "raft/election.h"
#include "raft/quorum.h"
#include "raft/read_index.h"
#include "raft/transfer.h"

namespace pawl::raft {
namespace {

// One Append from p.next, as long as the batch (Trail) and the limits allow; may be empty. Returns
// the last index it covers.
Index send_one(State* state, const Progress& p, Effects* effects) {
  const Trail& trail = state->trail;
  const Config& config = state->config;
  Append append;
  append.prev = {p.next.prev(), *trail.term_at(p.next.prev())};
  append.commit = state->commit;
  append.round = state->round;
  if (p.next <= trail.last().index) {
    const Index end = trail.batch_end(p.next, config.append_entries_max, config.append_bytes_max);
    append.entries_term = *trail.term_at(end);
    append.count = static_cast<std::uint32_t>(end.v - p.next.v + 1);
    append.membership = trail.brings_membership(p.next);
  }
  send(state, p.id, append, effects);
  return append.through();
}

bool window_is_open(const State& state, const Progress& p) {
  return p.inflight.size() < state.config.inflight_messages_max &&
         (p.inflight.size() == 0 || p.inflight.bytes() < state.config.inflight_bytes_max);
}

void send_chunk(State* state, Progress* p, Effects* effects) {
  const Snapshot& s = p->snapshot;
  const std::uint64_t left = s.bytes - p->stored;
  p->chunk_sent = true;
  p->chunk_ms = state->now_ms;
  const auto bytes = std::min<std::uint64_t>(left, state->config.snapshot_chunk_bytes);
  send(state, p->id, SnapshotChunk{s, p->stored, static_cast<std::uint32_t>(bytes), state->round},
       effects);
}

// A snapshot that is being sent is of use as long as the log goes on after it, however many newer
// ones there are: one that replaced it would start from the beginning, and a slow follower would
// never see an end.
void send_snapshot(State* state, Progress* p, Effects* effects) {
  const Index floor = state->trail.floor().index;
  if (p->snapshot.last.index < floor || p->snapshot.last.index.v == 0) {
    if (state->snapshot.last.index < floor) {
      if (!state->snapshot_asked) effects->push_back(SnapshotNeeded{floor});
      state->snapshot_asked = true;
      return;
    }
    p->become_install();
    p->snapshot = state->snapshot;
  }
  if (p->chunk_sent && state->now_ms - p->chunk_ms < state->config.snapshot_retry_ms) return;
  // All of it is there; what is awaited is the AppendReply. Should that get lost, the last chunk
  // again brings another.
  if (p->stored == p->snapshot.bytes) p->stored -= 1;
  send_chunk(state, p, effects);
}

// Sends what the follower's mode allows.
void send_more(State* state, Progress* p, Effects* effects) {
  if (p->mode == Progress::Mode::lost) return;
  if (p->next <= state->trail.floor().index) {
    if (p->mode != Progress::Mode::install) p->become_install();
    send_snapshot(state, p, effects);
    return;
  }
  switch (p->mode) {
    case Progress::Mode::lost:
      return;
    case Progress::Mode::install:
      p->become_probe(p->next);
      [[fallthrough]];
    case Progress::Mode::probe:
      if (p->probe_sent) return;
      p->probe_sent = true;
      send_one(state, *p, effects);
      return;
    case Progress::Mode::replicate:
      while (p->next <= state->trail.last().index && window_is_open(*state, *p)) {
        const Index through = send_one(state, *p, effects);
        p->inflight.push(through, state->trail.bytes(p->next, through));
        p->next = through.next();
      }
      return;
  }
}

// What every answer of a follower says.
struct Answer {
  NodeId from;
  Index match;
  Index received;
  Round round;
};

// Takes the follower's word for what it holds; null if it is no follower of ours, or counts no
// more, or claims what cannot be, or if what its word brought about has ended this leadership.
Progress* acknowledge(State* state, const Answer& answer, Effects* effects) {
  if (state->role != Role::leader) return nullptr;
  Progress* p = state->peer(answer.from);
  const bool impossible = answer.received > state->trail.last().index ||
                          (answer.round > state->round && !planted(Bug::count_old_term_acks));
  if (p == nullptr || impossible) {
    ++state->messages_refused;
    return nullptr;
  }
  if (p->is_lost()) return nullptr;
  p->heard_ms = state->now_ms;
  const bool newer_round = answer.round > p->round;
  const bool newer_match = answer.match > p->match;
  p->round = std::min(std::max(p->round, answer.round), state->round);
  if (newer_match) {
    p->match = answer.match;
    p->match_round = state->round;
    p->next = std::max(p->next, answer.match.next());
    p->inflight.acknowledge(answer.match);
    advance_transfer(state, effects);
    advance_leader_commit(state, effects);
  }
  if (newer_round) confirm_reads(state, effects);
  // Either may have changed the list, or ended it.
  return state->role == Role::leader ? state->peer(answer.from) : nullptr;
}

}  // namespace

bool quorum_heard(const State& state, std::int64_t ms) {
  const std::uint64_t heard = reached_by_quorum(state.membership(), [&](NodeId id) {
    if (id == state.config.self) return std::uint64_t{1};
    const Progress* p = state.peer(id);
    const bool lately = p != nullptr && !p->is_lost() && state.now_ms - p->heard_ms < ms;
    return std::uint64_t{lately ? 1u : 0u};
  });
  return heard > 0;
}

void send_more_to_all(State* state, Effects* effects) {
  for (Progress& p : state->peers) send_more(state, &p, effects);
}

void lead(State* state, Effects* effects) {
  PAWL_CHECK(state->role == Role::candidate);
  PAWL_CHECK(state->hard.vote == state->config.self);
  state->role = Role::leader;
  state->leader = state->config.self;
  state->heartbeat_due_ms = state->now_ms + state->config.heartbeat_ms;
  effects->push_back(RoleChanged{Role::leader, state->hard.term, state->leader});
  state->round = Round(1);
  state->term_start = state->trail.last().index.next();
  state->incoming = IncomingSnapshot();
  follow_membership(state);
  append_entries(state, state->hard.term, 1, 0, AppendEntries::Source::noop, false, effects);
  send_more_to_all(state, effects);
}

void tick_leader(State* state, Effects* effects) {
  if (state->role != Role::leader) return;
  tick_transfer(state, effects);
  if (!quorum_heard(*state, state->config.election_timeout_ms_max)) {
    step_down(state, effects);
    return;
  }
  if (state->now_ms < state->heartbeat_due_ms) return;
  state->heartbeat_due_ms = state->now_ms + state->config.heartbeat_ms;
  begin_round(state, effects);
  for (Progress& p : state->peers) p.heartbeat_sent();
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
  if (state->transfer.to.v > 0) {
    effects->push_back(ProposalRefused{Reason::transferring});
    return;
  }
  const std::uint64_t uncommitted = state->trail.last().index.v - state->commit.v;
  if (uncommitted + event.count > state->config.uncommitted_entries_max) {
    effects->push_back(ProposalRefused{Reason::uncommitted});
    return;
  }
  append_entries(state, state->hard.term, event.count, event.bytes, AppendEntries::Source::proposal,
                 false, effects);
  if (!event.hold) send_more_to_all(state, effects);
}

void on_append_reply(State* state, NodeId from, const AppendReply& reply, Effects* effects) {
  Progress* p = acknowledge(state, {from, reply.match, reply.received, reply.round}, effects);
  if (p == nullptr) return;
  const Index next = std::max(p->match, reply.received).next();
  switch (p->mode) {
    case Progress::Mode::lost:
      return;
    case Progress::Mode::replicate:
      p->next = std::max(p->next, next);
      break;
    case Progress::Mode::install:
      // Answers to what was sent before say nothing of the snapshot.
      p->next = std::max(p->next, next);
      if (p->next > state->trail.floor().index) p->become_replicate(p->next);
      break;
    case Progress::Mode::probe:
      p->become_replicate(next);
      break;
  }
  send_more(state, p, effects);
}

void on_append_reject(State* state, NodeId from, const AppendReject& reject, Effects* effects) {
  Progress* p = acknowledge(state, {from, Index(0), Index(0), reject.round}, effects);
  if (p == nullptr || p->mode == Progress::Mode::install) return;
  if (reject.prev <= p->match) {
    // It had heard of a round begun after it acknowledged that entry, and lacks it now.
    if (reject.round > p->match_round) {
      p->become_lost();
      effects->push_back(MemberLost{from});
    }
    // Else an answer overtaken by later ones.
    return;
  }
  // Of two answers to one question the second is noise.
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
  Progress* p = acknowledge(state, {from, reply.match, reply.received, reply.round}, effects);
  if (p == nullptr) return;
  if (p->mode == Progress::Mode::probe) p->probe_sent = false;
  if (p->mode == Progress::Mode::replicate && p->shows_loss(reply.received)) {
    p->become_probe(std::max(p->match, reply.received).next());
  }
  send_more(state, p, effects);
  repeat_transfer(state, from, effects);
}

void on_snapshot_reply(State* state, NodeId from, const SnapshotReply& reply, Effects* effects) {
  Progress* p = acknowledge(state, {from, Index(0), Index(0), reply.round}, effects);
  if (p == nullptr || p->mode != Progress::Mode::install) return;
  if (reply.last != p->snapshot.last.index || reply.offset > p->snapshot.bytes) return;
  // The same again is a repeated answer, or one to a repeated chunk: the next is on its way.
  if (reply.offset == p->stored) return;
  p->stored = reply.offset;
  p->chunk_sent = reply.offset == p->snapshot.bytes;
  p->chunk_ms = state->now_ms;
  send_more(state, p, effects);
}

void advance_leader_commit(State* state, Effects* effects) {
  if (state->role != Role::leader) return;
  // What the own disk holds of this term's log counts once the term itself is durable.
  Index own = state->hard_is_durable() ? state->durable : Index(0);
  if (planted(Bug::count_leader_before_disk)) own = state->trail.last().index;
  const Index reached(reached_by_quorum(state->membership(), [&](NodeId id) {
    if (id == state->config.self) return own.v;
    const Progress* p = state->peer(id);
    return p == nullptr || p->is_lost() ? 0 : p->match.v;
  }));
  if (reached <= state->commit) return;
  if (state->trail.term_at(reached) != state->hard.term && !planted(Bug::commit_older_terms)) {
    return;
  }
  const bool first = state->commit < state->term_start;
  state->commit = reached;
  effects->push_back(CommitTo{reached});
  if (first && reached >= state->term_start) index_early_reads(state, effects);
  finish_change(state, effects);
}

}  // namespace pawl::raft
