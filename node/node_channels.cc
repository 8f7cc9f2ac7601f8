// Messages between groups: engine/channel.h has the states. Here both ends are led by this box, so
// a message goes from the sender's outbox straight into an entry of the receiver.
#include "node/assembly.h"
#include "node/node.h"

namespace pawl::node {

// The first run of a version in a group tells group 0, once: a version that is pinned anywhere is
// never deleted.
void Node::pin(Group& group, const std::string& workflow, std::uint32_t version, Assembly* a) {
  if (group.tables().channels().sent_pin(workflow, version)) return;
  engine::Message message;
  message.kind = engine::MessageKind::pin;
  message.name = workflow;
  message.version = version;
  a->sends.push_back({GroupId(0), std::move(message)});
}

// Proposes the oldest unacknowledged message of a group where it is to take effect. One at a time:
// the next goes when the receiver's entry is acknowledged.
void Node::deliver_messages(Group& from) {
  for (const GroupId to : from.tables().channels().destinations()) {
    Group& receiver = *groups_[to.v];
    if (!decides(receiver) || delivering_.contains({from.id(), to})) continue;
    const engine::Message& message = from.tables().channels().outbox(to)->begin()->second;
    delivering_.insert({from.id(), to});
    if (message.number <= receiver.tables().channels().watermark(from.id())) {
      acknowledge(from, to, message.number);  // done before a restart, its acknowledgement was not
      continue;
    }
    Proposal proposal;
    proposal.entry.time = stamp_;
    proposal.entry.receive_from = from.id();
    proposal.entry.receive = message;
    ++stats_.entries_proposed;
    receiver.propose(std::move(proposal));
  }
}

void Node::acknowledge(Group& sender, GroupId receiver, std::uint64_t through) {
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.ack_to = receiver;
  proposal.entry.ack_through = through;
  ++stats_.entries_proposed;
  sender.propose(std::move(proposal));
}

}  // namespace pawl::node
