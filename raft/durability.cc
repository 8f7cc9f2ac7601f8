#include "raft/durability.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pawl::raft {

void save_hard_state(State* state, HardState hard, Effects* effects) {
  PAWL_CHECK(hard.term >= state->hard.term);
  if (hard.term == state->hard.term) {
    PAWL_CHECK(state->hard.vote.v == 0 || state->hard.vote == hard.vote);
  } else {
    // Nobody waits for an answer of an older term.
    state->held.clear();
  }
  if (hard == state->hard) return;
  state->hard = hard;
  effects->push_back(SaveHardState{hard});
}

void send(State* state, NodeId to, const Body& body, Effects* effects) {
  PAWL_CHECK(to != state->config.self);
  const Message message{state->config.self, to, state->hard.term, body};
  if (state->hard_is_durable()) {
    effects->push_back(Send{message});
    return;
  }
  if (state->held.size() >= limits::kHeldMessagesMax) state->held.erase(state->held.begin());
  state->held.push_back(message);
}

namespace {

void ask_to_write(Index first, const State& state, AppendEntries::Source source, bool truncates,
                  Effects* effects) {
  PAWL_CHECK(first > state.commit);
  AppendEntries effect;
  effect.first = first;
  effect.last = state.trail.last().index;
  effect.term = state.trail.last().term;
  effect.requested = state.hard.term;
  effect.source = source;
  effect.truncates = truncates;
  effects->push_back(effect);
}

}  // namespace

void append_entries(State* state, Term term, std::uint64_t count, std::uint32_t bytes,
                    AppendEntries::Source source, bool truncates, Effects* effects) {
  const Index first = state->trail.last().index.next();
  PAWL_CHECK(term <= state->hard.term);
  state->trail.append(term, count, bytes);
  ask_to_write(first, *state, source, truncates, effects);
}

void append_membership(State* state, Term term, MembershipPtr membership, std::uint32_t bytes,
                       AppendEntries::Source source, bool truncates, Effects* effects) {
  const Index first = state->trail.last().index.next();
  PAWL_CHECK(term <= state->hard.term);
  state->trail.append_membership(term, std::move(membership), bytes);
  ask_to_write(first, *state, source, truncates, effects);
  effects->push_back(MembershipChanged{first});
}

void truncate_from(State* state, Index from, Effects* effects) {
  // A leader only adds to its log (paper, figure 3), and what is committed stays for ever. A peer
  // that asks for either shows that the group's history has already split: stop.
  PAWL_CHECK(state->role != Role::leader);
  PAWL_CHECK(from > state->commit);
  PAWL_CHECK(from > state->verified);
  PAWL_CHECK(from <= state->trail.last().index);
  const Index before = state->trail.memberships().index();
  state->trail.truncate_from(from);
  state->durable = std::min(state->durable, from.prev());
  state->cut_term = state->hard.term;
  const Index after = state->trail.memberships().index();
  if (after != before) effects->push_back(MembershipChanged{after});
}

bool hard_state_persisted(State* state, const HardStatePersisted& event, Effects* effects) {
  const HardState& hard = event.hard;
  PAWL_CHECK(hard.term <= state->hard.term);
  if (hard.term < state->hard_durable.term) return false;
  if (hard.term == state->hard_durable.term && hard.vote.v == 0) return false;
  if (hard == state->hard_durable) return false;
  state->hard_durable = hard;
  if (!state->hard_is_durable()) return false;
  for (const Message& message : state->held) effects->push_back(Send{message});
  state->held.clear();
  return true;
}

bool entries_persisted(State* state, const EntriesPersisted& event) {
  // A write asked for before the last truncation says nothing of the trail as it is now: it may
  // name an entry that was cut, overwritten on disk and then added again. The write that truncated
  // is itself reported later and covers everything. Within one term a truncation comes before,
  // never after, a write of the same indexes: both follow the log of that term's one leader.
  if (planted(Bug::believe_old_reports)) {
    const Index through = std::min(event.through, state->trail.last().index);
    return through > state->durable ? (state->durable = through, true) : false;
  }
  if (event.requested < state->cut_term) return false;
  PAWL_CHECK(event.requested <= state->hard.term);
  if (event.through <= state->durable) return false;
  PAWL_CHECK(state->trail.holds({event.through, event.term}));
  state->durable = event.through;
  return true;
}

}  // namespace pawl::raft
