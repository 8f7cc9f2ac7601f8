#include "tests/raft/seed_search.h"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>

#include "tests/raft/storm.h"

namespace pawl::raft {

std::uint64_t seeds_to_find(const PlantedBugs& bugs, std::uint64_t seeds_max) {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);  // which the test framework has taken
      if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(0);
      const bool found = !run_storm(seed, 3, bugs, false).failure.empty() ||
                         !run_storm(seed, 5, bugs, false).failure.empty();
      _exit(found ? 1 : 0);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) return seed;
  }
  return 0;
}

}  // namespace pawl::raft
