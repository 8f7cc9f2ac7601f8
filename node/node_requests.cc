// From a request to jobs: which run, which group, which mailbox.
#include "base/limits.h"
#include "codecs/problem.h"
#include "codecs/run_json.h"
#include "engine/namespace.h"
#include "engine/run_id.h"
#include "engine/step_token.h"
#include "node/assembly.h"
#include "node/node.h"
#include "node/quotas.h"
#include "node/refusals.h"
#include "node/survey.h"

namespace pawl::node {
namespace {

Job job_of(const Request& request) {
  Job job;
  job.request = request.id;
  job.actor = request.actor;
  job.key = request.key;
  job.digest = request.digest;
  job.forwarded = request.forwarded;
  job.if_match = request.if_match;
  return job;
}

// The same for a request that makes one job only: what it needs is moved out.
Job take_job(Request& request) {
  Job job;
  job.request = request.id;
  job.actor = std::move(request.actor);
  job.key = std::move(request.key);
  job.digest = request.digest;
  job.forwarded = request.forwarded;
  job.if_match = request.if_match;
  return job;
}

}  // namespace

bool parse_token(std::string_view token, TaskRef* task) {
  engine::StepToken parsed;
  if (!engine::parse_step_token(token, &parsed)) return false;
  *task = {parsed.run.group, parsed.run.index, parsed.step, parsed.attempt};
  return true;
}

std::string token_of(const TaskRef& task) {
  return engine::to_string(
      engine::StepToken{RunUid{task.group, task.run}, task.step, task.attempt});
}

std::string started_run_id(const StartRun& start, std::string_view key) {
  if (!start.id.empty()) return start.id;
  const std::string_view name_space = engine::namespace_of(start.workflow);
  return engine::qualified(name_space, engine::derived_run_id(name_space, key));
}

void Node::on_operation(Request& request, CallRun& op) { on_operation(request, op.start); }

void Node::on_operation(Request& request, StartRun& op) {
  Job job = take_job(request);
  const std::string& key = job.key.empty() ? request.minted_key : job.key;
  job.run_id = op.id.empty() ? started_run_id(op, key) : std::move(op.id);
  job.reply = Reply::started;
  job.workflow = std::move(op.workflow);
  job.version = op.version;
  engine::Start start;
  start.id = job.run_id;
  start.input = std::move(op.input);
  start.tags = std::move(op.tags);
  start.start_at = op.start_at;
  start.caller = std::move(op.caller);
  job.command = std::move(start);
  Group& group = mutable_group(group_of(job.run_id));
  submit(group, std::move(job));
}

void Node::on_operation(Request& request, CommandRun& op) {
  Job job = take_job(request);
  GroupId group;
  if (op.run.uid) {
    const engine::Run* run = find(op.run, &group);
    if (run == nullptr) {
      refuse_confirmed(
          mutable_group(op.run.uid->group.v < groups_.size() ? op.run.uid->group : GroupId(0)),
          request.id, 404, "run-unknown", "There is no such run", uid_unknown(*op.run.uid));
      return;
    }
    job.run_id = run->id();
    job.run = run->uid().index;
  } else {
    job.run_id = std::move(op.run.id);
    group = group_of(job.run_id);
  }
  const bool deletes = std::holds_alternative<engine::DeleteData>(op.command);
  const bool is_told = std::holds_alternative<engine::TakePermit>(op.command);
  job.reply = deletes ? Reply::deleted : is_told ? Reply::outcome : Reply::envelope;
  job.command = std::move(op.command);
  submit(mutable_group(group), std::move(job));
}

// Finds the run of a token. False, and the request (or item) answered, if it names none.
bool Node::report_job(const Request& request, ReportTask& report, int item, Job* job,
                      GroupId* group) {
  TaskRef task;
  const engine::Run* run = nullptr;
  if (parse_token(report.token, &task)) {
    run = find(RunRef{"", RunUid{task.group, task.run}}, group);
  }
  if (run == nullptr) {
    const bool named = parse_token(report.token, &task) && task.group.v < groups_.size();
    refuse_confirmed(mutable_group(named ? task.group : GroupId(0)), request.id, 404,
                     "task-unknown", "No such task was ever handed out",
                     "tokens come from POST /v1/queues/{queue}/poll and are used as they are",
                     item);
    return false;
  }
  *job = job_of(request);
  job->item = item;
  job->run_id = run->id();
  job->run = task.run;
  job->reply = Reply::outcome;
  job->command = std::move(report.command);
  if (auto* done = std::get_if<engine::CompleteTask>(&job->command)) {
    done->step = task.step;
    done->attempt = task.attempt;
  } else if (auto* failed = std::get_if<engine::FailTask>(&job->command)) {
    failed->step = task.step;
    failed->attempt = task.attempt;
  }
  return true;
}

void Node::on_operation(Request& request, ReportTask& op) {
  Job job;
  GroupId group;
  if (report_job(request, op, -1, &job, &group)) submit(mutable_group(group), std::move(job));
}

void Node::on_operation(Request& request, ReportTasks& op) {
  if (op.items.empty()) {
    Answer nothing;
    nothing.id = request.id;
    codecs::append_report_answers({}, &nothing.body);
    answer(std::move(nothing));
    return;
  }
  begin_report_batch(request.id, op);
  for (std::size_t i = 0; i < op.items.size(); ++i) {
    Job job;
    GroupId group;
    // Items repeat safely by their tokens; the request's key is not stored for each.
    if (!report_job(request, op.items[i], static_cast<int>(i), &job, &group)) continue;
    job.key.clear();
    submit(mutable_group(group), std::move(job));
  }
}

void Node::on_operation(Request& request, SurveyRuns& op) {
  Group& group = mutable_group(op.group);
  PendingAnswer pending;
  pending.answer.id = request.id;
  pending.answer.body = encode_survey(survey(group.tables(), op));
  pending.item = -1;
  std::vector<PendingAnswer> answers;
  answers.push_back(std::move(pending));
  answer_confirmed(group, std::move(answers));
}

void Node::on_operation(Request& request, SurveyNamespace& op) { quotas_->survey(request, op); }

void Node::begin_report_batch(RequestId id, const ReportTasks& op) {
  UnderWay::ReportBatch batch;
  batch.items.resize(op.items.size());
  batch.tokens.reserve(op.items.size());
  for (const ReportTask& item : op.items) batch.tokens.push_back(item.token);
  batch.missing = op.items.size();
  under_way_.report_batches[id] = std::move(batch);
}

// One item of a ReportTasks has its answer.
void Node::answer_item(Answer item_answer, int item) {
  const auto it = under_way_.report_batches.find(item_answer.id);
  if (it == under_way_.report_batches.end()) return;  // 504 was said
  UnderWay::ReportBatch& batch = it->second;
  const RequestId id = item_answer.id;
  batch.items[static_cast<std::size_t>(item)] = std::move(item_answer);
  if (--batch.missing > 0) return;
  Answer whole;
  whole.id = id;
  std::vector<codecs::ReportAnswer> items;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const Answer& one = batch.items[i];
    const bool taken = one.status < 300;
    items.push_back({batch.tokens[i], one.status, taken ? std::string_view() : one.body});
  }
  codecs::append_report_answers(items, &whole.body);
  under_way_.report_batches.erase(it);
  answer(std::move(whole));
}

void Node::on_operation(Request& request, HeartbeatTask& op) {
  TaskRef task;
  GroupId group_id;
  const engine::Run* run = nullptr;
  const bool named = parse_token(op.token, &task) && task.group.v < groups_.size();
  if (named) {
    run = find(RunRef{"", RunUid{task.group, task.run}}, &group_id);
  }
  const engine::Step* step = run == nullptr ? nullptr : run->step(task.step);
  const bool issued = run != nullptr && task.step <= run->last_step && task.attempt > 0 &&
                      (step == nullptr || task.attempt <= step->attempt);
  if (!issued) {
    refuse_confirmed(mutable_group(named ? task.group : GroupId(0)), request.id, 404,
                     "task-unknown", "No such task was ever handed out",
                     "tokens come from POST /v1/queues/{queue}/poll and are used as they are");
    return;
  }
  const bool out = step != nullptr && step->attempt == task.attempt &&
                   step->status == engine::StepStatus::started;
  if (!out || run->closed()) {
    const char* type = run->closed()                                     ? "run-closed"
                       : step != nullptr && step->attempt > task.attempt ? "lease-lost"
                                                                         : "task-withdrawn";
    refuse_confirmed(mutable_group(group_id), request.id, 409, type,
                     "The run no longer waits for this attempt",
                     "stop the work: its outcome will not be taken");
    return;
  }
  Lease* lease = leases_.renew(task, now_.mono_ms);
  if (lease == nullptr) {
    leases_.grant(task, step->lease_ms, now_.mono_ms);
    lease = leases_.renew(task, now_.mono_ms);
  }
  const TimeMs until = TimeMs(stamp_.v + step->lease_ms);
  if (op.details) take_details(task, *run, lease, std::move(*op.details));
  std::vector<PendingAnswer> renewed(1);
  renewed[0].answer.id = request.id;
  codecs::append_lease(until, &renewed[0].answer.body);
  answer_confirmed(mutable_group(group_id), std::move(renewed));
}

// Details are committed at most every kProgressMsMin; newer ones wait in memory for the next
// heartbeat.
void Node::take_details(const TaskRef& task, const engine::Run& run, Lease* lease,
                        dsl::Value details) {
  if (now_.mono_ms - lease->details_at_mono_ms < limits::kProgressMsMin) {
    lease->details = std::move(details);
    return;
  }
  lease->details_at_mono_ms = now_.mono_ms;
  lease->details.reset();
  Job job;
  job.run_id = run.id();
  job.run = task.run;
  job.command = engine::ProgressTask{task.step, task.attempt, std::move(details)};
  submit(mutable_group(task.group), std::move(job));
}

}  // namespace pawl::node
