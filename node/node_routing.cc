// A request's way to the box that leads its group, and its answer's way back (cluster.h).
#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "engine/run_id.h"
#include "node/node.h"
#include "node/planted.h"
#include "node/quotas.h"
#include "node/refusals.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kForwardMsMax = limits::kRequestSecondsMax * 1000;

// What may have been with another leader must be recognised. Not reports: their tokens are.
void know_as(Request* request, const engine::ForwardedAs& forwarded) {
  if (!request->key.empty() || planted(Bug::forward_unnumbered)) return;
  if (std::holds_alternative<ReportTask>(request->operation)) return;
  request->forwarded = forwarded;
  request->digest = Digest{};
}

// A start that does not say of which version.
bool resolves_version(const Operation& operation) {
  if (std::holds_alternative<CallRun>(operation)) return true;
  const auto* start = std::get_if<StartRun>(&operation);
  return start != nullptr && !start->version;
}

// Of a question to a group; else null.
const GroupId* group_surveyed(const Operation& operation) {
  if (const auto* runs = std::get_if<SurveyRuns>(&operation)) return &runs->group;
  const auto* usage = std::get_if<SurveyNamespace>(&operation);
  return usage == nullptr ? nullptr : &usage->group;
}

}  // namespace

RequestId Node::own_id() { return RequestId(cluster_->next_own_id++); }

// A client's request, on a box that is not alone.
void Node::enter(Request& request) {
  if (auto* poll = std::get_if<PollTasks>(&request.operation)) {
    on_operation(request, *poll);
    return;
  }
  if (auto* barrier = std::get_if<Barrier>(&request.operation)) {
    begin_barrier(request, *barrier);
    return;
  }
  if (cluster_->held.size() >= static_cast<std::size_t>(limits::kHeldRequestsMax)) {
    ++stats_.refused_full;
    refuse(request.id, 429, "queue-full", "Too many requests are waiting", "try again in a second");
    return;
  }
  if (auto* reports = std::get_if<ReportTasks>(&request.operation)) {
    enter_items(request, *reports);
    return;
  }
  if (quotas_->crowds_out(request)) {
    ++stats_.refused_full;
    refuse(request.id, 429, "queue-full", "Too many requests of the namespace are waiting",
           "others get their turn: try again in a second");
    return;
  }
  GroupId group;
  if (!group_of_request(request, &group)) return;
  const RequestId id = request.id;
  const bool resolves = resolves_version(request.operation);
  hold(std::move(request), group);
  if (!resolves) {
    route(id);
    return;
  }
  // Which version that is, is group 0's to say: this box may not have heard of the newest.
  cluster_->barriers[id] = {Request{}, 1};
  add_reader(GroupId(0), {id, {}, 0, {}});
}

// The group that decides the request; false if it was answered, since it names none.
bool Node::group_of_request(const Request& request, GroupId* group) {
  *group = GroupId(0);
  const std::string* token = nullptr;
  if (const auto* start = std::get_if<StartRun>(&request.operation)) {
    const std::string& key = request.key.empty() ? request.minted_key : request.key;
    *group = group_of(started_run_id(*start, key));
  } else if (const auto* call = std::get_if<CallRun>(&request.operation)) {
    *group = group_of(call->start.id);
  } else if (const auto* command = std::get_if<CommandRun>(&request.operation)) {
    *group = command->run.uid ? command->run.uid->group : group_of(command->run.id);
    if (group->v == 0 || group->v >= groups_.size()) {
      refuse(request.id, 404, "run-unknown", "There is no such run",
             uid_unknown(*command->run.uid));
      return false;
    }
    if (std::holds_alternative<engine::DeleteData>(command->command) &&
        groups_[group->v]->tables().feature_level() < kJournalLevel) {
      refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
             "a run's data can be deleted once every box runs this version");
      return false;
    }
  } else if (const auto* permit = std::get_if<ChangePermit>(&request.operation)) {
    *group = permit->group;
    if (group->v > 0 && group->v < groups_.size()) return true;
    refuse(request.id, 404, "group-unknown", "There is no such group", "");
    return false;
  } else if (const GroupId* surveyed = group_surveyed(request.operation)) {
    *group = *surveyed;
    if (group->v < groups_.size()) return true;
    refuse(request.id, 404, "group-unknown", "There is no such group", "");
    return false;
  } else if (std::holds_alternative<ChangeNamespace>(request.operation) &&
             groups_[0]->tables().feature_level() < kNamespaceLevel) {
    refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
           "there are namespaces once every box runs this version");
    return false;
  } else if (std::holds_alternative<ChangeSchedule>(request.operation) &&
             groups_[0]->tables().feature_level() < kScheduleLevel) {
    refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
           "there are schedules once every box runs this version");
    return false;
  } else if ((std::holds_alternative<ChangeBatch>(request.operation) ||
              std::holds_alternative<ChangeSubscription>(request.operation)) &&
             groups_[0]->tables().feature_level() < kBatchLevel) {
    refuse(request.id, 409, "level-too-low", "A box runs an older version of pawl",
           "batches and subscriptions can be made once every box runs this version");
    return false;
  } else if (const auto* report = std::get_if<ReportTask>(&request.operation)) {
    token = &report->token;
  } else if (const auto* heartbeat = std::get_if<HeartbeatTask>(&request.operation)) {
    token = &heartbeat->token;
  }
  if (token == nullptr) return true;
  TaskRef task;
  if (!parse_token(*token, &task) || task.group.v == 0 || task.group.v >= groups_.size()) {
    refuse(request.id, 404, "task-unknown", "No such task was ever handed out",
           "tokens come from POST /v1/queues/{queue}/poll and are used as they are");
    return false;
  }
  *group = task.group;
  return true;
}

// Several outcomes: each is a request of its own, since their groups may have different leaders.
void Node::enter_items(Request& request, ReportTasks& op) {
  if (op.items.empty()) {
    on_operation(request, op);
    return;
  }
  begin_report_batch(request.id, op);
  for (std::size_t i = 0; i < op.items.size(); ++i) {
    Request item;
    item.id = own_id();
    item.actor = request.actor;
    item.deadline_ms = request.deadline_ms;
    item.operation = std::move(op.items[i]);
    under_way_.outstanding.insert(item.id);
    cluster_->items[item.id] = {request.id, static_cast<int>(i)};
    GroupId group;
    if (!group_of_request(item, &group)) continue;
    const RequestId id = item.id;
    hold(std::move(item), group);
    route(id);
  }
}

void Node::hold(Request request, GroupId group) {
  cluster_->deadlines.emplace(request.deadline_ms, request.id);
  const RequestId id = request.id;
  HeldRequest& held = cluster_->held[id];
  held.request = std::move(request);
  held.group = group;
  held.number = cluster_->next_number++;
  cluster_->numbers[held.number] = id;
}

void Node::route(RequestId id) {
  HeldRequest& held = cluster_->held.at(id);
  Group& group = *groups_[held.group.v];
  cluster_->waiting.erase(id);
  held.to_retry = false;
  held.sent_to = NodeId(0);
  const NodeId leader = group.raft().leader();
  if (decides(group)) {
    held.tried = true;
    Request request = held.request;
    // Another leader may have done it.
    if (held.sent_term.v != 0) {
      know_as(&request, {cluster_->forward_base, held.number, cluster_->numbers.begin()->first});
    }
    std::visit([&](auto& operation) { on_operation(request, operation); }, request.operation);
  } else if (leader.v != 0 && leader != options_.self && cluster_->is_linked(leader)) {
    send_to_leader(id, held, leader);
  } else {
    cluster_->waiting.insert(id);
  }
}

void Node::send_to_leader(RequestId id, HeldRequest& held, NodeId leader) {
  const Term term = groups_[held.group.v]->raft().term();
  if (held.leaders == 0 || held.sent_term != term) ++held.leaders;
  held.sent_to = leader;
  held.sent_term = term;
  held.tried = true;
  const Request& request = held.request;
  ++stats_.requests_forwarded;
  const ForwardedRequest frame{cluster_->forward_base,
                               held.number,
                               cluster_->numbers.begin()->first,
                               held.group,
                               term,
                               std::max<std::int64_t>(1, request.deadline_ms - now_.mono_ms),
                               request};
  send_frame(leader, codecs::FrameKind::kForwardedRequest, frame);
  cluster_->sent.emplace_back(now_.mono_ms + limits::kForwardAgainMs, id);
}

// Nothing came of it here: on to the group's leader, at the end of this turn.
void Node::retry(RequestId id) {
  if (id.v == 0 || !cluster_) return;
  if (cluster_->remote.contains(id)) {
    answer_not_leader(id);
  } else {
    cluster_->retry_later(id);
  }
}

// A job that the group can't decide now. A client's goes to the next leader; of the node's own the
// end of a lease must not get lost while this box still leads, since it may go on leading.
void Node::retry_job(const Group& group, const Job& job) {
  if (job.reply != Reply::nothing) {
    retry(job.request);
    return;
  }
  const engine::Run* run = group.tables().find(job.run);
  if (run != nullptr && opened_[group.id().v].v != 0) try_lease_again(*run, job.command);
}

// Not now: what it needs has not reached this box yet.
void Node::postpone(RequestId id) {
  if (cluster_->remote.contains(id)) {
    answer_not_leader(id);
  } else if (cluster_->held.contains(id)) {
    cluster_->waiting.insert(id);
  }
}

// Every tick: requests that wait for a leader, and those whose answer may have been lost.
void Node::route_again() {
  Cluster& c = *cluster_;
  for (const RequestId id : c.waiting) c.retry_later(id);
  while (!c.sent.empty() && c.sent.front().first <= now_.mono_ms) {
    const RequestId id = c.sent.front().second;
    c.sent.pop_front();
    const auto held = c.held.find(id);
    if (held != c.held.end() && held->second.sent_to.v != 0) c.retry_later(id);
  }
}

// Its answer was kept for as long as its box could wait for it. Should that box wait nevertheless,
// the outcome stays unknown: 504 at the deadline.
void Node::drop_over(RequestId id) {
  if (cluster_->remote.contains(id)) forget_remote(id);
}

// Takes an answer that is not for a client here. False if it is.
bool Node::settle_answer(Answer& answer) {
  Cluster& c = *cluster_;
  c.forget_held(answer.id);
  if (const auto remote = c.remote.find(answer.id); remote != c.remote.end()) {
    const RemoteRequest to = forget_remote(answer.id);
    if (!to.queue.empty() && answer.tokens.empty()) c.advertised[to.queue].erase(to.box);
    if (to.queue.empty()) c.keep_answer(to, answer);
    send_frame(to.box, codecs::FrameKind::kForwardedAnswer,
               ForwardedAnswer{to.id, to.term, false, std::move(answer)});
    return true;
  }
  const auto item = c.items.find(answer.id);
  if (item == c.items.end()) return false;
  const auto [batch, at] = item->second;
  c.items.erase(item);
  answer.id = batch;
  answer_item(std::move(answer), at);
  return true;
}

// Another copy of a request that is over. If its box may still wait, it gets the answer again.
bool Node::answered_before(NodeId from, const ForwardedRequest& frame) {
  RemoteProcess& process = cluster_->remote_process(from, frame.base);
  process.over_before(frame.open_from);
  const RemoteProcess::Answers& answers = process.groups[frame.group];
  if (frame.number < std::max(process.open_from, answers.kept_from)) return true;
  const auto finished = answers.finished.find(frame.number);
  if (finished == answers.finished.end() || finished->second.first != frame.term) return false;
  send_frame(
      from, codecs::FrameKind::kForwardedAnswer,
      ForwardedAnswer{frame.base + frame.number, frame.term, false, finished->second.second});
  return true;
}

RemoteRequest Node::forget_remote(RequestId id) {
  const auto remote = cluster_->remote.find(id);
  RemoteRequest known = std::move(remote->second);
  cluster_->remote.erase(remote);
  cluster_->remote_ids.erase({known.box, known.id});
  under_way_.outstanding.erase(id);
  return known;
}

void Node::answer_not_leader(RequestId id) {
  const RemoteRequest to = forget_remote(id);
  send_frame(to.box, codecs::FrameKind::kForwardedAnswer,
             ForwardedAnswer{to.id, to.term, true, {}});
}

// Another box's client wants something of a group that box believes this one leads.
void Node::on_forwarded(NodeId from, ForwardedRequest& frame) {
  Cluster& c = *cluster_;
  const std::uint64_t named = frame.base + frame.number;
  if (frame.group.v >= groups_.size() || c.remote_ids.contains({from, named})) return;
  const bool is_poll = std::holds_alternative<PollTasks>(frame.request.operation);
  const bool any = planted(Bug::copy_of_any_term);
  if (!is_poll && !any && answered_before(from, frame)) return;
  const RequestId id = own_id();
  Request& request = frame.request;
  request.id = id;
  know_as(&request, {frame.base, frame.number, frame.open_from});
  request.deadline_ms = now_.mono_ms + std::clamp<std::int64_t>(frame.left_ms, 0, kForwardMsMax);
  const auto* poll = std::get_if<PollTasks>(&request.operation);
  c.remote[id] = {from,       frame.base, frame.group,
                  frame.term, named,      poll == nullptr ? "" : poll->queue};
  c.remote_ids[{from, named}] = id;
  under_way_.outstanding.insert(id);
  c.deadlines.emplace(request.deadline_ms, id);
  const Group& wanted = *groups_[frame.group.v];
  if (poll == nullptr && (!decides(wanted) || (wanted.raft().term() != frame.term && !any))) {
    answer_not_leader(id);
    return;
  }
  GroupId group;
  const bool fits = !std::holds_alternative<Barrier>(request.operation) &&
                    !std::holds_alternative<ReportTasks>(request.operation);
  if (!fits || (poll == nullptr && (!group_of_request(request, &group) || group != frame.group))) {
    if (c.remote.contains(id)) answer_not_leader(id);
    return;
  }
  if (poll == nullptr && journal_->queued_bytes() >= limits::kJournalQueuedBytesMax) {
    ++stats_.refused_full;
    refuse(id, 429, "queue-full", "Too much is waiting for the disk",
           "the journal's queue is full; try again in a second");
    return;
  }
  std::visit([&](auto& operation) { on_operation(request, operation); }, request.operation);
}

void Node::on_forwarded_answer(NodeId from, ForwardedAnswer& frame) {
  if (cluster_->loans.contains(frame.id)) {
    on_loan_answer(from, frame);
    return;
  }
  const auto number = cluster_->numbers.find(frame.id - cluster_->forward_base);
  if (number == cluster_->numbers.end()) return;
  const RequestId id = number->second;
  const auto held = cluster_->held.find(id);
  // What an older leader said was true then; the one asked since may have done something else.
  if (held->second.sent_to != from || held->second.sent_term != frame.term) return;
  if (frame.not_leader) {
    // At the next tick: it may not know yet that it leads, or this box who does.
    held->second.sent_to = NodeId(0);
    cluster_->waiting.insert(id);
    return;
  }
  frame.answer.id = id;
  if (held->second.leaders > 1 && cluster_->still_in_doubt(frame.answer)) return;
  held->second.leaders = 0;
  answer(std::move(frame.answer));
}

// --- answers that rest on no entry of their own ---

// They are true only if this box still leads: so says a read index.
void Node::answer_confirmed(Group& group, std::vector<PendingAnswer> answers) {
  if (!cluster_ || planted(Bug::refuse_unconfirmed)) {
    for (PendingAnswer& pending : answers) answer(std::move(pending.answer), pending.item);
    return;
  }
  if (!answers.empty()) add_reader(group.id(), {{}, {}, 0, std::move(answers)});
}

void Node::refuse_confirmed(Group& group, RequestId id, std::uint16_t status, std::string_view type,
                            std::string_view title, std::string_view detail, int item) {
  PendingAnswer pending;
  pending.item = item;
  pending.answer.id = id;
  pending.answer.status = status;
  pending.answer.body = codecs::problem_json(status, type, title, detail);
  std::vector<PendingAnswer> answers;
  answers.push_back(std::move(pending));
  answer_confirmed(group, std::move(answers));
}

}  // namespace pawl::node
