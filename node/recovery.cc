#include "node/recovery.h"

#include "base/bytes.h"
#include "node/boxes.h"

namespace pawl::node {

bool Node::Recovery::restore_snapshot(GroupId group, std::string_view bytes, Index index, Term term,
                                      std::string* error) {
  ByteReader r(bytes);
  const std::string_view tables = r.str();
  const std::string_view catalog = r.str();
  if (!r.done()) {
    *error = "the snapshot of group " + std::to_string(group.v) + " is not tables and a catalog";
    return false;
  }
  if (group.v == 0 && !node_->definitions_.catalog().decode(catalog)) {
    *error = "the catalog can't be read from the snapshot of group 0";
    return false;
  }
  if (group.v == 0 && node_->boxes_) node_->boxes_->roster_changed();
  return node_->groups_[group.v]->restore_snapshot(tables, index, term, error);
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
  return absl::OkStatus();
}

GroupSnapshot Node::snapshot(GroupId group) const {
  const Group& g = *groups_[group.v];
  GroupSnapshot snapshot;
  snapshot.index = g.applied();
  snapshot.term = g.applied_term();
  snapshot.feature_level = g.tables().feature_level();
  std::string tables, catalog;
  g.tables().encode(&tables);
  if (group.v == 0) definitions_.catalog().encode(&catalog);
  ByteWriter w(&snapshot.bytes);
  w.str(tables);
  w.str(catalog);
  return snapshot;
}

}  // namespace pawl::node
