#include "node/node.h"

#include <algorithm>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "engine/run_id.h"
#include "node/assembly.h"
#include "node/batches.h"
#include "node/boxes.h"
#include "node/checkpoint.h"
#include "node/errands.h"
#include "node/forgetting.h"
#include "node/installs.h"
#include "node/permits.h"
#include "node/planted.h"
#include "node/quotas.h"
#include "node/recovery.h"
#include "node/resting.h"
#include "node/schedules.h"
#include "node/subscriptions.h"

namespace pawl::node {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

bool changes_something(const Operation& operation) {
  return !std::holds_alternative<Barrier>(operation) &&
         !std::holds_alternative<PollTasks>(operation) &&
         !std::holds_alternative<HeartbeatTask>(operation);
}

}  // namespace

Node::Node(const NodeOptions& options) : options_(options), random_(options.seed) {
  PAWL_CHECK(options.run_groups >= 1 && options.run_groups < limits::kGroupsMax);
  if (options_.founders.empty()) options_.founders = {options.self};
  const int count = options.run_groups + 1;
  for (int g = 0; g < count; ++g) {
    groups_.push_back(std::make_unique<Group>(
        GroupOptions{GroupId(static_cast<std::uint16_t>(g)), options.self, options_.founders}));
  }
  for (const log::Rebuild& rebuild : options.rebuilds) {
    PAWL_CHECK(rebuild.group.v < groups_.size());
    groups_[rebuild.group.v]->begin_anew(rebuild);
  }
  mailboxes_.resize(groups_.size());
  under_way_.timers.resize(groups_.size());
  opened_.resize(groups_.size());
  make_cluster();
  resting_ = std::make_unique<Resting>(this);
  recovery_ = std::make_unique<Recovery>(this);
  forgetting_ = std::make_unique<Forgetting>(this);
  errands_ = std::make_unique<Errands>(this);
  schedules_ = std::make_unique<Schedules>(this);
  batches_ = std::make_unique<Batches>(this);
  permits_ = std::make_unique<Permits>(this);
  subscriptions_ = std::make_unique<Subscriptions>(this);
  quotas_ = std::make_unique<Quotas>(this);
}

Node::~Node() = default;

void Node::make_cluster() {
  std::vector<NodeId> peers;
  for (const NodeId box : options_.founders) {
    if (box != options_.self) peers.push_back(box);
  }
  if (peers.empty()) return;
  for (const NodeId box : options_.neighbours) {
    if (box != options_.self) peers.push_back(box);
  }
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  cluster_ = std::make_unique<Cluster>();
  cluster_->peers = std::move(peers);
  cluster_->forward_base = random_.next() | 1;  // 0 is none
  cluster_->next_context = random_.next();
  cluster_->reads.resize(groups_.size());
  cluster_->deciding.resize(groups_.size());
  boxes_ = std::make_unique<Boxes>(this);
  installs_ = std::make_unique<Installs>(this);
}

void Node::restore_snapshot(Thawed thawed, Index index, Term term) {
  PAWL_CHECK(recovery_ != nullptr);
  recovery_->restore_snapshot(std::move(thawed), index, term);
}

log::RecoverySink& Node::recovery() { return *recovery_; }

void Node::start(log::Journal* journal, const Now& now) {
  journal_ = journal;
  TimeMs last;
  for (const auto& group : groups_) last = std::max(last, group->tables().time());
  time_.restore(last);
  now_ = now;  // alone, leases are counted from here
  stamp_ = stamp_now();
  for (const auto& group : groups_) {
    group->start(journal, {now.mono_ms, random_.next()}, this);
    if (!cluster_) lease_all_started(*group);
  }
  hold_candidacy();
}

// Without group 0's tables it knows neither definitions nor members.
void Node::hold_candidacy() {
  const bool may_campaign = !cluster_ || groups_.front()->whole();
  if (may_campaign == may_campaign_) return;
  may_campaign_ = may_campaign;
  for (const auto& group : groups_) group->set_candidacy(may_campaign);
}

std::vector<GroupId> Node::rebuilding() const {
  std::vector<GroupId> groups;
  for (const auto& group : groups_) {
    if (!group->whole()) groups.push_back(group->id());
  }
  return groups;
}

// 0 while no time is known: then no group is open.
TimeMs Node::stamp_now() {
  if (!boxes_) return time_.stamp(now_, now_.wall_trusted);
  if (!time_.known()) {
    const std::optional<std::int64_t> clock = boxes_->agreed_clock();
    if (!clock) return TimeMs(0);
    time_.observe(TimeMs(*clock), now_.mono_ms);
  }
  return time_.stamp(now_, time_.jumped(now_) ? boxes_->clocks_agree() : now_.wall_trusted);
}

void Node::handle(const Now& now, Input input, Outputs* outputs) {
  now_ = now;
  stamp_ = stamp_now();
  out_ = outputs;
  if (!under_way_.unloads.empty()) unload_closed();
  resting_->look();
  if (installs_) installs_->look();
  std::visit(Overloaded{
                 [this](Request& request) { on_request(request); },
                 [this](const Cancelled& gone) { on_cancelled(gone.id); },
                 [this](const Undelivered& lost) { on_undelivered(lost); },
                 [this](const BatchCompleted&) { on_batch(); },
                 [this](const AnswerPolls&) {
                   for (const ParkedPoll& poll : polls_.take_expired(INT64_MAX)) answer_poll(poll);
                 },
                 [this](RunLoaded& loaded) { on_loaded(loaded); },
                 [this](const PeerFrame& frame) { on_frame(frame); },
                 [this](const PeerLink& link) { on_link(link); },
                 [this](EntriesLoaded& loaded) { on_loaded_entries(loaded); },
                 [this](SnapshotReport& report) { installs_->on_report(report); },
                 [this](const TransferGroup& wanted) {
                   groups_[wanted.group.v]->transfer(wanted.to);
                   settle();
                 },
                 [this](const RoundTrip& trip) {
                   if (cluster_ && cluster_->is_linked(trip.peer)) {
                     cluster_->pace.round_trip(trip.peer, trip.us);
                   }
                 },
                 [this](const RoomChanged& room) { on_room(room); },
                 [this](const Tick&) { on_tick(); },
                 [this](const TurnEnd&) {
                   for (const auto& group : groups_) group->send_held();
                 },
             },
             input);
  out_ = nullptr;
}

const log::Batch* Node::next_batch(bool room) {
  const log::Batch* batch = journal_->begin_batch();
  if (batch == nullptr) return room ? journal_->begin_background() : nullptr;
  if (cluster_) cluster_->batch_mono_ms = now_.mono_ms;
  return batch;
}

void Node::batch_done(const Now& now, std::uint64_t id) {
  now_ = now;
  if (cluster_ && cluster_->batch_mono_ms > 0) {
    cluster_->pace.wrote(now.mono_ms - std::exchange(cluster_->batch_mono_ms, 0));
  }
  left_.durable = journal_->completed(id);
}

// Alone, a group is at this build's level from its first entries on; a cluster rises when every box
// can read the next level.
bool Node::decides(const Group& group) const {
  const std::uint16_t level = group.tables().feature_level();
  return group.accepts() && (cluster_ ? level >= kClusterLevel : level == kFeatureLevel);
}

bool Node::ready() const {
  if (boxes_ && boxes_->removed()) return false;
  return std::all_of(groups_.begin(), groups_.end(), [this](const auto& group) {
    const NodeId leader = group->raft().leader();
    if (!group->whole()) return false;
    return decides(*group) || (leader.v != 0 && leader != options_.self);
  });
}

GroupId Node::group_of(std::string_view run_id) const {
  return engine::group_of_run(run_id, options_.run_groups);
}

const engine::Run* Node::find(const RunRef& ref, GroupId* group) const {
  if (ref.uid) {
    if (ref.uid->group.v == 0 || ref.uid->group.v >= groups_.size()) return nullptr;
    *group = ref.uid->group;
    const engine::Run* run = groups_[group->v]->tables().find(ref.uid->index);
    return run != nullptr && (ref.id.empty() || run->id() == ref.id) ? run : nullptr;
  }
  *group = group_of(ref.id);
  return groups_[group->v]->tables().find_id(ref.id);
}

void Node::on_request(Request& request) {
  ++stats_.requests;
  under_way_.outstanding.insert(request.id);
  if (!admit(request)) return;
  const auto* accept = std::get_if<AcceptTime>(&request.operation);
  if (accept != nullptr && !time_.known()) time_.observe(accept->wall, now_.mono_ms);
  if (cluster_) {
    enter(request);
  } else {
    std::visit([&](auto& operation) { on_operation(request, operation); }, request.operation);
  }
  settle();
}

// Whether the node takes on the request at all; answers it if not.
bool Node::admit(const Request& request) {
  if (!cluster_ && !under_way_.was_ready) under_way_.was_ready = ready();
  if (!cluster_ && !under_way_.was_ready) {
    refuse(request.id, 503, "no-leader", "This box does not lead yet",
           "the store is still being opened; try again in a moment");
    return false;
  }
  if (boxes_ && boxes_->removed()) {
    refuse(request.id, 503, "box-removed", "This box was removed from the cluster",
           "ask another box; here, stop the daemon");
    return false;
  }
  if (!changes_something(request.operation)) return true;
  if (journal_->queued_bytes() >= limits::kJournalQueuedBytesMax) {
    ++stats_.refused_full;
    refuse(request.id, 429, "queue-full", "Too much is waiting for the disk",
           "the journal's queue is full; try again in a second");
    return false;
  }
  if (!cluster_) under_way_.deadlines.emplace_back(request.deadline_ms, request.id);
  return true;
}

void Node::on_cancelled(RequestId id) {
  ParkedPoll* poll = polls_.find(id);
  // A poll with hand-outs on their way is kept until they are applied, then they are returned.
  if (poll == nullptr) return;
  under_way_.outstanding.erase(id);
  poll->gone = true;
  if (poll->reserved == 0 && !poll->lent) {
    for (const TaskRef& task : poll->granted) give_back(task);
    polls_.take(id);
    settle();
  }
}

void Node::on_undelivered(const Undelivered& lost) {
  for (const std::string& token : lost.tokens) {
    TaskRef task;
    if (parse_token(token, &task)) give_back(task);
  }
  settle();
}

void Node::on_batch() {
  for (const log::Durable& durable : std::exchange(left_.durable, {})) {
    groups_[durable.group.v]->persisted(durable);
  }
  check_fatal();
  if (!under_way_.loads.empty()) ask_loads();
  if (out_->fatal.empty()) settle();
}

void Node::check_fatal() {
  for (const auto& group : groups_) {
    if (!group->fatal().empty()) out_->fatal = group->fatal();
  }
}

void Node::on_tick() {
  tick_groups();
  expire_deadlines();
  expire_leases();
  expire_polls();
  for (const auto& group : groups_) {
    if (decides(*group)) fire_timers(group.get());
  }
  forgetting_->look();
  errands_->look();
  schedules_->look();
  batches_->look();
  permits_->look();
  permits_->look_at_holders();
  subscriptions_->look();
  quotas_->look();
  settle();
}

// Does what applied entries, and raft, left to do. Nothing here makes an entry durable, so that
// this ends: what a leader alone would commit at once waits for the disk.
void Node::settle() {
  do {
    if (cluster_) settle_cluster();
    if (!left_.full_polls.empty()) answer_full_polls();
    release_mailboxes();
    for (; !left_.ready.empty(); left_.ready.pop_front()) open(*groups_[left_.ready.front().v]);
    for (; !left_.returns.empty(); left_.returns.pop_front())
      give_back(TaskRef(left_.returns.front()));
    for (; !left_.keyed_retries.empty(); left_.keyed_retries.pop_front()) {
      auto& [group, job] = left_.keyed_retries.front();
      submit(*groups_[group.v], std::move(job));
    }
    for (; !left_.acknowledgements.empty(); left_.acknowledgements.pop_front()) {
      const Unsettled::Acknowledgement& ack = left_.acknowledgements.front();
      acknowledge(*groups_[ack.sender.v], ack.receiver, ack.through);
    }
    for (const GroupId sender : std::exchange(left_.senders, {}))
      deliver_messages(*groups_[sender.v]);
    for (; !left_.resumed_queues.empty(); left_.resumed_queues.pop_front()) {
      fill_parked(left_.resumed_queues.front());
    }
    if (!under_way_.catalog_busy && !under_way_.catalog_requests.empty()) next_catalog_request();
    if (errands_->unsettled()) errands_->look();
    if (schedules_->unsettled()) schedules_->look();
    if (batches_->unsettled()) batches_->look();
    if (permits_->unsettled()) permits_->look();
    if (subscriptions_->unsettled()) subscriptions_->look();
    if (quotas_->unsettled()) quotas_->look();
  } while (!left_.acknowledgements.empty() || errands_->unsettled() || schedules_->unsettled() ||
           batches_->unsettled() || permits_->unsettled() || quotas_->unsettled() ||
           (cluster_ && cluster_->unsettled()));
  while (!under_way_.deadlines.empty() &&
         !under_way_.outstanding.contains(under_way_.deadlines.front().second)) {
    under_way_.deadlines.pop_front();
  }
}

// Entries of runs were applied: what waited for them is decided.
void Node::release_mailboxes() {
  for (; !left_.released.empty(); left_.released.pop_front()) {
    const Unsettled::Released& released = left_.released.front();
    Group& group = *groups_[released.group.v];
    Mailboxes& mailboxes = mailboxes_[released.group.v];
    // Not so if the group was lost since it was proposed: nothing waits here any more.
    if (opened_[released.group.v].v == 0 || !mailboxes.busy(released.run_id)) continue;
    std::vector<Job> jobs = mailboxes.release(released.run_id);
    if (auto checkpoint = checkpoint_due(group, released.run, &definitions_)) {
      jobs.insert(jobs.begin(), std::move(*checkpoint));
    }
    if (!jobs.empty()) decide_all(group, std::move(jobs));
    // Also what was queued before: a poll that came meanwhile has passed over the busy run.
    if (!mailboxes.busy(released.run_id)) offer_waiting(group, released.run);
  }
}

void Node::answer(Answer answer, int item) {
  if (item >= 0) {
    answer_item(std::move(answer), item);
    return;
  }
  if (cluster_ && cluster_->still_in_doubt(answer)) return;
  // Nobody waits for it: 504 was said meanwhile, or the node itself asked.
  if (under_way_.outstanding.erase(answer.id) == 0) return;
  if (cluster_ && settle_answer(answer)) return;
  if (errands_->settle(answer) || schedules_->settle(answer) || batches_->settle(answer)) return;
  if (permits_->settle(answer) || quotas_->settle(answer)) return;
  out_->answers.push_back(std::move(answer));
}

void Node::refuse(RequestId id, std::uint16_t status, std::string_view type, std::string_view title,
                  std::string_view detail, int item) {
  Answer refusal;
  refusal.id = id;
  refusal.status = status;
  refusal.body = codecs::problem_json(status, type, title, detail);
  answer(std::move(refusal), item);
}

void Node::expire_deadlines() {
  while (!under_way_.deadlines.empty() && under_way_.deadlines.front().first <= now_.mono_ms) {
    const RequestId id = under_way_.deadlines.front().second;
    under_way_.deadlines.pop_front();
    if (under_way_.outstanding.contains(id)) expire(id, true);
  }
  if (!cluster_) return;
  auto& deadlines = cluster_->deadlines;
  while (!deadlines.empty() && deadlines.begin()->first <= now_.mono_ms) {
    const RequestId id = deadlines.begin()->second;
    deadlines.erase(deadlines.begin());
    if (!under_way_.outstanding.contains(id)) continue;
    const auto held = cluster_->held.find(id);
    cluster_->barriers.erase(id);
    if (cluster_->remote.contains(id)) {
      forget_remote(id);  // its own box tells the client
    } else {
      expire(id, held != cluster_->held.end() && held->second.tried);
    }
  }
}

void Node::expire(RequestId id, bool tried) {
  under_way_.report_batches.erase(id);
  if (!tried) {
    refuse(id, 503, "no-leader", "No box leads now",
           "a majority of the boxes must be up and reach one another: `pawl cluster status`; "
           "nothing was done, try again");
    return;
  }
  ++stats_.outcome_unknown;
  refuse(id, 504, "outcome-unknown", "The outcome was not known in time",
         cluster_ ? "no majority of the boxes has confirmed the write yet; it may still happen: "
                    "look at the run, or repeat the request with the same Idempotency-Key"
                  : "the disk has not confirmed the write yet; it may still happen: look at the "
                    "run, or repeat the request with the same Idempotency-Key");
}

// The group may be decided by this box from now on: raises its feature level if need be, goes on
// with messages that were on their way, and hands out what waits. Every task that is out gets one
// full lease.
void Node::open(Group& group) {
  if (!group.accepts()) return;
  const Term term = group.raft().term();
  if (opened_[group.id().v] != term) {
    opened_[group.id().v] = term;
    if (cluster_) lease_all_started(group);
  }
  const std::uint16_t level = cluster_ ? kClusterLevel : kFeatureLevel;
  if (group.tables().feature_level() < level) {
    if (time_.known() || !cluster_) raise_feature_level(group, level);
    return;  // it is tried again (Boxes::raise_levels)
  }
  forgetting_->opened(group);
  errands_->opened(group);
  if (group.id().v == 0) schedules_->opened();
  batches_->changed();
  permits_->opened(group);
  subscriptions_->changed();
  quotas_->opened(group);
  left_.senders.insert(group.id());
  for (const std::string& queue : polls_.queues()) left_.resumed_queues.push_back(queue);
  if (!cluster_) return;
  for (const auto& [queue, tasks] : group.tables().queues()) {
    if (!tasks.waiting.empty()) cluster_->queues_touched.insert(queue);
  }
}

std::int64_t Node::next_wake_mono_ms() const {
  // While the node opens, the next thing to happen is a batch.
  if (!cluster_ && !under_way_.was_ready && !ready())
    return under_way_.deadlines.empty() ? INT64_MAX : under_way_.deadlines.front().first;
  std::int64_t wake = std::min(leases_.next_mono_ms(), polls_.next_mono_ms());
  if (!under_way_.deadlines.empty()) wake = std::min(wake, under_way_.deadlines.front().first);
  if (cluster_) wake = std::min(wake, cluster_->next_tick_mono_ms);
  wake = std::min({wake, forgetting_->next_wake_mono_ms(), errands_->next_wake_mono_ms(),
                   schedules_->next_wake_mono_ms(), batches_->next_wake_mono_ms(),
                   permits_->next_wake_mono_ms(), subscriptions_->next_wake_mono_ms(),
                   quotas_->next_wake_mono_ms()});
  for (const auto& group : groups_) {
    const auto timer = decides(*group) ? group->tables().earliest_timer() : std::nullopt;
    if (!timer) continue;
    const UnderWay::TimerPass& pass = under_way_.timers[group->id().v];
    wake = std::min(
        wake, std::max({pass.retry_mono_ms, pass.look_mono_ms, time_.mono_ms_of(timer->fire_at)}));
  }
  return std::min(wake, resting_->next_wake_mono_ms());
}

void Node::on_applied(Group& group, Index index, const codecs::Entry& entry,
                      const engine::Applied& applied, Proposal* proposal) {
  ++stats_.entries_applied;
  time_.observe(entry.time, now_.mono_ms);
  // What this box proposes next, in this very turn too, may not be older.
  if (!planted(Bug::stamp_before_entry)) stamp_ = std::max(stamp_, entry.time);
  if (group.id().v == 0) PAWL_CHECK(catalog_applied(entry));
  if (applied.closed) unload_later(group.id(), applied.run);
  if (applied.continued) ++stats_.runs_continued;
  if (applied.closed || applied.continued) forgetting_->closed(group, applied.run, entry.time);
  const bool forgets = !entry.forgets.empty() || !entry.forgets_generations.empty();
  if (forgets) forgetting_->forgot(group, entry, proposal);
  // In recovery nobody waits, and effects are rebuilt from the tables once all is folded.
  if (out_ == nullptr) return;
  out_->changed.emplace_back(group.id(), entry.run);
  if (applied.errands) errands_->applied(group.id(), entry.run);
  if (!entry.batches.empty()) {
    batches_->applied(group.id(), entry.batches, proposal != nullptr);
  }
  if (!entry.limits.empty()) permits_->applied(group.id(), entry.limits, proposal != nullptr);
  if (!entry.sends.empty()) left_.senders.insert(group.id());
  if (entry.raise_level > 0 && opened_[group.id().v].v != 0) left_.ready.push_back(group.id());
  if (entry.receive.number > 0 && opened_[group.id().v].v != 0) {
    if (cluster_) cluster_->receiving.erase({entry.receive_from, group.id()});
    left_.acknowledgements.push_back({entry.receive_from, group.id(), entry.receive.number});
  }
  if (entry.ack_through > 0) {
    under_way_.delivering.erase({group.id(), entry.ack_to});
    left_.senders.insert(group.id());
  }
  if (proposal == nullptr) return;
  if (!entry.catalog.empty()) under_way_.catalog_busy = false;
  stats_.events_applied += proposal->events.size();
  for (PendingAnswer& pending : proposal->answers) {
    answer(std::move(pending.answer), pending.item);
  }
  for (const TaskRef& task : proposal->ended) leases_.end(task);
  for (const Grant& grant : proposal->grants) granted(grant, group);
  for (const std::string& key : proposal->keys) retry_keyed(key);
  if (!proposal->run_id.empty()) {
    left_.released.push_back({group.id(), proposal->run_id, applied.run});
  }
}

}  // namespace pawl::node
