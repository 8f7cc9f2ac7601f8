// A group that begins with a snapshot, or anew; that sends one to another box, or has its tables
// replaced by one of another's.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "node/group.h"

namespace pawl::node {

void Group::restore_hard_state(const log::HardState& state) {
  restored_.hard = {state.term, state.vote};
}

void Group::begin_anew(const log::Rebuild& rebuild) {
  restored_.promised = {rebuild.promised.index, rebuild.promised.term};
  restored_.spent = rebuild.spent;
}

bool Group::whole() const {
  const raft::EntryId& promised = raft_->state().promised;
  return promised.index.v == 0 || raft::at_least_as_current({applied_, applied_term()}, promised);
}

Term Group::applied_term() const {
  const auto term = raft_->trail().term_at(applied_);
  PAWL_CHECK(term.has_value());
  return *term;
}

void Group::restore_snapshot(Thawed thawed, Index index, Term term) {
  PAWL_CHECK(!raft_ && applied_.v == 0 && thawed.tables.group() == id());
  tables_ = std::move(thawed.tables);
  snapshot_members_ = std::move(thawed.members);
  applied_ = index;
  snapshot_ = {index, term};
}

// What was being applied is in the snapshot, or was replaced by what is: of what this box had
// proposed of it nobody can say which.
void Group::install(const raft::InstallSnapshot& installed) {
  PAWL_CHECK(received_ != nullptr && installed.last.index > applied_);
  if (!installed.log_kept) {
    drop_from(applied_.next());
    PAWL_CHECK(pending_.empty());
    journal_->begin_log(id(), {installed.last.term, installed.last.index});
  }
  while (!pending_.empty() && pending_.front().index <= installed.last.index) {
    if (pending_.front().proposed) replaced_.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  for (Pending& pending : replaced_) {
    pending.proposal.unknown |= pending.index <= installed.last.index;
  }
  tables_ = std::move(received_->tables);
  applied_ = installed.last.index;
  installed_ = true;
  tell_level();
  owner_->snapshots()->on_installed(*this);
}

void Group::received(Index last, std::shared_ptr<Thawed> thawed) {
  PAWL_CHECK(!tables_.is_frozen());
  const bool sound = thawed != nullptr && thawed->members != nullptr;
  const raft::MembershipPtr members = sound ? thawed->members : nullptr;
  received_ = std::move(thawed);
  step(raft::SnapshotReceived{last, sound, members});
  received_ = nullptr;
  trimmed();
}

void Group::trimmed() {
  const Index first = std::min(journal_->first_index(id()), applied_.next());
  const Index through(first.v - 1);
  if (through > raft_->trail().floor().index) step(raft::Compacted{through});
}

void Group::send_chunk(const raft::Message& message, std::string_view bytes) {
  if (!raft_->leads() || raft_->term() != message.term) return;
  codecs::RaftEnvelope envelope;
  envelope.group = id();
  envelope.message = message;
  envelope.chunk = bytes;
  owner_->on_send(message.to, envelope);
}

}  // namespace pawl::node
