#include "cli/worker_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/limits.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/problem.h"
#include "codecs/json.h"

namespace pawl::cli {
namespace {

constexpr std::int64_t kPollWaitMs = 30'000;
constexpr std::int64_t kPollPauseMs = 100;  // at least, behind an answer without tasks
constexpr std::int64_t kLastReportMs = 1000;

// Each program takes four descriptors. Returns the limit as it was.
std::uint64_t raise_files_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 1024;
  const std::uint64_t before = files.rlim_cur;
  files.rlim_cur = std::max<rlim_t>(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 4096));
  ::setrlimit(RLIMIT_NOFILE, &files);
  return before;
}

}  // namespace

WorkerLoop::WorkerLoop(WorkerOptions options)
    : options_(std::move(options)),
      polls_(options_.socket_path),
      heartbeats_(options_.socket_path),
      reports_(options_.socket_path) {}

WorkerLoop::~WorkerLoop() {
  for (const auto& [token, job] : jobs_) job.progress.remove();
  if (!directory_.empty()) ::rmdir(directory_.c_str());
}

bool WorkerLoop::set_up() {
  // A program's pipes must not land on 0, 1 or 2.
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) return false;
  }
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t ours;
  ::sigemptyset(&ours);
  ::sigaddset(&ours, SIGTERM);
  ::sigaddset(&ours, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ours, nullptr);
  signals_ = OwnedFd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  files_max_ = raise_files_limit();
  const char* parent = std::getenv("TMPDIR");
  directory_ =
      std::string(parent != nullptr && *parent == '/' ? parent : "/tmp") + "/pawl-worker-XXXXXX";
  if (signals_.is_open() && ::mkdtemp(directory_.data()) != nullptr) return true;
  say("cannot make a directory for progress files (" + directory_ + "): " + std::strerror(errno) +
      "\nhint: set TMPDIR to a directory this user may write to");
  directory_.clear();
  return false;
}

int WorkerLoop::run() {
  if (!set_up()) return kFailed;
  std::int64_t now = monotonic_ms();
  while (!finished(now)) {
    start_poll(now);
    start_heartbeat(now);
    start_report(now);
    step_lanes(now);
    wait(now);
    now = monotonic_ms();
    take_signals(now);
    advance_programs(fds_, now);
    step_lanes(now);
    check_time(now);
  }
  if (!jobs_.empty()) {
    say(std::to_string(jobs_.size()) +
        " outcomes could not be reported; their tasks are tried again when their leases end");
    if (exit_ == kDone) exit_ = kUnreachable;
  }
  return exit_;
}

void WorkerLoop::start_poll(std::int64_t now) {
  const auto slots = static_cast<std::size_t>(options_.concurrency);
  if (stopping_ || polls_.busy() || jobs_.size() >= slots || now < poll_after_ms_) return;
  Request request{.method = "POST",
                  .target = "/v1/queues/" + percent_encode(options_.queue) +
                            "/poll?wait=" + std::to_string(kPollWaitMs / 1000) + "s",
                  // A reply that was lost is given again under the same key.
                  .headers = {{"Idempotency-Key", random_key()}}};
  codecs::JsonWriter body(&request.body);
  body.begin_object().field("worker", options_.name).plain_key("tasks").begin_array();
  for (const auto& [type, path] : options_.programs) body.string(type);
  body.end_array();
  if (!options_.name_spaces.empty()) {
    body.plain_key("namespaces").begin_array();
    for (const std::string& name : options_.name_spaces) body.string(name);
    body.end_array();
  }
  body.field("max", static_cast<std::uint64_t>(slots - jobs_.size())).end_object();
  polls_.start(std::move(request), kPollWaitMs + 15'000, now);
}

void WorkerLoop::poll_answered(const Response& response, std::int64_t now) {
  std::vector<WorkerTask> tasks;
  if (response.status >= 400) {
    dsl::Value problem;
    codecs::JsonError error;
    codecs::parse_json(response.body, &problem, &error);
    say("the daemon refuses to hand out tasks: " + describe_problem(response, problem));
    return stop(now, exit_of(response.status));
  }
  if (!parse_tasks(response.body, &tasks)) say("the daemon's answer to a poll makes no sense");
  if (tasks.empty()) poll_after_ms_ = now + kPollPauseMs;
  for (WorkerTask& task : tasks) {
    if (jobs_.count(task.token) != 0) continue;  // a repeated reply
    if (stopping_) {
      refuse_job(std::move(task),
                 failure("worker.stopped", "the worker was stopped before it began", true));
    } else {
      start_job(std::move(task), now);
    }
  }
}

void WorkerLoop::refuse_job(WorkerTask task, Outcome outcome) {
  Job job;
  job.phase = Phase::reporting;
  job.outcome = std::move(outcome);
  std::string token = task.token;
  job.task = std::move(task);
  say_of(job, job.outcome->summary);
  jobs_.emplace(std::move(token), std::move(job));
}

void WorkerLoop::start_job(WorkerTask task, std::int64_t now) {
  const auto program = options_.programs.find(task.type);
  if (program == options_.programs.end()) {
    return refuse_job(std::move(task),
                      failure("worker.unknown", "this worker has no program for the type", true));
  }
  Job job;
  const std::string file = directory_ + "/" + std::to_string(++files_made_);
  if (const absl::Status made = ProgressFile::create(file, task.progress, &job.progress);
      !made.ok()) {
    return refuse_job(
        std::move(task),
        failure("worker.start", {made.message().data(), made.message().size()}, true));
  }
  absl::StatusOr<std::unique_ptr<Program>> started = Program::start(
      program->second, environment_for(task, file), codecs::to_json(task.input) + "\n", files_max_);
  if (!started.ok()) {
    job.progress.remove();
    const auto why = started.status().message();
    return refuse_job(std::move(task), failure("worker.start", {why.data(), why.size()}, true));
  }
  job.program = *std::move(started);
  job.started_ms = now;
  job.heartbeat_ms = now + heartbeat_interval_ms(task.lease_until, wall_ms());
  std::string token = task.token;
  job.task = std::move(task);
  jobs_.emplace(std::move(token), std::move(job));
}

std::vector<std::string> WorkerLoop::environment_for(const WorkerTask& task,
                                                     const std::string& progress) const {
  std::vector<std::string> out;
  out.push_back("PAWL_SOCKET=" + options_.socket_path);
  out.push_back("PAWL_RUN=" + task.run);
  out.push_back("PAWL_NAMESPACE=" + task.name_space);
  out.push_back("PAWL_TASK=" + task.type);
  out.push_back("PAWL_ATTEMPT=" + std::to_string(task.attempt));
  out.push_back("PAWL_IDEMPOTENCY_KEY=" + task.idempotency_key);
  out.push_back("PAWL_DEADLINE=" + task.deadline);
  out.push_back("PAWL_TOKEN=" + task.token);
  out.push_back("PAWL_FENCE=" + task.fence);
  out.push_back("PAWL_PROGRESS=" + progress);
  const std::size_t ours = out.size();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    const bool replaced =
        std::any_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(ours),
                    [&](const std::string& own) { return own.rfind(name, 0) == 0; });
    if (!replaced) out.emplace_back(text);
  }
  return out;
}

void WorkerLoop::advance_programs(const std::vector<pollfd>& fds, std::int64_t now) {
  std::size_t next = 4;  // behind the signals and the lanes; the order is that of wait()
  std::vector<pollfd> own;
  for (auto& [token, job] : jobs_) {
    if (job.program == nullptr) continue;
    own.clear();
    job.program->add_fds(&own);
    bool ready = false;
    for (std::size_t i = 0; i < own.size() && next < fds.size(); ++i, ++next) {
      ready = ready || fds[next].revents != 0;
    }
    if (!ready) continue;
    job.program->advance();
    if (job.program->ended()) program_ended(job, now);
  }
}

void WorkerLoop::program_ended(Job& job, std::int64_t now) {
  ProgramEnd end = job.program->collect();
  job.program.reset();
  end.stopped_by_worker = job.stopped;
  job.outcome = judge(end);
  job.kill_ms = -1;
  std::string json;
  const bool unsent = !job.outcome->completed && !job.withdrawn && job.progress.changed(&json);
  job.phase = unsent ? Phase::last_heartbeat : Phase::reporting;
  job.heartbeat_ms = now;
  say_of(job, job.outcome->summary + " in " + std::to_string(now - job.started_ms) + " ms" +
                  (job.withdrawn ? " (withdrawn)" : ""));
}

void WorkerLoop::take_signals(std::int64_t now) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (!stopping_) {
      stop(now, kDone);
      continue;
    }
    for (auto& [token, job] : jobs_) {
      job.stopped = true;
      if (job.program != nullptr) job.program->signal(SIGKILL);
    }
    give_up_ms_ = now + kLastReportMs;
    exit_ = kFailed;
  }
}

void WorkerLoop::stop(std::int64_t now, int exit) {
  if (stopping_) return;
  stopping_ = true;
  exit_ = exit;
  grace_end_ms_ = now + options_.grace_ms;
  // Tasks that are already in our socket would use up an attempt if nobody answered for them.
  if (polls_.busy()) {
    if (const std::optional<Response> last = polls_.step(now)) poll_answered(*last, now);
  }
  polls_.abandon();
  if (any_running()) {
    say("stopping; programs have " + std::to_string(options_.grace_ms) + " ms to end");
  }
}

void WorkerLoop::end_program(Job& job, std::int64_t now) {
  if (job.program == nullptr || job.kill_ms >= 0) return;
  job.program->signal(SIGTERM);
  job.kill_ms = now + options_.kill_ms;
}

void WorkerLoop::check_time(std::int64_t now) {
  for (auto& [token, job] : jobs_) {
    if (job.program == nullptr) continue;
    if (stopping_ && now >= grace_end_ms_ && !job.stopped) {
      job.stopped = true;
      end_program(job, now);
    }
    if (job.kill_ms >= 0 && now >= job.kill_ms) {
      job.program->signal(SIGKILL);
      job.kill_ms = std::numeric_limits<std::int64_t>::max();
    }
  }
  if (stopping_ && give_up_ms_ < 0 && !any_running()) {
    give_up_ms_ = now + std::max(options_.grace_ms, kLastReportMs);
  }
}

bool WorkerLoop::any_running() const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [](const auto& entry) { return entry.second.program != nullptr; });
}

bool WorkerLoop::finished(std::int64_t now) const {
  return stopping_ && (jobs_.empty() || (give_up_ms_ >= 0 && now >= give_up_ms_));
}

std::int64_t WorkerLoop::wake_ms() const {
  std::int64_t wake = std::min({polls_.wake_ms(), heartbeats_.wake_ms(), reports_.wake_ms()});
  const bool slot = jobs_.size() < static_cast<std::size_t>(options_.concurrency);
  if (!stopping_ && !polls_.busy() && slot) wake = std::min(wake, poll_after_ms_);
  if (give_up_ms_ >= 0) wake = std::min(wake, give_up_ms_);
  for (const auto& [token, job] : jobs_) {
    const bool beats = job.phase != Phase::reporting && !job.withdrawn;
    if (beats && !heartbeats_.busy()) wake = std::min(wake, job.heartbeat_ms);
    if (job.phase == Phase::reporting && !reports_.busy()) wake = std::min(wake, report_after_ms_);
    if (job.kill_ms >= 0) wake = std::min(wake, job.kill_ms);
    if (stopping_ && job.program != nullptr && !job.stopped) wake = std::min(wake, grace_end_ms_);
  }
  return wake;
}

void WorkerLoop::wait(std::int64_t now) {
  fds_.clear();
  fds_.push_back({signals_.get(), POLLIN, 0});
  for (const Lane* lane : {&polls_, &heartbeats_, &reports_}) fds_.push_back(lane->wait_for());
  for (const auto& [token, job] : jobs_) {
    if (job.program != nullptr) job.program->add_fds(&fds_);
  }
  // An answer just now may have been the end.
  const std::int64_t wake = finished(now) ? now : wake_ms();
  const std::int64_t left = std::clamp<std::int64_t>(wake - now, 0, 60'000);
  if (::poll(fds_.data(), fds_.size(), static_cast<int>(left)) <= 0) {
    for (pollfd& fd : fds_) fd.revents = 0;
  }
}

}  // namespace pawl::cli
