#include "node/node.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "codecs/problem.h"
#include "engine/run_id.h"
#include "node/assembly.h"
#include "node/recovery.h"

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
  const int count = options.run_groups + 1;
  for (int g = 0; g < count; ++g) {
    groups_.push_back(
        std::make_unique<Group>(GroupId(static_cast<std::uint16_t>(g)), options.self));
  }
  mailboxes_.resize(groups_.size());
  opened_.resize(groups_.size());
  recovery_ = std::make_unique<Recovery>(this);
}

Node::~Node() = default;

bool Node::restore_snapshot(GroupId group, std::string_view bytes, Index index, Term term,
                            std::string* error) {
  PAWL_CHECK(group.v < groups_.size());
  return recovery_->restore_snapshot(group, bytes, index, term, error);
}

log::RecoverySink& Node::recovery() { return *recovery_; }

void Node::start(log::Journal* journal, const Now& now) {
  journal_ = journal;
  TimeMs last;
  for (const auto& group : groups_) last = std::max(last, group->tables().time());
  time_.restore(last);
  now_ = now;  // leases are counted from here
  stamp_ = time_.stamp(now);
  for (const auto& group : groups_) {
    group->start(journal, {now.mono_ms, random_.next()}, this);
    lease_all_started(*group);
  }
}

void Node::handle(const Now& now, Input input, Outputs* outputs) {
  now_ = now;
  stamp_ = time_.stamp(now);
  out_ = outputs;
  if (!unloads_.empty()) unload_closed();
  std::visit(Overloaded{
                 [this](Request& request) { on_request(request); },
                 [this](const Cancelled& gone) { on_cancelled(gone.id); },
                 [this](const Undelivered& lost) { on_undelivered(lost); },
                 [this](const BatchCompleted& done) { on_batch(done); },
                 [this](const AnswerPolls&) {
                   for (const ParkedPoll& poll : polls_.take_expired(INT64_MAX)) answer_poll(poll);
                 },
                 [this](RunLoaded& loaded) { on_loaded(loaded); },
                 [this](const Tick&) { on_tick(); },
             },
             input);
  out_ = nullptr;
}

const log::Batch* Node::next_batch() {
  if (const log::Batch* batch = journal_->begin_batch()) return batch;
  return journal_->begin_background();
}

bool Node::decides(const Group& group) const {
  return group.ready() && group.tables().feature_level() == codecs::kFeatureLevel;
}

bool Node::ready() const {
  return std::all_of(groups_.begin(), groups_.end(),
                     [this](const auto& group) { return decides(*group); });
}

GroupId Node::group_of(std::string_view run_id) const {
  return engine::group_of_run("default", run_id, options_.run_groups);
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
  outstanding_.insert(request.id);
  if (!admit(request)) return;
  std::visit([&](auto& operation) { on_operation(request, operation); }, request.operation);
  settle();
}

// Whether the node takes on the request at all; answers it if not.
bool Node::admit(const Request& request) {
  if (!ready()) {
    refuse(request.id, 503, "no-leader", "This box does not lead yet",
           "the store is still being opened; try again in a moment");
    return false;
  }
  if (!changes_something(request.operation)) return true;
  if (journal_->queued_bytes() >= limits::kJournalQueuedBytesMax) {
    ++stats_.refused_full;
    refuse(request.id, 429, "queue-full", "Too much is waiting for the disk",
           "the journal's queue is full; try again in a second");
    return false;
  }
  deadlines_.emplace_back(request.deadline_ms, request.id);
  return true;
}

void Node::on_cancelled(RequestId id) {
  ParkedPoll* poll = polls_.find(id);
  // A poll with hand-outs on their way is kept until they are applied, then they are returned.
  if (poll == nullptr) return;
  outstanding_.erase(id);
  poll->gone = true;
  if (poll->reserved == 0) {
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

void Node::on_batch(const BatchCompleted& done) {
  for (const log::Durable& durable : journal_->completed(done.batch)) {
    Group& group = *groups_[durable.group.v];
    group.persisted(durable);
    if (!group.fatal().empty()) {
      out_->fatal = group.fatal();
      return;
    }
    open(group);
  }
  settle();
}

void Node::on_tick() {
  expire_deadlines();
  expire_leases();
  expire_polls();
  fire_timers();
  settle();
}

// Does what applied entries left to do. Nothing here makes an entry durable, so nothing more is
// applied meanwhile and this ends.
void Node::settle() {
  if (!full_polls_.empty()) answer_full_polls();
  for (; !released_.empty(); released_.pop_front()) {
    const Released& released = released_.front();
    Group& group = *groups_[released.group.v];
    std::vector<Job> jobs = mailboxes_[released.group.v].release(released.run_id);
    if (!jobs.empty()) decide_all(group, std::move(jobs));
    // Also what was queued before: a poll that came meanwhile has passed over the busy run.
    if (!mailboxes_[released.group.v].busy(released.run_id)) {
      offer_waiting(group, released.run);
    }
  }
  for (; !returns_.empty(); returns_.pop_front()) give_back(TaskRef(returns_.front()));
  for (; !keyed_retries_.empty(); keyed_retries_.pop_front()) {
    auto& [group, job] = keyed_retries_.front();
    submit(*groups_[group.v], std::move(job));
  }
  for (; !acknowledgements_.empty(); acknowledgements_.pop_front()) {
    const Acknowledgement& ack = acknowledgements_.front();
    acknowledge(*groups_[ack.sender.v], ack.receiver, ack.through);
  }
  for (const GroupId sender : std::exchange(senders_, {})) deliver_messages(*groups_[sender.v]);
  for (; !resumed_queues_.empty(); resumed_queues_.pop_front()) {
    fill_parked(resumed_queues_.front());
  }
  if (!catalog_busy_ && !catalog_requests_.empty()) next_catalog_request();
  while (!deadlines_.empty() && !outstanding_.contains(deadlines_.front().second)) {
    deadlines_.pop_front();
  }
}

void Node::answer(Answer answer, int item) {
  if (item >= 0) {
    answer_item(std::move(answer), item);
    return;
  }
  // Nobody waits for it: 504 was said meanwhile, or the node itself asked.
  if (outstanding_.erase(answer.id) == 0) return;
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
  while (!deadlines_.empty() && deadlines_.front().first <= now_.mono_ms) {
    const RequestId id = deadlines_.front().second;
    deadlines_.pop_front();
    if (!outstanding_.contains(id)) continue;
    ++stats_.outcome_unknown;
    report_batches_.erase(id);
    refuse(
        id, 504, "outcome-unknown", "The outcome was not known in time",
        "the disk has not confirmed the write yet; it may still happen: look at the run, or repeat "
        "the request with the same Idempotency-Key");
  }
}

// The first time a group may decide: raises its feature level if need be, and goes on with messages
// that were on their way when the process ended.
void Node::open(Group& group) {
  if (!group.ready() || opened_[group.id().v]) return;
  opened_[group.id().v] = true;
  if (!decides(group)) raise_feature_level(group);
  senders_.insert(group.id());
}

void Node::raise_feature_level(Group& group) {
  Proposal proposal;
  proposal.entry.time = stamp_;
  proposal.entry.raise_level = codecs::kFeatureLevel;
  group.propose(std::move(proposal));
}

std::int64_t Node::next_wake_mono_ms() const {
  // While the node opens, the next thing to happen is a batch.
  if (!ready()) return deadlines_.empty() ? INT64_MAX : deadlines_.front().first;
  std::int64_t wake = std::min(leases_.next_mono_ms(), polls_.next_mono_ms());
  if (!deadlines_.empty()) wake = std::min(wake, deadlines_.front().first);
  for (const auto& group : groups_) {
    if (const auto timer = group->tables().earliest_timer()) {
      wake = std::min(wake, std::max({timers_retry_mono_ms_, timers_look_mono_ms_,
                                      time_.mono_ms_of(timer->fire_at)}));
    }
  }
  return wake;
}

void Node::on_applied(Group& group, Index index, const codecs::Entry& entry,
                      const engine::Applied& applied, Proposal* proposal) {
  ++stats_.entries_applied;
  if (group.id().v == 0) PAWL_CHECK(catalog_applied(entry));
  if (applied.closed) unload_later(group.id(), applied.run);
  // In recovery nobody waits, and effects are rebuilt from the tables once all is folded.
  if (out_ == nullptr) return;
  out_->changed.emplace_back(group.id(), entry.run);
  if (!entry.sends.empty()) senders_.insert(group.id());
  if (entry.receive.number > 0) {
    acknowledgements_.push_back({entry.receive_from, group.id(), entry.receive.number});
  }
  if (entry.ack_through > 0) {
    delivering_.erase({group.id(), entry.ack_to});
    senders_.insert(group.id());
  }
  if (!entry.catalog.empty()) catalog_busy_ = false;
  if (proposal == nullptr) return;
  stats_.events_applied += proposal->events.size();
  for (PendingAnswer& pending : proposal->answers) {
    answer(std::move(pending.answer), pending.item);
  }
  for (const TaskRef& task : proposal->ended) leases_.end(task);
  for (const Grant& grant : proposal->grants) granted(grant, group);
  for (const std::string& key : proposal->keys) retry_keyed(key);
  if (!proposal->run_id.empty()) {
    released_.push_back({group.id(), proposal->run_id, applied.run});
  }
}

}  // namespace pawl::node
