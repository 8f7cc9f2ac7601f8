#include "raft/read_index.h"

#include "base/check.h"
#include "raft/durability.h"
#include "raft/quorum.h"

namespace pawl::raft {
namespace {

// Whether a round that reads wait for is under way.
bool round_under_way(const State& state) {
  return !state.reads.empty() && state.reads.front().round.v > 0;
}

void answer(const PendingRead& read, Effects* effects) {
  PAWL_CHECK(read.index.v > 0);
  effects->push_back(ReadReady{read.context, read.index});
}

// Before an entry of its term is committed a leader does not know what is (dissertation 6.4).
bool knows_commit(const State& state) {
  return state.commit >= state.term_start || planted(Bug::read_before_first_commit);
}

}  // namespace

void read_index(State* state, const ReadIndex& event, Effects* effects) {
  using Reason = ReadRefused::Reason;
  if (state->role != Role::leader) {
    effects->push_back(ReadRefused{event.context, Reason::not_leader});
    return;
  }
  if (state->reads.size() >= limits::kReadsPendingMax) {
    effects->push_back(ReadRefused{event.context, Reason::full});
    return;
  }
  PendingRead read{event.context, Index(0), Round(0)};
  if (knows_commit(*state)) read.index = state->commit;
  if (read.index.v > 0 && (state->only_voter() || planted(Bug::read_without_round))) {
    answer(read, effects);
    return;
  }
  const bool wait = read.index.v == 0 || round_under_way(*state);
  if (planted(Bug::reuse_read_round)) read.round = state->round;
  state->reads.push_back(read);
  if (!wait) begin_round(state, effects);
}

void begin_round(State* state, Effects* effects) {
  PAWL_CHECK(state->role == Role::leader);
  state->round = state->round.next();
  for (PendingRead& read : state->reads) {
    if (read.index.v > 0 && read.round.v == 0) read.round = state->round;
  }
  for (const Progress& p : state->peers) {
    send(state, p.id, Heartbeat{state->commit, state->round}, effects);
  }
}

void confirm_reads(State* state, Effects* effects) {
  if (state->role != Role::leader || state->reads.empty()) return;
  const Round confirmed(reached_by_quorum(state->membership(), [&](NodeId id) {
    if (id == state->config.self) return state->round.v;
    const Progress* p = state->peer(id);
    return p == nullptr || p->is_lost() ? 0 : p->round.v;
  }));
  std::size_t ready = 0;
  for (; ready < state->reads.size(); ++ready) {
    const PendingRead& read = state->reads[ready];
    if (read.round.v == 0 || read.round > confirmed) break;
    answer(read, effects);
  }
  if (ready == 0) return;
  state->reads.erase(state->reads.begin(),
                     state->reads.begin() + static_cast<std::ptrdiff_t>(ready));
  const bool waiting = !state->reads.empty() && state->reads.front().index.v > 0;
  if (!waiting || round_under_way(*state)) return;
  begin_round(state, effects);
  confirm_reads(state, effects);  // the only voter is its own quorum
}

void index_early_reads(State* state, Effects* effects) {
  PAWL_CHECK(state->commit >= state->term_start);
  bool any = false;
  for (PendingRead& read : state->reads) {
    if (read.index.v > 0) continue;
    read.index = state->commit;
    any = true;
  }
  if (!any) return;
  begin_round(state, effects);
  confirm_reads(state, effects);  // the only voter is its own quorum
}

void refuse_reads(State* state, Effects* effects) {
  for (const PendingRead& read : state->reads) {
    effects->push_back(ReadRefused{read.context, ReadRefused::Reason::not_leader});
  }
  state->reads.clear();
}

}  // namespace pawl::raft
