// Reads that see all that was acknowledged before they came (dissertation 6.4): the group's leader
// is asked for its read index, and this box answers from its own tables once they are that far.
#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "node/node.h"
#include "node/planted.h"
#include "node/quotas.h"
#include "node/refusals.h"

namespace pawl::node {

// A read of one run asks its group, and group 0 for its definition; any other asks all.
void Node::begin_barrier(Request& request, Barrier& op) {
  const RequestId id = request.id;
  std::vector<GroupId> groups;
  if (op.run) {
    const GroupId group = op.run->uid ? op.run->uid->group : group_of(op.run->id);
    groups.push_back(GroupId(0));
    if (group.v != 0 && group.v < groups_.size()) groups.push_back(group);
  } else {
    for (const auto& group : groups_) groups.push_back(group->id());
  }
  const std::int64_t deadline = request.deadline_ms > 0
                                    ? request.deadline_ms
                                    : now_.mono_ms + limits::kRequestSecondsMax * 1000;
  cluster_->deadlines.emplace(deadline, id);
  cluster_->barriers[id] = {std::move(request), static_cast<int>(groups.size())};
  for (const GroupId group : groups) add_reader(group, {id, {}, 0, {}});
}

void Node::barrier_step(RequestId id) {
  const auto barrier = cluster_->barriers.find(id);
  if (barrier == cluster_->barriers.end() || --barrier->second.second > 0) return;
  Request request = std::move(barrier->second.first);
  cluster_->barriers.erase(barrier);
  if (quotas_->settle_barrier(id)) return;
  const auto held = cluster_->held.find(id);
  if (held != cluster_->held.end()) {
    // A start that wanted the default version.
    Operation& wanted = held->second.request.operation;
    auto* call = std::get_if<CallRun>(&wanted);
    auto& start = call != nullptr ? call->start : std::get<StartRun>(wanted);
    const auto version = definitions_.resolve(start.workflow, {});
    if (version) {
      start.version = version;
      cluster_->retry_later(id);
    } else {
      refuse(id, 404, "workflow-unknown", "There is no such workflow version",
             workflow_unknown(start.workflow, {}));
    }
  } else if (under_way_.outstanding.contains(id)) {
    show(request, std::get<Barrier>(request.operation));
  }
}

void Node::add_reader(GroupId group, ReadWaiter reader) {
  if (planted(Bug::read_own_tables) && reader.barrier.v != 0) return barrier_step(reader.barrier);
  cluster_->reads[group.v].next.push_back(std::move(reader));
  ask(group);
}

// Begins the next question of a group, if none is under way and somebody waits.
void Node::ask(GroupId id) {
  GroupReads& reads = cluster_->reads[id.v];
  if (reads.asking || reads.next.empty() || now_.mono_ms < reads.retry_mono_ms) return;
  Group& group = *groups_[id.v];
  if (!group.raft().leads()) {
    // Only this box's own readers can wait for another leader.
    std::vector<ReadWaiter> own;
    for (ReadWaiter& reader : std::exchange(reads.next, {})) {
      if (reader.barrier.v != 0) {
        own.push_back(std::move(reader));
      } else {
        bounce(id, reader);
      }
    }
    reads.next = std::move(own);
  }
  const NodeId leader = group.raft().leader();
  if (reads.next.empty() || leader.v == 0) return;
  reads.asking = true;
  reads.of = leader;
  reads.context = ++cluster_->next_context;
  reads.asked_mono_ms = now_.mono_ms;
  reads.asked = std::exchange(reads.next, {});
  if (leader == options_.self) {
    group.read_index(reads.context);
  } else {
    send_frame(leader, codecs::FrameKind::kReadAsk, ReadAsk{id, reads.context});
  }
}

void Node::on_read_ask(NodeId from, const ReadAsk& frame) {
  if (frame.group.v >= groups_.size()) return;
  if (!groups_[frame.group.v]->raft().leads()) {
    send_frame(from, codecs::FrameKind::kReadReply, ReadReply{frame.group, frame.context, {}});
    return;
  }
  add_reader(frame.group, {{}, from, frame.context, {}});
}

void Node::finish_read(const Cluster::ReadResult& result) {
  if (result.group.v >= groups_.size()) return;
  GroupReads& reads = cluster_->reads[result.group.v];
  if (!reads.asking || reads.context != result.context) return;
  reads.asking = false;
  std::vector<ReadWaiter> asked = std::exchange(reads.asked, {});
  if (result.index.v == 0) {
    // Whoever was asked does not lead: the next leader is asked, soon.
    reads.retry_mono_ms = now_.mono_ms + limits::kReadRetryMs;
    for (ReadWaiter& reader : asked) reads.next.push_back(std::move(reader));
    return;
  }
  for (ReadWaiter& reader : asked) satisfy(result.group, reader, result.index);
  ask(result.group);
}

void Node::satisfy(GroupId group, ReadWaiter& reader, Index index) {
  if (reader.barrier.v != 0) {
    if (groups_[group.v]->applied() >= index || planted(Bug::lower_read_index)) {
      barrier_step(reader.barrier);
    } else {
      cluster_->reads[group.v].applying.emplace(index, reader.barrier);
    }
  } else if (reader.box.v != 0) {
    send_frame(reader.box, codecs::FrameKind::kReadReply, ReadReply{group, reader.context, index});
  } else {
    for (PendingAnswer& pending : reader.answers) answer(std::move(pending.answer), pending.item);
  }
}

// The reader asked this box because it led; it does not.
void Node::bounce(GroupId group, ReadWaiter& reader) {
  if (reader.box.v != 0) {
    send_frame(reader.box, codecs::FrameKind::kReadReply, ReadReply{group, reader.context, {}});
  }
  for (const PendingAnswer& pending : reader.answers) retry(pending.answer.id);
}

// The group's tables are further than they were: who waited for that.
void Node::applied_further(GroupId group) {
  auto& applying = cluster_->reads[group.v].applying;
  const Index applied = groups_[group.v]->applied();
  while (!applying.empty() && applying.begin()->first <= applied) {
    const RequestId id = applying.begin()->second;
    applying.erase(applying.begin());
    barrier_step(id);
  }
}

// Every tick: questions that got no answer, and those that wait for a leader.
void Node::retry_reads() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    GroupReads& reads = cluster_->reads[g];
    const std::int64_t patience = limits::kReadAgainMs + 2 * cluster_->pace.round_trip_ms();
    const bool lost =
        reads.asking && reads.of != options_.self && now_.mono_ms - reads.asked_mono_ms >= patience;
    if (lost && groups_[g]->raft().leader() == reads.of) {
      // The same question, so that the answer to any of its copies counts.
      reads.asked_mono_ms = now_.mono_ms;
      send_frame(reads.of, codecs::FrameKind::kReadAsk, ReadAsk{group, reads.context});
    } else if (lost) {
      reads.asking = false;
      for (ReadWaiter& reader : std::exchange(reads.asked, {}))
        reads.next.push_back(std::move(reader));
    }
    ask(group);
  }
}

}  // namespace pawl::node
