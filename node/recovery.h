// What a node hears at start: snapshots first, then the whole journal in order. Folds every entry
// of a group that is the only voter's at once; see Group::restore_entry.
#pragma once

#include <string>
#include <string_view>

#include "log/record.h"
#include "node/node.h"

namespace pawl::node {

class Node::Recovery : public log::RecoverySink {
 public:
  explicit Recovery(Node* node) : node_(node) {}

  void restore_snapshot(Thawed thawed, Index index, Term term);
  absl::Status on_hard_state(GroupId group, const log::HardState& state) override;
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override;
  absl::Status on_begin(GroupId group, log::LogEnd last) override;

 private:
  absl::Status unknown_group(GroupId group) const;

  Node* node_;
};

}  // namespace pawl::node
