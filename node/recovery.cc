#include "node/recovery.h"

#include "node/boxes.h"
#include "node/resting.h"

namespace pawl::node {

void Node::Recovery::restore_snapshot(Thawed thawed, Index index, Term term) {
  const GroupId group = thawed.tables.group();
  if (thawed.catalog) node_->definitions_.catalog() = std::move(*thawed.catalog);
  if (group.v == 0 && node_->boxes_) node_->boxes_->roster_changed();
  node_->groups_[group.v]->restore_snapshot(std::move(thawed), index, term);
}

absl::Status Node::Recovery::unknown_group(GroupId group) const {
  return absl::FailedPreconditionError(
      "the journal has entries of group " + std::to_string(group.v) + ", but this store has " +
      std::to_string(node_->groups_.size() - 1) +
      " run groups: the number is fixed when a store is made, start with the same store.groups");
}

absl::Status Node::Recovery::on_hard_state(GroupId group, const log::HardState& state) {
  if (group.v >= node_->groups_.size()) return unknown_group(group);
  node_->groups_[group.v]->restore_hard_state(state);
  return absl::OkStatus();
}

absl::Status Node::Recovery::on_entry(GroupId group, Term term, Index index,
                                      std::string_view payload) {
  if (group.v >= node_->groups_.size()) return unknown_group(group);
  std::string error;
  if (!node_->groups_[group.v]->restore_entry(term, index, payload, node_, &error)) {
    return absl::DataLossError(error);
  }
  node_->resting_->restored(node_->groups_[group.v].get());
  return absl::OkStatus();
}

absl::Status Node::Recovery::on_begin(GroupId group, log::LogEnd last) {
  if (group.v >= node_->groups_.size()) return unknown_group(group);
  std::string error;
  if (node_->groups_[group.v]->restore_begin({last.index, last.term}, &error)) {
    return absl::OkStatus();
  }
  return absl::DataLossError(error);
}

std::unique_ptr<Freeze> Node::freeze(GroupId group) {
  Group& g = *groups_[group.v];
  const raft::MembershipPtr& members = g.raft().trail().memberships().in_force_at(g.applied());
  return std::make_unique<Freeze>(&g.tables(), group.v == 0 ? &definitions_.catalog() : nullptr,
                                  *members, g.applied(), g.applied_term());
}

}  // namespace pawl::node
