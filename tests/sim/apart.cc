#include "tests/sim/apart.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace pawl::sim {
namespace {

// What the child says: its failure, then the figures as they are in memory.
static_assert(std::is_trivially_copyable_v<StormFigures>);

[[noreturn]] void child(const StormOptions& options, int out) {
  if (!options.print) dup2(out, STDERR_FILENO);
  std::signal(SIGABRT, SIG_DFL);  // a test framework would have its own say
  const StormResult result = run_storm(options);
  const StormFigures figures = result;
  std::string text = result.failure;
  text.append(reinterpret_cast<const char*>(&figures), sizeof figures);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = write(out, rest.data(), rest.size());
    if (written <= 0) _exit(1);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  _exit(0);
}

std::string all_of(int in) {
  std::string text;
  std::array<char, 4096> some;
  for (ssize_t n = 0; (n = read(in, some.data(), some.size())) > 0;) {
    text.append(some.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace

StormResult run_storm_apart(const StormOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("a storm gets no pipe");
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("a storm gets no process");
  if (pid == 0) {
    close(ends[0]);
    child(options, ends[1]);
  }
  close(ends[1]);
  std::string text = all_of(ends[0]);
  close(ends[0]);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) throw std::runtime_error("a storm's process is lost");
  StormResult result;
  if (status != 0 || text.size() < sizeof(StormFigures)) {
    result.failure = "the process was stopped: " + last_line(std::move(text));
    return result;
  }
  const std::size_t said = text.size() - sizeof(StormFigures);
  StormFigures figures;
  std::memcpy(&figures, text.data() + said, sizeof figures);
  static_cast<StormFigures&>(result) = figures;
  result.failure = text.substr(0, said);
  return result;
}

}  // namespace pawl::sim
