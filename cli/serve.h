// The daemon's entry point as the command line sees it: `pawl serve ...`, and `pawld ...`.
#pragma once

#include <string>
#include <vector>

namespace pawl::cli {

// Runs the daemon until it is told to stop; `args` is what follows `serve`. Returns the exit
// status.
int serve_main(const std::vector<std::string>& args);

}  // namespace pawl::cli
