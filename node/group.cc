#include "node/group.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/membership_bytes.h"
#include "engine/event_bytes.h"
#include "node/planted.h"

namespace pawl::node {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

Group::Group(const GroupOptions& options) : options_(options), tables_(options.id) {}

std::string Group::where(Index index) const {
  return "group " + std::to_string(id().v) + ", index " + std::to_string(index.v) + ": ";
}

bool Group::is_alone(const raft::Membership& membership) const {
  const std::vector<NodeId> self{options_.self};
  if (!membership.known()) return options_.founders == self;
  return membership.voters == self && !membership.joint();
}

// --- entries ---

// An empty payload is a leader's no-op, and decodes to an empty entry.
bool Group::decode(Index index, std::string_view payload, codecs::Entry* entry,
                   raft::MembershipPtr* membership, std::string* error) const {
  if (payload.empty()) return true;
  if (!codecs::decode_entry(payload, entry, error)) {
    *error = where(index) + *error;
    return false;
  }
  if (entry->membership.empty()) return true;
  raft::Membership decoded;
  if (!codecs::decode_membership(entry->membership, &decoded, error)) {
    *error = where(index) + *error;
    return false;
  }
  *membership = std::make_shared<const raft::Membership>(std::move(decoded));
  return true;
}

// What the journal writes from now on no build of a lower level will have to read.
void Group::tell_level() {
  if (journal_ != nullptr && tables_.feature_level() >= kJournalLevel) {
    journal_->allow_compression();
  }
}

// --- running ---

void Group::tick(const raft::Tick& now) { step(now); }

std::vector<std::string_view> Group::unapplied() const {
  std::vector<std::string_view> payloads;
  for (const Pending& pending : pending_) {
    if (!pending.proposed) payloads.push_back(pending.payload);
  }
  return payloads;
}

void Group::persisted(const log::Durable& durable) {
  if (durable.hard_state) {
    step(raft::HardStatePersisted{{durable.hard_state->term, durable.hard_state->vote}});
  }
  if (durable.last.v == 0) return;
  cache_.evict(durable.last);
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

void Group::receive(const codecs::RaftEnvelope& envelope) {
  raft::Receive event{envelope.message, nullptr, 0};
  const auto* append = std::get_if<raft::Append>(&envelope.message.body);
  for (const std::string_view payload : envelope.payloads) {
    event.bytes = std::max(event.bytes, static_cast<std::uint32_t>(payload.size()));
  }
  if (append != nullptr && append->membership) {
    codecs::Entry entry;
    std::string error;
    const bool sound =
        decode(append->through(), envelope.payloads.front(), &entry, &event.membership, &error);
    if (!sound || event.membership == nullptr) return;
  }
  receiving_ = &envelope;
  step(event);
  receiving_ = nullptr;
}

void Group::loaded(Index first, Index last, std::vector<std::string> payloads) {
  sender_.loaded({first, last}, std::move(payloads), this);
  want_entries();
}

Index Group::propose(Proposal proposal) {
  PAWL_CHECK(accepts());
  PAWL_CHECK(proposal.events.empty() == proposal.entry.events.empty());
  proposal.entry.level = std::max(tables_.feature_level(), proposal.entry.raise_level);
  if (!alone_) proposal.entry.committed = raft_->commit();
  proposing_ = &proposal;
  proposed_bytes_ = encoder_.encode(proposal.entry);
  proposal.entry.events.clear();
  held_ = !alone_;
  step(raft::Propose{1, static_cast<std::uint32_t>(proposed_bytes_.size()), held_});
  PAWL_CHECK(proposing_ == nullptr);
  return raft_->last().index;
}

void Group::send_held() {
  if (std::exchange(held_, false)) step(raft::Replicate{});
}

void Group::read_index(std::uint64_t context) { step(raft::ReadIndex{context}); }

void Group::transfer(NodeId to) { step(raft::TransferLeadership{to}); }

void Group::change(const raft::Membership& wish) {
  step(raft::ChangeMembership{std::make_shared<const raft::Membership>(wish)});
}

void Group::step(const raft::Event& event) {
  effects_.clear();
  raft_->step(event, &effects_);
  Index commit;
  for (const raft::Effect& effect : effects_) carry_out(effect, &commit);
  if (commit.v > 0) apply_through(commit, owner_, &fatal_);
  if (commit.v > 0 && !replaced_.empty()) drop_replaced();
  if (std::exchange(installed_, false)) drop_replaced();
  want_entries();
  if (was_ready_ != ready()) {
    was_ready_ = !was_ready_;
    if (was_ready_) owner_->on_ready(*this);
  }
}

void Group::carry_out(const raft::Effect& effect, Index* commit) {
  std::visit(
      Overloaded{
          [&](const raft::SaveHardState& save) {
            journal_->save_hard_state(id(), {save.hard.term, save.hard.vote});
          },
          [&](const raft::AppendEntries& entries) { append(entries); },
          [&](const raft::Send& out) { sender_.send(out.message, this); },
          [&](const raft::CommitTo& to) { *commit = to.index; },
          [&](const raft::RoleChanged& change) { role_changed(change); },
          [&](const raft::ReadReady& read) { owner_->on_read(*this, read.context, read.index); },
          [&](const raft::ReadRefused& read) { owner_->on_read(*this, read.context, Index(0)); },
          [&](const raft::MembershipChanged&) { alone_ = is_alone(raft_->membership()); },
          [&](const raft::SnapshotNeeded& needed) {
            owner_->snapshots()->on_snapshot_needed(*this, needed.floor);
          },
          [&](const raft::StoreSnapshotChunk& chunk) {
            owner_->snapshots()->on_chunk(*this, chunk, receiving_->chunk);
          },
          [&](const raft::FinishSnapshot& finish) {
            owner_->snapshots()->on_whole(*this, finish.snapshot);
          },
          [&](const raft::InstallSnapshot& snapshot) { install(snapshot); },
          // Nothing here: propose() is called only when it is taken, and who belongs to a group
          // is read from raft().
          [](const auto&) {},
      },
      effect);
}

void Group::append(const raft::AppendEntries& append) {
  if (append.truncates) drop_from(append.first);
  for (Index index = append.first; index <= append.last; index = index.next()) {
    append_one(append, index);
  }
  writes_.push_back(append);
}

void Group::append_one(const raft::AppendEntries& append, Index index) {
  using Source = raft::AppendEntries::Source;
  Pending pending;
  pending.index = index;
  pending.term = append.term;
  std::string_view payload;
  switch (append.source) {
    case Source::noop:
      break;
    case Source::proposal:
      PAWL_CHECK(proposing_ != nullptr && append.first == append.last);
      payload = proposed_bytes_;
      pending.proposed = true;
      pending.proposal = std::move(*std::exchange(proposing_, nullptr));
      break;
    case Source::message: {
      const auto& message = std::get<raft::Append>(receiving_->message.body);
      payload = receiving_->payloads[index.v - message.prev.index.v - 1];
      if (!find_replaced(index, append.term, &pending)) pending.payload = payload;
      break;
    }
    case Source::membership: {
      codecs::Entry entry;
      entry.level = tables_.feature_level();
      entry.time = tables_.time();
      codecs::encode_membership(raft_->membership(), &entry.membership);
      payload = encoder_.encode(entry);
      pending.payload = payload;
      break;
    }
  }
  journal_->append(id(), append.term, index, payload);
  if (!alone_) cache_.append(index, payload);
  pending_.push_back(std::move(pending));
}

void Group::role_changed(const raft::RoleChanged& change) {
  if (change.role != raft::Role::leader) {
    sender_.clear();
    was_ready_ = false;
  }
  owner_->on_leader(*this);
}

// Entries from `first` on are not in this log any more.
void Group::drop_from(Index first) {
  cache_.truncate_from(first);
  while (!pending_.empty() && pending_.back().index >= first) {
    if (pending_.back().proposed && planted(Bug::retry_replaced)) {
      owner_->on_dropped(*this, std::move(pending_.back().proposal));
    } else if (pending_.back().proposed) {
      replaced_.push_back(std::move(pending_.back()));
    }
    pending_.pop_back();
  }
}

// The very entry that was replaced has come back from another box: its proposal goes on.
bool Group::find_replaced(Index index, Term term, Pending* pending) {
  for (auto it = replaced_.begin(); it != replaced_.end(); ++it) {
    if (it->index != index || it->term != term) continue;
    *pending = std::move(*it);
    replaced_.erase(it);
    return true;
  }
  return false;
}

// Something else is committed where they were, or of a later term before them: terms of a log never
// fall, so that no log with them can follow.
void Group::drop_replaced() {
  const Term term = applied_term();
  std::vector<Pending> gone, open;
  for (Pending& pending : replaced_) {
    const bool over = pending.index <= applied_ || pending.term < term;
    (over ? gone : open).push_back(std::move(pending));
  }
  replaced_ = std::move(open);
  std::sort(gone.begin(), gone.end(), [](const Pending& a, const Pending& b) {
    return std::pair(a.index, a.term) < std::pair(b.index, b.term);
  });
  for (Pending& pending : gone) owner_->on_dropped(*this, std::move(pending.proposal));
}

void Group::send(const raft::Message& message, const std::vector<std::string_view>& payloads) {
  if (std::holds_alternative<raft::SnapshotChunk>(message.body)) {
    owner_->snapshots()->on_chunk_wanted(*this, message);
    return;
  }
  codecs::RaftEnvelope envelope;
  envelope.group = id();
  envelope.message = message;
  envelope.payloads = payloads;
  owner_->on_send(message.to, envelope);
}

void Group::want_entries() {
  if (const auto range = sender_.wanted()) {
    owner_->on_entries_wanted(id(), range->first, range->last);
  }
}

// --- applying ---

void Group::apply_through(Index commit, GroupOwner* owner, std::string* error) {
  while (applied_ < commit && error->empty()) {
    PAWL_CHECK(!pending_.empty() && pending_.front().index == applied_.next());
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    if (pending.proposed) {
      apply(pending.index, pending.proposal.entry, pending.proposal.events, &pending.proposal,
            owner, error);
    } else {
      apply_payload(pending.index, pending.payload, owner, error);
    }
    if (error->empty()) applied_ = pending.index;
  }
}

bool Group::apply_payload(Index index, std::string_view payload, GroupOwner* owner,
                          std::string* error) {
  if (payload.empty()) return true;
  codecs::Entry entry;
  raft::MembershipPtr membership;
  return decode(index, payload, &entry, &membership, error) &&
         apply_entry(index, entry, owner, error);
}

bool Group::apply_entry(Index index, const codecs::Entry& entry, GroupOwner* owner,
                        std::string* error) {
  std::vector<engine::Event> events;
  const engine::Run* run = tables_.find(entry.run);
  const auto decoded = engine::decode_events(
      entry.events, run == nullptr ? nullptr : &run->identity->salt, entry.first_seq, &events);
  if (!decoded.ok()) {
    *error = where(index) + std::string(decoded.message());
    return false;
  }
  return apply(index, entry, events, nullptr, owner, error);
}

bool Group::apply(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
                  Proposal* proposal, GroupOwner* owner, std::string* error) {
  engine::Applied applied;
  if (!fold(index, entry, events, proposal, &applied, error)) return false;
  owner->on_applied(*this, index, entry, applied, proposal);
  return true;
}

bool Group::fold_batches(const codecs::Entry& entry) {
  std::vector<engine::BatchStep> steps;
  if (!engine::decode_batch_steps(entry.batches, &steps)) return false;
  return std::all_of(steps.begin(), steps.end(),
                     [this](const engine::BatchStep& s) { return tables_.batches().apply(s); });
}

bool Group::fold_limits(const codecs::Entry& entry) {
  std::vector<engine::LimitChange> changes;
  if (!engine::decode_limit_changes(entry.limits, &changes)) return false;
  return std::all_of(changes.begin(), changes.end(), [&](const engine::LimitChange& change) {
    return tables_.limits().apply(change, entry.time);
  });
}

bool Group::fold(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
                 Proposal* proposal, engine::Applied* applied, std::string* error) {
  // Raft's own. It was appended while others were on their way, whose times its leader had not
  // applied: its time means nothing.
  if (!entry.membership.empty()) return true;
  if (entry.level > tables_.feature_level() && entry.raise_level == 0) {
    *error = where(index) + "the entry's feature level was never raised in this group";
    return false;
  }
  if (entry.time < tables_.time()) {
    *error = where(index) + "the group's time goes back";
    return false;
  }
  tables_.advance_time(entry.time);
  if (entry.raise_level > 0) {
    tables_.raise_feature_level(entry.raise_level);
    tell_level();
  }
  bool fits = true;
  if (proposal != nullptr && proposal->after != nullptr) {
    fits = tables_.apply_decided(index, entry.run, entry.time, events, std::move(proposal->after),
                                 applied);
  } else if (!events.empty()) {
    fits = tables_.apply_run(index, entry.run, entry.time, events, applied);
  }
  if (!fits) {
    *error = where(index) + "its events do not fit run " + to_string(RunUid{id(), entry.run});
    return false;
  }
  for (engine::KeyedAnswer answer : entry.answers) {
    answer.at = entry.time;
    tables_.dedupe().remember(std::move(answer));
  }
  if (applied->data_deleted) {
    const RunUid uid{id(), entry.run};
    tables_.dedupe().scrub(tables_.find(entry.run)->id(), uid);
  }
  if (!entry.batches.empty() && !fold_batches(entry)) {
    *error = where(index) + "its steps of batches do not fit what the group has done";
    return false;
  }
  if (!entry.limits.empty() && !fold_limits(entry)) {
    *error = where(index) + "its changes of limits do not fit what is held of them";
    return false;
  }
  for (const auto& [run, through] : entry.forgets_generations) {
    if (tables_.forget_generations(run, through)) continue;
    *error = where(index) + "it forgets generations of a run that was not there";
    return false;
  }
  if (!entry.forgets.empty() && !tables_.forget(entry.forgets)) {
    *error = where(index) + "it forgets a run that is open or was not there";
    return false;
  }
  for (const auto& send : entry.sends) tables_.channels().send(send.to, send.message);
  if (entry.receive.number > 0) tables_.channels().receive(entry.receive_from, entry.receive);
  if (entry.ack_through > 0) tables_.channels().acknowledged(entry.ack_to, entry.ack_through);
  return true;
}

}  // namespace pawl::node
