// Messages between groups: engine/channel.h has the states. If both ends are led by this box a
// message goes from the sender's outbox straight into an entry of the receiver, else over the link
// as a Delivery, again each second until a DeliveryTaken has come back and is committed.
#include "base/limits.h"
#include "node/assembly.h"
#include "node/node.h"
#include "node/planted.h"

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

// Sets the oldest unacknowledged message of each channel on its way. One at a time: the next goes
// when the acknowledgement is committed.
void Node::deliver_messages(Group& from) {
  if (!decides(from)) return;
  for (const GroupId to : from.tables().channels().destinations()) {
    if (under_way_.delivering.contains({from.id(), to})) continue;
    Group& receiver = *groups_[to.v];
    const engine::Message& message = from.tables().channels().outbox(to)->begin()->second;
    const NodeId leader = receiver.raft().leader();
    if (decides(receiver)) {
      under_way_.delivering.insert({from.id(), to});
      receive_message(from.id(), receiver, message);
    } else if (cluster_ && leader.v != 0 && leader != options_.self) {
      under_way_.delivering.insert({from.id(), to});
      send_frame(leader, codecs::FrameKind::kDelivery, Delivery{from.id(), to, message});
    }
    if (cluster_) {
      cluster_->deliver_again_mono_ms[{from.id(), to}] = now_.mono_ms + limits::kDeliverAgainMs;
    }
  }
}

// Proposes the message where it takes effect; `receiver` is led by this box.
void Node::receive_message(GroupId sender, Group& receiver, const engine::Message& message) {
  if (message.number <= receiver.tables().channels().watermark(sender) &&
      !planted(Bug::take_twice)) {
    // Done before, its acknowledgement was not.
    left_.acknowledgements.push_back({sender, receiver.id(), message.number});
    return;
  }
  if (cluster_ && !cluster_->receiving.insert({sender, receiver.id()}).second) return;
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.receive_from = sender;
  proposal.entry.receive = message;
  ++stats_.entries_proposed;
  receiver.propose(std::move(proposal));
}

// The receiving group, led by this box, has committed it: the sending group is to know.
void Node::acknowledge(Group& sender, GroupId receiver, std::uint64_t through) {
  const NodeId leader = sender.raft().leader();
  if (!decides(sender)) {
    if (leader.v != 0 && leader != options_.self && cluster_) {
      send_frame(leader, codecs::FrameKind::kDeliveryTaken,
                 DeliveryTaken{sender.id(), receiver, through});
    }
    return;
  }
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.ack_to = receiver;
  proposal.entry.ack_through = through;
  ++stats_.entries_proposed;
  sender.propose(std::move(proposal));
}

void Node::on_delivery(NodeId, const Delivery& frame) {
  if (frame.from.v >= groups_.size() || frame.to.v >= groups_.size()) return;
  Group& receiver = *groups_[frame.to.v];
  // Numbers have no gaps: one that is further ahead comes again when its time has come.
  const std::uint64_t known = receiver.tables().channels().watermark(frame.from);
  if (decides(receiver) && frame.message.number <= known + 1) {
    receive_message(frame.from, receiver, frame.message);
  }
}

void Node::on_delivery_taken(const DeliveryTaken& frame) {
  if (frame.from.v >= groups_.size() || frame.to.v >= groups_.size()) return;
  Group& sender = *groups_[frame.from.v];
  const auto* outbox = sender.tables().channels().outbox(frame.to);
  const bool news =
      outbox != nullptr && !outbox->empty() && outbox->begin()->first <= frame.through;
  if (decides(sender) && news) acknowledge(sender, frame.to, frame.through);
}

// Every tick: what was not confirmed in time.
void Node::deliver_again() {
  auto& due = cluster_->deliver_again_mono_ms;
  for (auto it = due.begin(); it != due.end();) {
    if (it->second > now_.mono_ms) {
      ++it;
      continue;
    }
    under_way_.delivering.erase(it->first);
    left_.senders.insert(it->first.first);
    it = due.erase(it);
  }
}

}  // namespace pawl::node
