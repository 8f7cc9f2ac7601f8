// Hand-outs, leases, timers: what the leader does because of what is committed.
#include <algorithm>

#include "base/limits.h"
#include "codecs/run_json.h"
#include "node/assembly.h"
#include "node/node.h"
#include "node/planted.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kTimersBusyMs = 2;

bool can_go_out(const engine::Run& run, const engine::Step& step) {
  return step.status == engine::StepStatus::queued && run.status == engine::RunStatus::running;
}

engine::HandOut hand_out(const engine::Step& step, const ParkedPoll& poll) {
  engine::HandOut out;
  out.step = step.id;
  out.worker = poll.poll.worker;
  out.poll_key = poll.key;
  return out;
}

}  // namespace

bool Node::hands_out(const std::string& queue) const {
  return queue != under_way_.pausing_queue && !definitions_.catalog().is_paused(queue) &&
         under_way_.room.level != RoomLevel::none;
}

// With no room on the disk nothing is handed out; then parked polls get what has gathered.
void Node::on_room(const RoomChanged& room) {
  const bool again = std::exchange(under_way_.room, room).level == RoomLevel::none &&
                     room.level != RoomLevel::none;
  if (!again) return;
  for (const std::string& queue : polls_.queues()) left_.resumed_queues.push_back(queue);
  settle();
}

// The parked poll that gets this queued step, or null.
ParkedPoll* Node::poll_for(const engine::Step& step) {
  return hands_out(step.queue) ? polls_.match(step.queue, step.type) : nullptr;
}

// Gives queued steps of the run being decided to parked polls, in the same entry.
void Node::offer(Group& group, Assembly* a) {
  if (a->after == nullptr || a->after->steps.empty() || polls_.empty()) return;
  std::vector<engine::StepId> queued;
  for (const auto& step : a->after->steps) {
    if (can_go_out(*a->after, *step)) queued.push_back(step->id);
  }
  for (const engine::StepId id : queued) {
    const engine::Step& step = *a->after->step(id);
    ParkedPoll* poll = poll_for(step);
    if (poll == nullptr) continue;
    Job job;
    const auto* definition = definitions_.find(a->after->workflow(), a->after->version());
    auto decision = engine::decide(*a->after, hand_out(step, *poll), context(job, definition));
    if (decision.refusal != engine::Refusal::none || decision.after == nullptr) continue;
    polls_.served(step.queue);
    a->take(std::move(decision));
    ++poll->reserved;
    a->grants.push_back({poll->id, {group.id(), a->run, id, a->after->step(id)->attempt}});
  }
}

// Offers what a run that has just become idle still has in its queues.
void Node::offer_waiting(Group& group, Index index) {
  const engine::Run* run = group.tables().find(index);
  if (run == nullptr || !decides(group) || (polls_.empty() && !cluster_)) return;
  for (const auto& step : run->steps) {
    if (!can_go_out(*run, *step)) continue;
    ParkedPoll* poll = poll_for(*step);
    if (poll == nullptr && cluster_) cluster_->queues_touched.insert(step->queue);
    if (poll == nullptr) continue;
    Job job;
    job.run_id = run->id();
    job.run = index;
    give_to(group, std::move(job), *step, poll);
    return;  // its other steps go out in the same entry (offer)
  }
}

// Proposes a hand-out to a poll; the run is idle.
void Node::give_to(Group& group, Job job, const engine::Step& step, ParkedPoll* poll) {
  Assembly a;
  const engine::Run* run = group.tables().find(job.run);
  a.run = job.run;
  a.run_id = job.run_id;
  a.previous = run->last_entry;
  a.first_seq = run->seq.next();
  const auto* definition = definitions_.find(run->workflow(), run->version());
  auto decision = engine::decide(*run, hand_out(step, *poll), context(job, definition));
  if (decision.refusal != engine::Refusal::none || decision.after == nullptr) return;
  polls_.served(step.queue);
  a.take(std::move(decision));
  ++poll->reserved;
  a.grants.push_back({poll->id, {group.id(), a.run, step.id, a.after->step(step.id)->attempt}});
  offer(group, &a);
  propose(group, &a);
}

// Fills a new poll from the queues of all groups: the most urgent first, runs that are busy later
// (when their entry is applied). Of several namespaces it takes tasks by turns.
void Node::fill(ParkedPoll& poll) {
  struct Candidate {
    engine::QueuedTask task;
    Group* group;
  };
  std::vector<std::string> queues;
  std::vector<std::vector<Candidate>> waiting;  // by queue, the most urgent last
  for (const std::string& name : poll.queues()) {
    if (!hands_out(name)) continue;
    std::vector<Candidate> tasks;
    for (const auto& group : groups_) {
      if (!decides(*group)) continue;
      const auto queue = group->tables().queues().find(name);
      if (queue == group->tables().queues().end()) continue;
      std::uint32_t found = 0;
      for (const engine::QueuedTask& task : queue->second.waiting) {
        if (found >= poll.poll.max) break;
        const engine::Run* run = group->tables().find(task.run);
        if (mailboxes_[group->id().v].busy(run->id())) continue;
        if (!poll.takes(run->step(task.step)->type)) continue;
        tasks.push_back({task, group.get()});
        ++found;
      }
    }
    if (tasks.empty()) continue;
    std::sort(tasks.begin(), tasks.end(), [](const Candidate& a, const Candidate& b) {
      return a.task != b.task ? b.task < a.task : b.group->id() < a.group->id();
    });
    queues.push_back(name);
    waiting.push_back(std::move(tasks));
  }
  while (!queues.empty() && poll.wants_more()) {
    const std::size_t at = polls_.longest_unserved(queues);
    const Candidate candidate = waiting[at].back();
    waiting[at].pop_back();
    const engine::Run* run = candidate.group->tables().find(candidate.task.run);
    if (!mailboxes_[candidate.group->id().v].busy(run->id())) {
      Job job;
      job.run_id = run->id();
      job.run = candidate.task.run;
      give_to(*candidate.group, std::move(job), *run->step(candidate.task.step), &poll);
    }
    if (!waiting[at].empty()) continue;
    queues.erase(queues.begin() + static_cast<std::ptrdiff_t>(at));
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

// The queue goes on: its polls get what has gathered meanwhile, the oldest poll first.
void Node::fill_parked(const std::string& queue) {
  for (const RequestId id : polls_.parked_at(queue)) {
    ParkedPoll* poll = polls_.find(id);
    if (poll->wants_more()) fill(*poll);
  }
}

void Node::on_operation(Request& request, PollTasks& op) {
  if (!request.key.empty() && repeat_poll(request)) return;
  ParkedPoll poll;
  poll.id = request.id;
  poll.key = request.key;
  poll.deadline_mono_ms = now_.mono_ms + op.wait_ms;
  poll.poll = std::move(op);
  if (!polls_.park(std::move(poll))) {
    ++stats_.refused_full;
    refuse(request.id, 429, "too-many-polls", "Too many polls are waiting",
           "use fewer workers, each with a larger `max`");
    return;
  }
  ParkedPoll* parked = polls_.find(request.id);
  fill(*parked);
  if (parked->reserved > 0) return;
  if (cluster_ && !cluster_->remote.contains(request.id) && lend(*parked)) return;
  if (parked->poll.wait_ms == 0) answer_poll(*polls_.take(request.id));
}

// A poll that is repeated with its key (its reply was lost) gets the tasks it was given.
bool Node::repeat_poll(const Request& request) {
  const auto known = under_way_.poll_keys.find(request.key);
  if (known == under_way_.poll_keys.end()) return false;
  ParkedPoll again;
  again.id = request.id;
  for (const TaskRef& task : known->second) {
    if (!decides(*groups_[task.group.v])) continue;  // its leader knows, this box did
    const engine::Run* run = groups_[task.group.v]->tables().find(task.run);
    const engine::Step* step = run == nullptr ? nullptr : run->step(task.step);
    if (step == nullptr || step->status != engine::StepStatus::started ||
        step->attempt != task.attempt) {
      continue;
    }
    leases_.grant(task, step->lease_ms, now_.mono_ms);
    again.granted.push_back(task);
  }
  if (again.granted.empty()) {
    under_way_.poll_keys.erase(known);
    return false;
  }
  answer_poll(again);
  return true;
}

void Node::granted(const Grant& grant, Group& group) {
  const engine::Step& step = *group.tables().find(grant.task.run)->step(grant.task.step);
  leases_.grant(grant.task, step.lease_ms, now_.mono_ms);
  ++stats_.tasks_handed_out;
  ParkedPoll* poll = polls_.find(grant.poll);
  if (poll == nullptr) {
    left_.returns.push_back(grant.task);
    return;
  }
  poll->granted.push_back(grant.task);
  --poll->reserved;
  if (poll->reserved > 0) return;
  ParkedPoll full = *polls_.take(grant.poll);
  if (full.gone) {
    left_.returns.insert(left_.returns.end(), full.granted.begin(), full.granted.end());
    return;
  }
  remember_poll(full);
  left_.full_polls.push_back(std::move(full));
}

// Once all of the input is applied, so that what its entries withdrew is in no answer; and before
// the other answers, so that nothing goes out after the answer to a queue's pause.
void Node::answer_full_polls() {
  const auto others = static_cast<std::ptrdiff_t>(out_->answers.size());
  for (; !left_.full_polls.empty(); left_.full_polls.pop_front())
    answer_poll(left_.full_polls.front());
  const auto begin = out_->answers.begin();
  std::rotate(begin, begin + others, out_->answers.end());
}

void Node::remember_poll(const ParkedPoll& poll) {
  if (poll.key.empty()) return;
  if (under_way_.poll_keys.size() >= limits::kPollKeysMax) under_way_.poll_keys.clear();
  under_way_.poll_keys[poll.key] = poll.granted;
}

void Node::answer_poll(const ParkedPoll& poll) {
  Answer tasks;
  tasks.id = poll.id;
  std::vector<codecs::HandedOut> handed;
  for (const TaskRef& task : poll.granted) {
    const engine::Run* run = groups_[task.group.v]->tables().find(task.run);
    const engine::Step* step = run == nullptr ? nullptr : run->step(task.step);
    // Withdrawn or failed in an entry that followed, while another hand-out was on its way here.
    const bool out = step != nullptr && step->attempt == task.attempt &&
                     step->status == engine::StepStatus::started;
    if (!out) continue;
    handed.push_back({run, step, token_of(task), TimeMs(stamp_.v + step->lease_ms)});
    tasks.tokens.push_back(handed.back().token);
  }
  codecs::append_tasks(handed, &tasks.body);
  answer(std::move(tasks));
}

void Node::expire_polls() {
  for (const ParkedPoll& poll : polls_.take_expired(now_.mono_ms)) answer_poll(poll);
}

// A hand-out that reached no worker: back to the queue, its attempt uncounted.
void Node::give_back(const TaskRef& task) {
  if (cluster_ && !decides(*groups_[task.group.v])) {
    return_to_leader(task);
    return;
  }
  const engine::Run* run = groups_[task.group.v]->tables().find(task.run);
  if (run == nullptr) return;
  leases_.end(task);
  ++stats_.tasks_returned;
  Job job;
  job.run_id = run->id();
  job.run = task.run;
  job.command = engine::ReturnTask{task.step, task.attempt};
  submit(mutable_group(task.group), std::move(job));
}

// Not before every group decides: a slow disk at the start costs nobody a lease. Of several boxes,
// this one has leases only for the groups it leads.
void Node::expire_leases() {
  if (!cluster_ && !ready()) return;
  for (auto& [task, lease] : leases_.take_expired(now_.mono_ms, limits::kLeasesLostPerTurnMax)) {
    const engine::Run* run = groups_[task.group.v]->tables().find(task.run);
    const engine::Step* step = run == nullptr ? nullptr : run->step(task.step);
    if (step == nullptr || step->attempt != task.attempt) continue;
    const Group& group = *groups_[task.group.v];
    if (cluster_ && group.raft().leads() && !decides(group)) {
      // It may not decide just now, since it is handing over: one more lease.
      leases_.grant(task, step->lease_ms, now_.mono_ms);
      leases_.renew(task, now_.mono_ms)->details = std::move(lease.details);
      continue;
    }
    if (lease.details) {
      Job progress;
      progress.run_id = run->id();
      progress.run = task.run;
      progress.command = engine::ProgressTask{task.step, task.attempt, std::move(*lease.details)};
      submit(mutable_group(task.group), std::move(progress));
    }
    ++stats_.leases_lost;
    Job lost;
    lost.run_id = run->id();
    lost.run = task.run;
    lost.command = engine::LoseLease{task.step, task.attempt};
    submit(mutable_group(task.group), std::move(lost));
  }
}

// When the group's leadership begins here: every task that is out gets one full lease, and polls
// that were answered can be repeated by their key.
void Node::lease_all_started(Group& group) {
  if (planted(Bug::no_lease_after_failover)) return;
  group.tables().runs().for_each_awake([&](Index index, const engine::Run& run) {
    for (const auto& step : run.steps) {
      const bool out = step->status == engine::StepStatus::started ||
                       step->status == engine::StepStatus::withdrawn;
      if (!out) continue;
      const TaskRef task{group.id(), index, step->id, step->attempt};
      leases_.grant(task, step->lease_ms, now_.mono_ms);
      if (step->poll_key.empty()) continue;
      std::vector<TaskRef>& known = under_way_.poll_keys[step->poll_key];
      if (std::find(known.begin(), known.end(), task) == known.end()) known.push_back(task);
    }
  });
}

std::optional<TimeMs> Node::lease_until(const TaskRef& task) const {
  const auto until = leases_.until_mono_ms(task);
  if (!until) return std::nullopt;
  return TimeMs(stamp_.v + (*until - now_.mono_ms));
}

void Node::fire_timers(Group* group) {
  UnderWay::TimerPass& pass = under_way_.timers[group->id().v];
  if (now_.mono_ms < pass.retry_mono_ms) return;
  if (group->pending() >= limits::kTimersUnderWayMax && group->applied() < pass.fired_through) {
    pass.look_mono_ms = now_.mono_ms + kTimersBusyMs;
    return;
  }
  const std::vector<Index> due =
      group->tables().runs_due(stamp_, limits::kTimersFiredPerTurnMax, &pass.last);
  if (due.empty() && pass.last == engine::DueTimer()) return;
  for (const Index index : due) {
    const engine::Run* run = group->tables().find(index);
    if (mailboxes_[group->id().v].busy(run->id())) continue;  // its entry is under way
    Job job;
    job.run_id = run->id();
    job.run = index;
    job.command = engine::FireTimers{};
    const std::uint64_t before = stats_.entries_proposed;
    submit(*group, std::move(job));
    ++stats_.timers_fired;
    const bool proposed = stats_.entries_proposed > before;
    pass.undecided |= !proposed;  // its definition is missing, say
    if (proposed) pass.fired_through = Index(group->next_index().v - 1);
  }
  if (due.size() >= limits::kTimersFiredPerTurnMax) return;
  // Those under way are due until they are applied: to ask for a tick at once would spin for as
  // long as that takes.
  pass.look_mono_ms = now_.mono_ms + kTimersBusyMs;
  if (pass.undecided) pass.retry_mono_ms = now_.mono_ms + limits::kTimersRetryMs;
  pass.last = engine::DueTimer();
  pass.undecided = false;
}

}  // namespace pawl::node
