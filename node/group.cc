#include "node/group.h"

#include "base/check.h"
#include "engine/event_bytes.h"

namespace pawl::node {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string where(GroupId group, Index index) {
  return "group " + std::to_string(group.v) + ", index " + std::to_string(index.v) + ": ";
}

}  // namespace

Group::Group(GroupId id, NodeId self) : id_(id), self_(self), tables_(id) {}

bool Group::restore_snapshot(std::string_view tables, Index index, Term term, std::string* error) {
  PAWL_CHECK(!raft_ && applied_.v == 0);
  if (!engine::Tables::decode(tables, &tables_) || tables_.group() != id_) {
    *error = "the tables of group " + std::to_string(id_.v) + " can't be read from its snapshot";
    return false;
  }
  applied_ = index;
  restored_.trail = raft::Trail({index, term});
  restored_.commit = index;
  return true;
}

void Group::restore_hard_state(const log::HardState& state) {
  restored_.hard = {state.term, state.vote};
}

bool Group::restore_entry(Term term, Index index, std::string_view payload, Applier* applier,
                          std::string* error) {
  if (index <= restored_.trail.floor().index) return true;  // the snapshot covers it
  if (!restored_.trail.replay({index, term})) {
    *error = where(id_, index) + "the entry does not follow the one before it";
    return false;
  }
  // The only voter's log is committed as far as it is on the disk (paper 5.3: a majority of one).
  PAWL_CHECK(index == applied_.next());
  if (!apply_payload(index, payload, applier, error)) return false;
  applied_ = index;
  restored_.commit = index;
  return true;
}

void Group::start(log::Journal* journal, const raft::Tick& now, Applier* applier) {
  journal_ = journal;
  applier_ = applier;
  raft::Config config;
  config.self = self_;
  config.voters = {self_};
  raft_.emplace(config, restored_, now);
  restored_ = raft::Restored{};
  step(raft::Campaign{});
}

void Group::tick(const raft::Tick& now) { step(now); }

Term Group::applied_term() const {
  const auto term = raft_->trail().term_at(applied_);
  PAWL_CHECK(term.has_value());
  return *term;
}

void Group::persisted(const log::Durable& durable) {
  if (durable.hard_state) {
    step(raft::HardStatePersisted{{durable.hard_state->term, durable.hard_state->vote}});
  }
  if (durable.last.v == 0) return;
  // Writes become durable in the order they were queued; a batch ends within or at the end of one.
  while (!writes_.empty()) {
    const raft::AppendEntries write = writes_.front();
    const bool here =
        write.term == durable.term && write.first <= durable.last && durable.last <= write.last;
    if (!here || write.last == durable.last) writes_.pop_front();
    if (here) {
      step(raft::EntriesPersisted{write.requested, durable.last, write.term});
      return;
    }
  }
  PAWL_UNREACHABLE();
}

Index Group::propose(Proposal proposal) {
  PAWL_CHECK(ready());
  PAWL_CHECK(proposal.events.empty() == proposal.entry.events.empty());
  proposing_ = &proposal;
  proposed_bytes_ = encoder_.encode(proposal.entry);
  proposal.entry.events.clear();
  step(raft::Propose{1});
  proposing_ = nullptr;
  return raft_->last().index;
}

void Group::step(const raft::Event& event) {
  effects_.clear();
  raft_->step(event, &effects_);
  Index commit;
  for (const raft::Effect& effect : effects_) {
    std::visit(Overloaded{
                   [&](const raft::SaveHardState& save) {
                     journal_->save_hard_state(id_, {save.hard.term, save.hard.vote});
                   },
                   [&](const raft::AppendEntries& append) { carry_out(append); },
                   [&](const raft::CommitTo& to) { commit = to.index; },
                   [](const raft::RoleChanged&) {},
                   // The only voter has nobody to send to, is asked to propose only when ready, and
                   // for nothing else.
                   [](const auto&) { PAWL_UNREACHABLE(); },
               },
               effect);
  }
  if (commit.v > 0) apply_through(commit);
}

void Group::carry_out(const raft::AppendEntries& append) {
  PAWL_CHECK(append.first == append.last);
  const bool noop = append.source == raft::AppendEntries::Source::noop;
  PAWL_CHECK(noop || proposing_ != nullptr);
  const std::string_view payload = noop ? std::string_view() : proposed_bytes_;
  journal_->append(id_, append.term, append.first, payload);
  writes_.push_back(append);
  Pending pending;
  pending.index = append.first;
  pending.proposed = !noop;
  if (!noop) pending.proposal = std::move(*proposing_);
  pending_.push_back(std::move(pending));
}

void Group::apply_through(Index commit) {
  while (applied_ < commit && fatal_.empty()) {
    PAWL_CHECK(!pending_.empty() && pending_.front().index == applied_.next());
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    Proposal* proposal = pending.proposed ? &pending.proposal : nullptr;
    if (proposal != nullptr) {
      if (!apply(pending.index, proposal->entry, proposal->events, proposal, applier_, &fatal_)) {
        return;
      }
    } else if (!apply_payload(pending.index, {}, applier_, &fatal_)) {
      return;
    }
    applied_ = pending.index;
  }
}

bool Group::apply_payload(Index index, std::string_view payload, Applier* applier,
                          std::string* error) {
  if (payload.empty()) return true;  // a leader's no-op
  codecs::Entry entry;
  std::vector<engine::Event> events;
  if (!codecs::decode_entry(payload, &entry, error)) {
    *error = where(id_, index) + *error;
    return false;
  }
  const engine::Run* run = tables_.find(entry.run);
  const auto decoded = engine::decode_events(
      entry.events, run == nullptr ? nullptr : &run->identity->salt, entry.first_seq, &events);
  if (!decoded.ok()) {
    *error = where(id_, index) + std::string(decoded.message());
    return false;
  }
  return apply(index, entry, events, nullptr, applier, error);
}

bool Group::apply(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
                  Proposal* proposal, Applier* applier, std::string* error) {
  engine::Applied applied;
  if (!fold(index, entry, events, proposal, &applied, error)) return false;
  applier->on_applied(*this, index, entry, applied, proposal);
  return true;
}

bool Group::fold(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
                 Proposal* proposal, engine::Applied* applied, std::string* error) {
  if (entry.level > tables_.feature_level() && entry.raise_level == 0) {
    *error = where(id_, index) + "the entry's feature level was never raised in this group";
    return false;
  }
  tables_.advance_time(entry.time);
  if (entry.raise_level > 0) tables_.raise_feature_level(entry.raise_level);
  bool fits = true;
  if (proposal != nullptr && proposal->after != nullptr) {
    fits = tables_.apply_decided(index, entry.run, entry.time, events, std::move(proposal->after),
                                 applied);
  } else if (!events.empty()) {
    fits = tables_.apply_run(index, entry.run, entry.time, events, applied);
  }
  if (!fits) {
    *error = where(id_, index) + "its events do not fit run " + to_string(RunUid{id_, entry.run});
    return false;
  }
  for (engine::KeyedAnswer answer : entry.answers) {
    answer.at = entry.time;
    tables_.dedupe().remember(std::move(answer));
  }
  for (const auto& send : entry.sends) tables_.channels().send(send.to, send.message);
  if (entry.receive.number > 0) tables_.channels().receive(entry.receive_from, entry.receive);
  if (entry.ack_through > 0) tables_.channels().acknowledged(entry.ack_to, entry.ack_through);
  return true;
}

}  // namespace pawl::node
