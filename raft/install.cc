#include "raft/install.h"

#include <algorithm>

#include "base/check.h"
#include "raft/append.h"
#include "raft/durability.h"
#include "raft/election.h"
#include "raft/replication.h"

namespace pawl::raft {
namespace {

bool is_passed(const State& state, const Snapshot& snapshot) {
  return snapshot.last.index <= state.commit && !planted(Bug::install_over_newer_log);
}

void say_what_is_stored(State* state, Effects* effects) {
  if (state->leader.v == 0) return;
  const IncomingSnapshot& incoming = state->incoming;
  send(state, state->leader,
       SnapshotReply{incoming.snapshot.last.index, incoming.stored, state->leader_round}, effects);
}

void finish(State* state, Effects* effects) {
  state->incoming.busy = true;
  effects->push_back(FinishSnapshot{state->incoming.snapshot});
}

// Whether the snapshot of this chunk is the one that is coming in, maybe from now on.
bool takes(State* state, const SnapshotChunk& chunk) {
  IncomingSnapshot& incoming = state->incoming;
  const bool same_leader = incoming.term == state->hard.term;
  if (incoming.snapshot != chunk.snapshot) {
    // The same leader goes on to a newer one if it has to. What looks like a step back is late, but
    // for a chunk of a later round than any of the newer one: that the leader has lost.
    const bool whole = incoming.busy && incoming.stored == incoming.snapshot.bytes;
    const bool late = same_leader && chunk.snapshot.last.index <= incoming.snapshot.last.index &&
                      (whole || chunk.round <= incoming.round);
    if (late) return false;
    incoming = IncomingSnapshot{chunk.snapshot, state->hard.term, chunk.round, 0, false};
  }
  incoming.round = same_leader ? std::max(incoming.round, chunk.round) : chunk.round;
  incoming.term = state->hard.term;
  return true;
}

void install(State* state, const Snapshot& snapshot, MembershipPtr membership, Effects* effects) {
  // A candidacy counts the ballots of one membership.
  if (state->role != Role::follower) become_follower(state, state->hard.term, NodeId(0), effects);
  if (planted(Bug::forget_snapshot_membership)) {
    membership = state->trail.memberships().in_force_at(snapshot.last.index);
    if (!membership->known()) membership = nullptr;
  }
  const Membership before = state->membership();
  const bool kept = state->trail.install(snapshot.last, std::move(membership));
  if (kept) {
    state->durable = std::max(state->durable, snapshot.last.index);
    state->verified = std::max(state->verified, snapshot.last.index);
  } else {
    state->durable = state->verified = snapshot.last.index;
    state->cut_term = state->hard.term;
  }
  state->commit = snapshot.last.index;
  state->leader_commit = std::max(state->leader_commit, state->commit);
  effects->push_back(InstallSnapshot{snapshot.last, kept});
  if (state->membership() != before) {
    effects->push_back(MembershipChanged{state->trail.memberships().index()});
  }
  snapshot_available(state, snapshot, effects);
}

}  // namespace

void on_snapshot_chunk(State* state, const SnapshotChunk& chunk, Effects* effects) {
  PAWL_CHECK(state->role == Role::follower && state->leader.v != 0);
  state->leader_round = std::max(state->leader_round, chunk.round);
  if (is_passed(*state, chunk.snapshot)) {
    acknowledge_log(state, effects);
    return;
  }
  if (!state->hard_is_durable() || !takes(state, chunk)) return;
  IncomingSnapshot& incoming = state->incoming;
  if (incoming.busy) return;
  if (incoming.stored == incoming.snapshot.bytes) {  // since before a crash
    finish(state, effects);
    return;
  }
  if (chunk.offset != incoming.stored && !planted(Bug::store_any_chunk)) {
    say_what_is_stored(state, effects);
    return;
  }
  incoming.busy = true;
  effects->push_back(StoreSnapshotChunk{chunk.snapshot, chunk.offset, chunk.bytes});
}

void snapshot_chunk_stored(State* state, const SnapshotChunkStored& event, Effects* effects) {
  IncomingSnapshot& incoming = state->incoming;
  if (!incoming.busy || incoming.snapshot.last.index != event.last) return;
  PAWL_CHECK(event.stored <= incoming.snapshot.bytes);
  incoming.busy = false;
  incoming.stored = event.stored;
  if (incoming.stored == incoming.snapshot.bytes) finish(state, effects);
  say_what_is_stored(state, effects);
}

void snapshot_received(State* state, const SnapshotReceived& event, Effects* effects) {
  IncomingSnapshot& incoming = state->incoming;
  if (!incoming.busy || incoming.snapshot.last.index != event.last) return;
  if (!event.sound) {
    incoming.stored = 0;
    incoming.busy = false;
    say_what_is_stored(state, effects);
    return;
  }
  const Snapshot snapshot = incoming.snapshot;
  incoming = IncomingSnapshot();
  PAWL_CHECK(event.membership != nullptr);
  PAWL_CHECK(well_formed(*event.membership));
  if (!is_passed(*state, snapshot)) install(state, snapshot, event.membership, effects);
  if (state->leader.v != 0) acknowledge_log(state, effects);
}

void snapshot_available(State* state, const Snapshot& snapshot, Effects* effects) {
  PAWL_CHECK(snapshot.bytes > 0);
  if (snapshot.last.index <= state->snapshot.last.index) return;
  state->snapshot = snapshot;
  state->snapshot_asked = false;
  if (state->role == Role::leader) send_more_to_all(state, effects);
}

void snapshot_lost(State* state, Index last, Effects* effects) {
  if (state->snapshot.last.index == last) {
    state->snapshot = Snapshot();
    state->snapshot_asked = false;
  }
  for (Progress& peer : state->peers) {
    if (peer.snapshot.last.index == last) peer.become_install();
  }
  if (state->role == Role::leader) send_more_to_all(state, effects);
}

}  // namespace pawl::raft
