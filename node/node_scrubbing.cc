// This box's mark: up to where deleted data is off its disk (scrubbing.h), and telling others of
// it.
#include "base/check.h"
#include "node/boxes.h"

namespace pawl::node {

void Node::scrubbed(const std::vector<Index>& through) {
  PAWL_CHECK(through.size() == groups_.size());
  for (const auto& group : groups_) group->set_scrubbed_to(through[group->id().v]);
}

// What is said may be lost, and the one who hears it may start anew.
void Node::Boxes::tell_scrubbed() {
  ScrubStatus status;
  for (const auto& group : node_->groups_) {
    if (group->tables().last_deletion().v == 0) continue;
    status.through.emplace_back(group->id(), group->scrubbed_to());
  }
  if (status.through.empty()) return;
  for (const NodeId peer : cluster().peers) {
    node_->send_frame(peer, codecs::FrameKind::kScrubStatus, status);
  }
}

}  // namespace pawl::node
