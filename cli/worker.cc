// `pawl worker`: which programs, and then the loop.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/limits.h"
#include "cli/command.h"
#include "cli/worker_loop.h"

namespace pawl::cli {
namespace {

bool is_executable(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// A name without a slash is looked for in PATH, as a shell does. "" if there is none.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_executable(name) ? name : "";
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string directory(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::string path = (directory.empty() ? "." : directory) + "/" + name;
    if (is_executable(path)) return path;
  }
  return "";
}

std::string default_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + std::to_string(::getpid());
}

class Worker : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.required("--queue", "QUEUE", &options_.queue, "The queue to take tasks from");
    arguments.repeated("--task", "TYPE=PROGRAM", &tasks_, "The program for a type of task");
    arguments.option("--dir", "DIR", &directory_,
                     "A directory of programs, each named for its type");
    arguments.number("--concurrency", &options_.concurrency, 1, limits::kWorkerConcurrencyMax,
                     "Programs at once (default 1)");
    arguments.option("--name", "NAME", &name_, "This worker's name (default HOST-PID)");
    arguments.option("--grace", "DURATION", &grace_,
                     "When told to stop: how long programs may go on (default 10s)");
    arguments.option("--kill-after", "DURATION", &kill_, "From SIGTERM to SIGKILL (default 10s)");
    arguments.flag("--verbose", &verbose_, "A line on stderr for every task");
    arguments.footer(
        "A program gets the task's input as JSON on stdin and PAWL_RUN, PAWL_TASK, PAWL_ATTEMPT,\n"
        "PAWL_IDEMPOTENCY_KEY, PAWL_DEADLINE, PAWL_TOKEN, PAWL_FENCE and PAWL_PROGRESS (a file: "
        "sent\n"
        "with heartbeats, filled with what an earlier attempt left) in its environment.\n"
        "--namespace A,B takes tasks of the queue in several namespaces, by turns; PAWL_NAMESPACE\n"
        "tells a program the one of its task.\n"
        "Exit 0: done; stdout is empty or one JSON value, the result. Other exits: a JSON object\n"
        "{type, message, data, retryable} on stdout is the error; without it 75 is retried, and N "
        "is\n"
        "the error exit.N with the end of stderr. What it leaves running in its process group is\n"
        "killed when it ends.");
  }

  int run(Session& session) override {
    for (const std::string& task : tasks_) {
      const std::size_t equals = task.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == task.size()) {
        return session.refuse(kUsage, "`" + task + "` is no task\nhint: write --task TYPE=PROGRAM");
      }
      const std::string path = find_program(task.substr(equals + 1));
      if (path.empty()) {
        return session.refuse(kUsage,
                              "there is no program `" + task.substr(equals + 1) +
                                  "`\nhint: give the path of an executable file; it gets no "
                                  "arguments, so wrap a command in a script");
      }
      options_.programs[task.substr(0, equals)] = path;
    }
    if (directory_) {
      if (const int exit = read_directory(session); exit != kDone) return exit;
    }
    if (options_.programs.empty()) {
      return session.refuse(kUsage,
                            "no task types\nhint: give --task TYPE=PROGRAM or --dir DIR with an "
                            "executable named for each type");
    }
    if (const int exit = read_times(session); exit != kDone) return exit;
    options_.socket_path = session.client().socket_path();
    // A path that can't be one is refused now; a daemon that isn't there yet is waited for.
    Connection probe(options_.socket_path);
    if (const absl::Status opened = probe.open(); absl::IsInvalidArgument(opened)) {
      return session.refuse(opened);
    }
    std::string_view names = session.client().name_space();
    while (!names.empty()) {
      const std::size_t end = std::min(names.find(','), names.size());
      options_.name_spaces.emplace_back(names.substr(0, end));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    options_.name = name_.value_or(default_name());
    options_.log_tasks = verbose_ || session.error_terminal();
    WorkerLoop loop(options_);
    return loop.run();
  }

 private:
  int read_times(Session& session) {
    for (const auto& [text, out] :
         {std::pair(&grace_, &options_.grace_ms), std::pair(&kill_, &options_.kill_ms)}) {
      if (!text->has_value()) continue;
      const absl::StatusOr<std::int64_t> parsed = read_duration_ms(**text);
      if (!parsed.ok()) return session.refuse(parsed.status());
      *out = *parsed;
    }
    return kDone;
  }

  int read_directory(Session& session) {
    DIR* directory = ::opendir(directory_->c_str());
    if (directory == nullptr) {
      return session.refuse(kUsage, "cannot read the directory " + *directory_ + ": " +
                                        std::strerror(errno) + "\nhint: check --dir");
    }
    while (const dirent* entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      const std::string path = *directory_ + "/" + name;
      if (name[0] != '.' && is_executable(path)) options_.programs.emplace(name, path);
    }
    ::closedir(directory);
    return kDone;
  }

  WorkerOptions options_;
  std::vector<std::string> tasks_;
  std::optional<std::string> directory_, name_, grace_, kill_;
  bool verbose_ = false;
};

}  // namespace

std::unique_ptr<Command> make_worker() { return std::make_unique<Worker>(); }

}  // namespace pawl::cli
