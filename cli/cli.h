// The command line as a function, so that main.cc only wires and tests link the same commands
// without the daemon.
#pragma once

#include <string>
#include <vector>

namespace pawl::cli {

// Exit statuses, a stable contract (the API page, "The command line").
enum Exit : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kConflict = 4,
  kUnreachable = 5,  // no daemon, or no leader
  kTimedOut = 124,
};

using Serve = int (*)(const std::vector<std::string>& args);

// Runs the command that `args` (without the program's name) names and returns its exit status.
// `serve` is what `pawl serve` runs. Messages go to stderr, results to stdout.
int run(const std::vector<std::string>& args, Serve serve);

}  // namespace pawl::cli
