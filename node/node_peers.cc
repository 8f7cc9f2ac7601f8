// Other boxes: frames in and out, ticks for raft, and what follows when a leader changes.
#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "node/batches.h"
#include "node/boxes.h"
#include "node/forgetting.h"
#include "node/permits.h"
#include "node/planted.h"
#include "node/quotas.h"
#include "node/subscriptions.h"

namespace pawl::node {
namespace {

template <class Frame>
bool read(const PeerFrame& frame, Frame* out) {
  return decode(frame.payload, out);
}

// Asked again it takes effect once.
bool is_repeatable(const Request& request) {
  return !request.key.empty() || std::holds_alternative<ReportTask>(request.operation) ||
         std::holds_alternative<ChangePermit>(request.operation);
}

// By the slowest of all boxes, as far as they were heard.
void set_pace(Cluster* c, const std::vector<std::unique_ptr<Group>>& groups) {
  c->pace.age();
  std::int64_t sync_ms = c->pace.sync_ms();
  std::int64_t round_trip_ms = c->pace.round_trip_ms();
  for (const auto& [box, status] : c->statuses) {
    sync_ms = std::max(sync_ms, status.sync_ms);
    round_trip_ms = std::max(round_trip_ms, status.round_trip_ms);
  }
  if (!c->pace.takes(Pace::election_ms(sync_ms, round_trip_ms))) return;
  for (const auto& group : groups) group->set_election_timeout(c->pace.election_ms());
}

}  // namespace

// --- GroupOwner: what raft says is acted upon in settle() ---

void Node::on_ready(Group& group) { left_.ready.push_back(group.id()); }

void Node::on_leader(Group& group) {
  if (cluster_) cluster_->leader_changes.push_back(group.id());
}

void Node::on_dropped(Group& group, Proposal proposal) {
  cluster_->dropped.emplace_back(group.id(), std::move(proposal));
}

void Node::on_read(Group& group, std::uint64_t context, Index index) {
  cluster_->read_results.push_back({group.id(), context, index});
}

void Node::on_send(NodeId to, const codecs::RaftEnvelope& envelope) {
  PAWL_CHECK(out_ != nullptr);
  OutgoingFrame& frame = out_->frames.emplace_back();
  frame.to = to;
  frame.kind = codecs::FrameKind::kRaft;
  raft_encoder_.encode(envelope, &frame.payload);
}

void Node::on_entries_wanted(GroupId group, Index first, Index last) {
  PAWL_CHECK(out_ != nullptr);
  out_->entry_reads.push_back({group, first, last});
}

// --- frames ---

// What can't be read is dropped and counted: everything here may be lost.
void Node::on_frame(const PeerFrame& frame) {
  if (!cluster_ || !std::binary_search(cluster_->peers.begin(), cluster_->peers.end(), frame.from))
    return;
  ForwardedRequest request;
  ForwardedAnswer answer;
  ReadAsk ask;
  ReadReply reply;
  QueueDemand demand;
  ReturnedTasks returned;
  Delivery delivery;
  DeliveryTaken taken;
  BoxStatus status;
  ScrubStatus scrubbed;
  using Kind = codecs::FrameKind;
  const Kind kind = frame.kind;
  if (kind != Kind::kBoxStatus && !boxes_->heard(frame.from)) return;
  if (kind == Kind::kRaft) {
    on_raft(frame);
  } else if (kind == Kind::kForwardedRequest && read(frame, &request)) {
    on_forwarded(frame.from, request);
  } else if (kind == Kind::kForwardedAnswer && read(frame, &answer)) {
    on_forwarded_answer(frame.from, answer);
  } else if (kind == Kind::kReadAsk && read(frame, &ask)) {
    on_read_ask(frame.from, ask);
  } else if (kind == Kind::kReadReply && read(frame, &reply)) {
    cluster_->read_results.push_back({reply.group, reply.context, reply.index});
  } else if (kind == Kind::kQueueDemand && read(frame, &demand)) {
    on_demand(frame.from, demand.queue);
  } else if (kind == Kind::kReturnedTasks && read(frame, &returned)) {
    for (const std::string& token : returned.tokens) {
      TaskRef task;
      if (parse_token(token, &task) && task.group.v < groups_.size()) give_back(task);
    }
  } else if (kind == Kind::kDelivery && read(frame, &delivery)) {
    on_delivery(frame.from, delivery);
  } else if (kind == Kind::kDeliveryTaken && read(frame, &taken)) {
    on_delivery_taken(taken);
  } else if (kind == Kind::kBoxStatus && read(frame, &status)) {
    on_status(frame.from, status);
  } else if (kind == Kind::kScrubStatus && read(frame, &scrubbed)) {
    cluster_->scrubbed[frame.from] = std::move(scrubbed);
  } else {
    ++stats_.frames_refused;
  }
  settle();
}

void Node::on_raft(const PeerFrame& frame) {
  codecs::RaftEnvelope envelope;
  std::string error;
  const bool fits = codecs::decode_raft_message(frame.payload, &envelope, &error) &&
                    envelope.message.from == frame.from && envelope.message.to == options_.self &&
                    envelope.group.v < groups_.size();
  if (!fits) {
    ++stats_.frames_refused;
    return;
  }
  groups_[envelope.group.v]->receive(envelope);
  check_fatal();
}

void Node::on_status(NodeId from, const BoxStatus& status) {
  if (boxes_->on_status(from, status)) cluster_->statuses[from] = status;
}

void Node::on_link(const PeerLink& link) {
  if (!cluster_ || !std::binary_search(cluster_->peers.begin(), cluster_->peers.end(), link.peer)) {
    return;
  }
  cluster_->next_balance_mono_ms = now_.mono_ms + limits::kBalanceMs;
  if (link.up) {
    cluster_->linked.insert(link.peer);
  } else {
    cluster_->linked.erase(link.peer);
    for (const auto& group : groups_) group->unreachable(link.peer);
    cluster_->statuses.erase(link.peer);
    cluster_->pace.lost(link.peer);
    for (auto& [id, held] : cluster_->held) {
      if (held.sent_to == link.peer) retry(id);
    }
    for (auto& [queue, boxes] : cluster_->demand) boxes.erase(link.peer);
    for (auto& [queue, boxes] : cluster_->advertised) boxes.erase(link.peer);
  }
  boxes_->link_changed(link.peer, link.up);
  settle();
}

void Node::on_loaded_entries(EntriesLoaded& loaded) {
  groups_[loaded.group.v]->loaded(loaded.first, loaded.last, std::move(loaded.payloads));
  settle();
}

// All groups in one go, at the same moments on each box: their heartbeats share datagrams.
void Node::tick_groups() {
  if (!cluster_ || now_.mono_ms < cluster_->next_tick_mono_ms) return;
  cluster_->next_tick_mono_ms =
      now_.mono_ms - now_.mono_ms % limits::kRaftTickMs + limits::kRaftTickMs;
  for (const auto& group : groups_) group->tick({now_.mono_ms, random_.next()});
  check_fatal();
  if (!may_campaign_) hold_candidacy();
  // A leader that gave up handing over, or that was too far ahead, goes on with what it left.
  for (const auto& group : groups_) {
    const bool now = decides(*group);
    if (now && !cluster_->deciding[group->id().v]) left_.ready.push_back(group->id());
    cluster_->deciding[group->id().v] = now;
  }
  route_again();
  retry_reads();
  expire_loans();
  deliver_again();
  leave_stalled_disk();
  boxes_->tick();
  if (now_.mono_ms < cluster_->next_status_mono_ms) return;
  cluster_->next_status_mono_ms = now_.mono_ms + limits::kBoxStatusMs;
  for (const NodeId peer : cluster_->peers) {
    send_frame(peer, codecs::FrameKind::kBoxStatus, boxes_->status_for(peer));
  }
  boxes_->tell_scrubbed();
  set_pace(cluster_.get(), groups_);
  boxes_->raise_levels();
  boxes_->enter_what_is_known();
  advertise_all();
  balance();
}

// --- leaders ---

// Every group has a home, spread over the boxes. Gently: one group at a time, to a box that keeps
// up and has been there for a while.
void Node::balance() {
  Cluster& c = *cluster_;
  if (now_.mono_ms < c.next_balance_mono_ms) return;
  c.next_balance_mono_ms = now_.mono_ms + limits::kBalanceMs;
  for (const auto& group : groups_) {
    const std::vector<NodeId>& voters = boxes_->voters();
    const NodeId home = voters[group->id().v % voters.size()];
    if (home == options_.self || !decides(*group) || !c.is_linked(home)) continue;
    const raft::Progress* progress = group->raft().state().peer(home);
    const std::uint64_t last = group->raft().last().index.v;
    if (progress == nullptr || progress->match.v + limits::kBalanceLagMax < last) continue;
    if (c.is_stalled(home)) continue;
    group->transfer(home);
    return;
  }
}

// This box's disk takes too long, or has no room: whose acknowledgements are current leads better.
void Node::leave_stalled_disk() {
  Cluster& c = *cluster_;
  const bool stalled = c.disk_ms(now_.mono_ms, under_way_.room) >= limits::kDiskStallMs;
  if (!stalled || now_.mono_ms < c.next_hand_over_mono_ms) return;
  c.next_hand_over_mono_ms = now_.mono_ms + limits::kHandOverMs;
  for (const auto& group : groups_) {
    if (!decides(*group)) continue;
    const raft::Progress* best = nullptr;
    for (const NodeId peer : c.peers) {
      const raft::Progress* progress = group->raft().state().peer(peer);
      const bool can = progress != nullptr && c.is_linked(peer) && !c.is_stalled(peer) &&
                       progress->match >= group->raft().commit();
      if (can && (best == nullptr || progress->match > best->match)) best = progress;
    }
    if (best != nullptr) group->transfer(best->id);
  }
}

void Node::settle_cluster() {
  Cluster& c = *cluster_;
  while (!c.leader_changes.empty()) {
    const GroupId group = c.leader_changes.front();
    c.leader_changes.pop_front();
    settle_leader(*groups_[group.v]);
  }
  while (!c.dropped.empty()) {
    auto [group, proposal] = std::move(c.dropped.front());
    c.dropped.pop_front();
    settle_dropped(*groups_[group.v], proposal);
  }
  while (!c.read_results.empty()) {
    const Cluster::ReadResult result = c.read_results.front();
    c.read_results.pop_front();
    finish_read(result);
  }
  while (!c.retries.empty()) {
    const RequestId id = c.retries.front();
    c.retries.pop_front();
    if (c.held.contains(id)) route(id);
  }
  for (const auto& group : groups_) {
    if (!c.reads[group->id().v].applying.empty()) applied_further(group->id());
  }
  if (!c.queues_touched.empty()) advertise();
}

void Node::settle_leader(Group& group) {
  const raft::Raft& raft = group.raft();
  const Term opened = opened_[group.id().v];
  if (opened.v != 0 && (!raft.leads() || raft.term() != opened)) close(group);
  if (raft.leads() || raft.leader().v == 0) return;
  Cluster& c = *cluster_;
  for (auto& [id, held] : c.held) {
    if (held.group != group.id()) continue;
    if (c.waiting.contains(id) || (held.sent_to.v != 0 && held.sent_to != raft.leader())) {
      retry(id);
    }
  }
  GroupReads& reads = c.reads[group.id().v];
  reads.retry_mono_ms = 0;
  ask(group.id());
}

// This box leads the group no more: what has not been proposed goes to the next leader. What has
// is answered when it is applied, or dropped.
void Node::close(Group& group) {
  const GroupId id = group.id();
  opened_[id.v] = Term(0);
  leases_.end_group(id);
  forgetting_->lost(id);
  batches_->lost(id);
  permits_->lost(id);
  quotas_->lost(id);
  if (!planted(Bug::open_lost_group)) {
    for (const Job& job : mailboxes_[id.v].clear()) retry_job(group, job);
  }
  for (auto& [key, load] : under_way_.loads) {
    if (key.first != id) continue;
    for (const Job& job : std::exchange(load.jobs, {})) retry_job(group, job);
  }
  for (auto& [key, jobs] : under_way_.pasts) {
    if (std::get<0>(key) != id) continue;
    for (const Job& job : std::exchange(jobs, {})) retry_job(group, job);
  }
  std::erase_if(under_way_.delivering, [id](const auto& pair) { return pair.first == id; });
  std::erase_if(cluster_->receiving, [id](const auto& pair) { return pair.second == id; });
  if (id.v != 0) return;
  subscriptions_->lost();
  under_way_.catalog_busy = false;
  under_way_.pausing_queue.clear();
  for (const Request& request : std::exchange(under_way_.catalog_requests, {})) retry(request.id);
}

void Node::settle_dropped(Group& group, Proposal& proposal) {
  ++stats_.entries_dropped;
  for (const PendingAnswer& pending : proposal.answers) {
    const auto held = cluster_->held.find(pending.answer.id);
    // Done twice is worse than not known: it is told so at its deadline.
    if (proposal.unknown && held != cluster_->held.end() && !is_repeatable(held->second.request)) {
      held->second.tried = true;
      continue;
    }
    retry(pending.answer.id);
  }
  for (const std::string& key : proposal.keys) retry_keyed(key);
  for (const Grant& grant : proposal.grants) {
    ParkedPoll* poll = polls_.find(grant.poll);
    if (poll == nullptr) continue;
    --poll->reserved;
    if (poll->reserved == 0) settle_poll(*poll);
  }
  std::erase_if(cluster_->receiving, [&](const auto& pair) { return pair.second == group.id(); });
}

void Node::raise_feature_level(Group& group, std::uint16_t level) {
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.raise_level = level;
  group.propose(std::move(proposal));
}

}  // namespace pawl::node
