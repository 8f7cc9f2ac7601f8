// `pawl worker` at work: one process, one poll(2) loop, no threads. It asks a queue for tasks, runs
// a program for each, renews their leases and reports how they ended.
//
// A job, from the hand-out to the accepted report:
//
//   running --program ended--> reporting --2xx, 404, 409--> gone
//      |  \--failed with progress not yet sent--> last_heartbeat --answered--> reporting
//      +--heartbeat answered 404, 409: withdrawn; SIGTERM, after kill_ms SIGKILL (still running)
//
// Three lanes, so that neither a parked poll nor a slow commit holds up the others: polls,
// heartbeats, reports. While a report is under way further ends gather, and go together in one
// batch. When the daemon is away programs go on, and all lanes try until it is back.
//
// SIGTERM or SIGINT: no more polls; programs get grace_ms to end, then SIGTERM, after kill_ms
// SIGKILL, and those are reported as failed with a retry. A second signal: SIGKILL, a second to
// report, end.
#pragma once

#include <poll.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/lane.h"
#include "cli/outcome.h"
#include "cli/program.h"
#include "cli/progress_file.h"
#include "cli/worker_task.h"

namespace pawl::cli {

struct WorkerOptions {
  std::string socket_path;
  std::string queue;
  std::vector<std::string> name_spaces;         // whose queue; none: of `default`
  std::string name;                             // of this worker, in the events
  std::map<std::string, std::string> programs;  // task type -> path of its executable
  int concurrency = 1;                          // programs at once
  std::int64_t grace_ms = 10'000;
  std::int64_t kill_ms = 10'000;
  bool log_tasks = false;  // a line on stderr for every task
};

class WorkerLoop {
 public:
  explicit WorkerLoop(WorkerOptions options);
  ~WorkerLoop();
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  // Works until it is told to stop; returns the exit status.
  int run();

 private:
  enum class Phase : std::uint8_t { running, last_heartbeat, reporting };
  struct Job {
    WorkerTask task;
    Phase phase = Phase::running;
    std::unique_ptr<Program> program;  // Phase::running
    ProgressFile progress;
    std::optional<Outcome> outcome;  // not Phase::running
    std::int64_t started_ms = 0;
    std::int64_t heartbeat_ms = 0;  // when the next one is due
    std::int64_t kill_ms = -1;      // when SIGKILL follows the SIGTERM; -1: none was sent
    bool withdrawn = false;
    bool stopped = false;    // ended by us because we stop
    bool last_sent = false;  // Phase::last_heartbeat: it is on its way
  };

  // --- worker_loop.cc: set-up, tasks, programs, signals, time ---
  bool set_up();
  void start_poll(std::int64_t now);
  void poll_answered(const Response& response, std::int64_t now);
  void start_job(WorkerTask task, std::int64_t now);
  void refuse_job(WorkerTask task, Outcome outcome);
  std::vector<std::string> environment_for(const WorkerTask& task,
                                           const std::string& progress) const;
  void advance_programs(const std::vector<pollfd>& fds, std::int64_t now);
  void program_ended(Job& job, std::int64_t now);
  void take_signals(std::int64_t now);
  void stop(std::int64_t now, int exit);
  void check_time(std::int64_t now);
  void end_program(Job& job, std::int64_t now);
  bool finished(std::int64_t now) const;
  bool any_running() const;
  std::int64_t wake_ms() const;
  void wait(std::int64_t now);

  // --- worker_report.cc: what is said about tasks ---
  void step_lanes(std::int64_t now);
  void start_heartbeat(std::int64_t now);
  void heartbeat_answered(const Response& response, std::int64_t now);
  void start_report(std::int64_t now);
  void report_answered(const Response& response, std::int64_t now);
  void settle(const std::string& token, int status, const std::string& detail, std::int64_t now);
  void say_whether_away();
  void say(std::string_view text) const;
  void say_of(const Job& job, std::string_view text) const;

  WorkerOptions options_;
  std::string directory_;  // of the progress files
  std::uint64_t files_made_ = 0;
  std::uint64_t files_max_ = 1024;  // the open-files limit we were started with: the programs'
  OwnedFd signals_;
  std::map<std::string, Job> jobs_;  // by token
  Lane polls_, heartbeats_, reports_;
  std::string heartbeat_token_;             // of the heartbeat under way
  std::vector<std::string> report_tokens_;  // of the report under way
  bool single_reports_ = false;             // the daemon refused a batch as a whole
  std::int64_t poll_after_ms_ = 0;
  std::int64_t report_after_ms_ = 0;
  bool away_ = false;
  bool stopping_ = false;
  int exit_ = 0;
  std::int64_t grace_end_ms_ = -1;  // while stopping: when programs are ended
  std::int64_t give_up_ms_ = -1;    // while stopping: when reports are given up
  std::vector<pollfd> fds_;         // of the last wait
};

}  // namespace pawl::cli
