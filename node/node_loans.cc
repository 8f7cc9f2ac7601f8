// Polls parked here, tasks led elsewhere. A poll is never offered in two places at once:
//
//   parked --(tasks wait at another box)--> lent --(tasks)--> answered
//                                           lent --(none)--> parked
//   lent --(its client went away, tasks came)--> the tasks go back
//   lent --(no answer in a second, or the link is down)--> parked; its loan is an orphan
//   orphan --(tasks)--> they go back --> orphan
//   orphan --(none, or a minute has passed)--> over
//
// A leader tells each box once that a queue has tasks which no poll of its own takes; the box lends
// its parked polls, and every new one at once, until the leader answers one with nothing.
//
// The answer to a loan may be lost between the boxes: its tasks reached no worker and must not use
// an attempt. So an orphan is asked for each second, for no new tasks, until the leader says that
// nothing is out under its key. Not so if the key is a client's, who may repeat the poll by it.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "node/node.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kLoanMs = 1'000;     // unanswered, it is asked for again
constexpr std::int64_t kOrphanMs = 60'000;  // by then leases have ended, or another box leads

ForwardedRequest request_of(std::uint64_t base, const Loan& loan) {
  Request request;
  request.key = loan.key;
  request.operation = loan.wanted;
  return {base, loan.number, 0, GroupId(0), Term(0), kLoanMs, std::move(request)};
}

}  // namespace

std::string Node::mint_key() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string key;
  for (int word = 0; word < 2; ++word) {
    std::uint64_t bits = random_.next();
    for (int i = 0; i < 16; ++i, bits >>= 4) key.push_back(kDigits[bits & 15]);
  }
  return key;
}

// Asks a box that said it has tasks to fill the poll. False if there is none.
bool Node::lend(ParkedPoll& poll) {
  std::vector<std::string> queues;
  for (std::string& queue : poll.queues()) {
    const auto demand = cluster_->demand.find(queue);
    if (demand != cluster_->demand.end() && !demand->second.empty()) queues.push_back(queue);
  }
  if (queues.empty()) return false;
  const std::string queue = queues[polls_.longest_unserved(queues)];
  const NodeId box = *cluster_->demand[queue].begin();
  const std::uint64_t number = own_id().v;
  const std::uint64_t id = cluster_->forward_base + number;
  if (poll.key.empty()) {
    poll.key = mint_key();
    poll.minted = true;
  }
  poll.lent = true;
  Loan& loan = cluster_->loans[id];
  loan = {poll.id, box, number, poll.poll, poll.key, poll.minted, now_.mono_ms, now_.mono_ms};
  loan.wanted.queue = queue;
  loan.wanted.others.clear();
  loan.wanted.wait_ms = 0;
  send_frame(box, codecs::FrameKind::kForwardedRequest, request_of(cluster_->forward_base, loan));
  return true;
}

void Node::on_loan_answer(NodeId from, ForwardedAnswer& frame) {
  const auto at = cluster_->loans.find(frame.id);
  if (at->second.box != from) return;
  const bool filled = !frame.answer.tokens.empty();
  ParkedPoll* poll = polls_.find(at->second.poll);
  if (filled && (poll == nullptr || poll->gone)) {
    // They may be lost on their way back: it is asked for once more.
    send_frame(from, codecs::FrameKind::kReturnedTasks,
               ReturnedTasks{std::move(frame.answer.tokens)});
    orphan_loan(frame.id, &at->second);
    return;
  }
  const std::string queue = at->second.wanted.queue;
  cluster_->loans.erase(at);
  if (poll == nullptr) return;
  if (filled) {
    polls_.served(queue);
    frame.answer.id = poll->id;
    polls_.take(poll->id);
    answer(std::move(frame.answer));
    return;
  }
  const auto demand = cluster_->demand.find(queue);
  if (demand != cluster_->demand.end()) demand->second.erase(from);
  end_loan(*poll);
}

// Its poll goes on without it, under another key.
void Node::orphan_loan(std::uint64_t id, Loan* loan) {
  ParkedPoll* poll = polls_.find(std::exchange(loan->poll, RequestId(0)));
  loan->wanted.max = 0;
  loan->sent_mono_ms = now_.mono_ms;
  if (!loan->minted || cluster_->loans.size() > limits::kParkedPollsMax) {
    cluster_->loans.erase(id);
  } else if (poll != nullptr) {
    poll->key.clear();
    poll->minted = false;
  }
  if (poll != nullptr) end_loan(*poll);
}

// The poll is this box's again.
void Node::end_loan(ParkedPoll& poll) {
  poll.lent = false;
  if (!poll.gone && poll.reserved == 0) fill(poll);
  // Another namespace's queue, perhaps.
  const bool goes_on = !poll.gone && poll.reserved == 0 && poll.granted.empty();
  if (goes_on && !poll.poll.others.empty() && lend(poll)) return;
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

void Node::expire_loans() {
  std::vector<std::uint64_t> due;
  for (const auto& [id, loan] : cluster_->loans) {
    const bool cut = loan.poll.v != 0 && !cluster_->is_linked(loan.box);
    if (cut || now_.mono_ms - loan.sent_mono_ms >= kLoanMs) due.push_back(id);
  }
  for (const std::uint64_t id : due) {
    Loan& loan = cluster_->loans.at(id);
    const bool linked = cluster_->is_linked(loan.box);
    if (loan.poll.v != 0) {
      if (!linked) cluster_->demand[loan.wanted.queue].erase(loan.box);
      orphan_loan(id, &loan);
    } else if (now_.mono_ms - loan.begun_mono_ms >= kOrphanMs) {
      cluster_->loans.erase(id);
    } else if (linked) {
      loan.sent_mono_ms = now_.mono_ms;
      send_frame(loan.box, codecs::FrameKind::kForwardedRequest,
                 request_of(cluster_->forward_base, loan));
    }
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
