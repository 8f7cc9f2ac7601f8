// What the worker tells the daemon about its tasks: heartbeats and outcomes.
#include <algorithm>
#include <cstdio>

#include "base/limits.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/worker_loop.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::int64_t kHeartbeatAnswerMs = 10'000;
constexpr std::int64_t kReportAnswerMs = 20'000;
constexpr std::int64_t kReportPauseMs = 1000;

std::string task_path(const std::string& token, std::string_view verb) {
  return "/v1/tasks/" + percent_encode(token) + "/" + std::string(verb);
}

dsl::Value body_of(const Response& response) {
  dsl::Value value;
  codecs::JsonError error;
  codecs::parse_json(response.body, &value, &error);
  return value;
}

std::string detail_of(const dsl::Value& problem) {
  const std::string detail = text_of(problem, "detail");
  return detail.empty() ? text_of(problem, "title") : detail;
}

std::int64_t status_of(const dsl::Value& item) {
  const dsl::Value* status = item.field("status");
  return status != nullptr && status->kind() == dsl::Kind::int64 ? status->as_int() : 500;
}

bool names_no_task(int status) { return status == 404 || status == 409 || status == 410; }

}  // namespace

void WorkerLoop::say(std::string_view text) const {
  std::fprintf(stderr, "pawl worker: %.*s\n", static_cast<int>(text.size()), text.data());
}

void WorkerLoop::say_of(const Job& job, std::string_view text) const {
  if (!options_.log_tasks) return;
  say(printable(job.task.run + " " + job.task.type + " attempt " +
                std::to_string(job.task.attempt) + ": " + std::string(text)));
}

void WorkerLoop::step_lanes(std::int64_t now) {
  if (const std::optional<Response> answer = polls_.step(now)) poll_answered(*answer, now);
  if (const std::optional<Response> answer = heartbeats_.step(now))
    heartbeat_answered(*answer, now);
  if (const std::optional<Response> answer = reports_.step(now)) report_answered(*answer, now);
  say_whether_away();
}

void WorkerLoop::say_whether_away() {
  std::string trouble;
  for (const Lane* lane : {&polls_, &heartbeats_, &reports_}) {
    if (lane->busy() && trouble.empty()) trouble = lane->trouble();
  }
  if (trouble.empty() == !away_) return;
  away_ = !trouble.empty();
  say(away_ ? trouble + "\ntrying again; programs that run go on" : "reached the daemon again");
}

void WorkerLoop::start_heartbeat(std::int64_t now) {
  if (heartbeats_.busy()) return;
  Job* due = nullptr;
  for (auto& [token, job] : jobs_) {
    if (job.phase == Phase::reporting || job.withdrawn || job.heartbeat_ms > now) continue;
    if (due == nullptr || job.heartbeat_ms < due->heartbeat_ms) due = &job;
  }
  if (due == nullptr) return;
  Request request{.method = "POST", .target = task_path(due->task.token, "heartbeat")};
  std::string details;
  codecs::JsonWriter body(&request.body);
  body.begin_object();
  if (due->progress.changed(&details)) body.plain_key("details").raw(details);
  body.end_object();
  due->last_sent = due->phase == Phase::last_heartbeat;
  heartbeat_token_ = due->task.token;
  heartbeats_.start(std::move(request), kHeartbeatAnswerMs, now);
}

void WorkerLoop::heartbeat_answered(const Response& response, std::int64_t now) {
  const auto found = jobs_.find(heartbeat_token_);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  const dsl::Value answer = body_of(response);
  if (response.status < 300) job.progress.delivered();
  if (job.phase == Phase::last_heartbeat) {
    // An earlier one may have been under way when the program ended.
    if (job.last_sent || names_no_task(response.status)) job.phase = Phase::reporting;
    job.heartbeat_ms = now;
    return;
  }
  if (job.phase == Phase::reporting) return;
  if (names_no_task(response.status)) {
    job.withdrawn = true;
    say_of(job, "withdrawn: " + detail_of(answer));
    end_program(job, now);
    return;
  }
  job.heartbeat_ms = now + heartbeat_interval_ms(text_of(answer, "lease_until"), wall_ms());
}

void WorkerLoop::start_report(std::int64_t now) {
  if (reports_.busy() || now < report_after_ms_) return;
  std::vector<const Job*> ready;
  std::size_t bytes = 0;
  for (const auto& [token, job] : jobs_) {
    if (job.phase != Phase::reporting) continue;
    const std::size_t more = token.size() + job.outcome->body.size() + 64;
    const bool full = ready.size() >= static_cast<std::size_t>(limits::kBatchOperationsMax) ||
                      bytes + more > limits::kHttpBodyBytesMax;
    if (!ready.empty() && (full || single_reports_)) break;
    bytes += more;
    ready.push_back(&job);
  }
  if (ready.empty()) return;
  report_tokens_.clear();
  for (const Job* job : ready) report_tokens_.push_back(job->task.token);
  Request request{.method = "POST"};
  if (ready.size() == 1) {
    request.target =
        task_path(report_tokens_[0], ready[0]->outcome->completed ? "complete" : "fail");
    request.body = ready[0]->outcome->body;
  } else {
    request.target = "/v1/tasks/batch";
    codecs::JsonWriter body(&request.body);
    body.begin_array();
    for (const Job* job : ready) {
      body.begin_object().field("token", job->task.token);
      body.plain_key(job->outcome->completed ? "complete" : "fail").raw(job->outcome->body);
      body.end_object();
    }
    body.end_array();
  }
  reports_.start(std::move(request), kReportAnswerMs, now);
}

void WorkerLoop::report_answered(const Response& response, std::int64_t now) {
  const std::vector<std::string> tokens = std::move(report_tokens_);
  report_tokens_.clear();
  const dsl::Value answer = body_of(response);
  if (tokens.size() == 1) return settle(tokens[0], response.status, detail_of(answer), now);
  const dsl::Value* items = answer.field("items");
  if (response.status >= 300 || items == nullptr || items->kind() != dsl::Kind::list) {
    single_reports_ = true;  // one of them spoils it for all
    return;
  }
  report_after_ms_ = now;
  std::size_t settled = 0;
  for (const dsl::Value& item : items->as_list()) {
    const std::string token = text_of(item, "token");
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) continue;
    const dsl::Value* problem = item.field("problem");
    settle(token, static_cast<int>(status_of(item)), problem == nullptr ? "" : detail_of(*problem),
           now);
    ++settled;
  }
  if (settled < tokens.size()) report_after_ms_ = now + kReportPauseMs;
}

// What one answer means for one outcome.
void WorkerLoop::settle(const std::string& token, int status, const std::string& detail,
                        std::int64_t now) {
  const auto found = jobs_.find(token);
  if (found == jobs_.end()) return;
  Job& job = found->second;
  if (status >= 500 || status == 429) {
    report_after_ms_ = now + kReportPauseMs;
    return;
  }
  const bool bad_result = status == 400 || status == 413 || status == 422;
  if (bad_result && job.outcome->completed) {
    job.outcome = failure("sys.output", "the daemon refused the result: " + detail);
    say_of(job, job.outcome->summary);
    return;
  }
  if (status >= 300 && !job.withdrawn) {
    say(printable(job.task.run + " " + job.task.type + ": the daemon did not take the outcome (" +
                  std::to_string(status) + "): " + detail));
  }
  job.progress.remove();
  jobs_.erase(found);
}

}  // namespace pawl::cli
