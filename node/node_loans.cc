// Polls parked here, tasks led elsewhere. A poll is never offered in two places at once:
//
//   parked --(tasks wait at another box)--> lent --(tasks)--> answered
//                                           lent --(none)--> parked
//   lent --(its client went away, tasks came)--> the tasks go back
//
// A leader tells each box once that a queue has tasks which no poll of its own takes; the box lends
// its parked polls, and every new one at once, until the leader answers one with nothing.
#include <algorithm>

#include "base/limits.h"
#include "node/node.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kLoanMs = 1'000;  // unanswered, it is asked for again

}  // namespace

// Asks a box that said it has tasks to fill the poll. False if there is none.
bool Node::lend(ParkedPoll& poll) {
  const auto demand = cluster_->demand.find(poll.poll.queue);
  if (demand == cluster_->demand.end() || demand->second.empty()) return false;
  const NodeId box = *demand->second.begin();
  const std::uint64_t number = own_id().v;
  const std::uint64_t id = cluster_->forward_base + number;
  if (poll.key.empty()) poll.key = mint_key();
  poll.lent = true;
  cluster_->loans[id] = {poll.id, box, now_.mono_ms};
  Request request;
  request.key = poll.key;
  request.operation = poll.poll;
  std::get<PollTasks>(request.operation).wait_ms = 0;
  send_frame(box, codecs::FrameKind::kForwardedRequest,
             ForwardedRequest{cluster_->forward_base, number, 0, GroupId(0), Term(0), kLoanMs,
                              std::move(request)});
  return true;
}

void Node::on_loan_answer(NodeId from, ForwardedAnswer& frame) {
  const Loan loan = cluster_->loans.at(frame.id);
  if (loan.box != from) return;
  cluster_->loans.erase(frame.id);
  ParkedPoll* poll = polls_.find(loan.poll);
  const bool filled = !frame.answer.tokens.empty();
  if (poll != nullptr && !poll->gone && filled) {
    polls_.take(loan.poll);
    frame.answer.id = loan.poll;
    answer(std::move(frame.answer));
    return;
  }
  if (filled) {
    send_frame(from, codecs::FrameKind::kReturnedTasks,
               ReturnedTasks{std::move(frame.answer.tokens)});
  } else if (poll != nullptr) {
    const auto demand = cluster_->demand.find(poll->poll.queue);
    if (demand != cluster_->demand.end()) demand->second.erase(from);
  }
  if (poll != nullptr) end_loan(*poll);
}

// The poll is this box's again.
void Node::end_loan(ParkedPoll& poll) {
  poll.lent = false;
  if (!poll.gone && poll.reserved == 0) fill(poll);
  if (poll.reserved == 0 && !poll.lent) settle_poll(poll);
}

// A poll with nothing on its way: gone, out of time, or parked on.
void Node::settle_poll(ParkedPoll& poll) {
  if (poll.lent) return;
  if (poll.gone) {
    for (const TaskRef& task : poll.granted) left_.returns.push_back(task);
    polls_.take(poll.id);
  } else if (!poll.granted.empty()) {
    ParkedPoll full = *polls_.take(poll.id);
    remember_poll(full);
    left_.full_polls.push_back(std::move(full));
  } else if (poll.poll.wait_ms == 0 || poll.deadline_mono_ms <= now_.mono_ms) {
    answer_poll(*polls_.take(poll.id));
  }
}

// Asked again under the same key, the leader gives the tasks it gave; of a box that can't be
// reached they are lost, and come back when their lease ends.
void Node::expire_loans() {
  std::vector<std::uint64_t> over;
  for (const auto& [id, loan] : cluster_->loans) {
    const bool old = now_.mono_ms - loan.sent_mono_ms >= kLoanMs;
    if (old || !cluster_->is_linked(loan.box)) over.push_back(id);
  }
  for (const std::uint64_t id : over) {
    const Loan loan = cluster_->loans.at(id);
    cluster_->loans.erase(id);
    ParkedPoll* poll = polls_.find(loan.poll);
    if (poll == nullptr) continue;
    if (!cluster_->is_linked(loan.box)) cluster_->demand[poll->poll.queue].erase(loan.box);
    end_loan(*poll);
  }
}

void Node::on_demand(NodeId from, const std::string& queue) {
  cluster_->demand[queue].insert(from);
  for (const RequestId id : polls_.parked_at(queue)) {
    ParkedPoll* poll = polls_.find(id);
    if (poll->wants_more() && poll->reserved == 0 && poll->granted.empty()) lend(*poll);
  }
}

// Tells the others of queues whose new tasks no poll of this box takes.
void Node::advertise() {
  for (const std::string& queue : std::exchange(cluster_->queues_touched, {})) {
    if (!hands_out(queue)) continue;
    std::set<NodeId>& told = cluster_->advertised[queue];
    for (const NodeId peer : cluster_->peers) {
      if (!cluster_->is_linked(peer) || told.contains(peer)) continue;
      told.insert(peer);
      send_frame(peer, codecs::FrameKind::kQueueDemand, QueueDemand{queue});
    }
  }
}

// Once more for all that waits: what was said may have been lost.
void Node::advertise_all() {
  cluster_->advertised.clear();
  for (const auto& group : groups_) {
    if (!decides(*group)) continue;
    for (const auto& [queue, tasks] : group->tables().queues()) {
      if (!tasks.waiting.empty()) cluster_->queues_touched.insert(queue);
    }
  }
}

// A hand-out that reached no worker, of a group that another box leads.
void Node::return_to_leader(const TaskRef& task) {
  const NodeId leader = groups_[task.group.v]->raft().leader();
  if (leader.v == 0 || leader == options_.self) return;  // its lease will end
  send_frame(leader, codecs::FrameKind::kReturnedTasks, ReturnedTasks{{token_of(task)}});
}

}  // namespace pawl::node
