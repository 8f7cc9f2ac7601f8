// Bugs planted in the node and in the consensus, each of which the storms must find. PAWL_BUG=N
// searches for that one alone and says how many seeds it took.
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "node/planted.h"
#include "raft/planted.h"
#include "tests/sim/storm.h"

namespace pawl {

node::Bug node::planted_bug = node::Bug::none;
raft::Bug raft::planted_bug = raft::Bug::none;

namespace sim {
namespace {

constexpr std::uint64_t kSeedsMax = 10'000;

// Seeds until the bug was found (by a broken rule, or a CHECK that stops the process), 0 if it was
// not. In a process of its own, because of the latter.
std::uint64_t seeds_to_find() {
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    std::fflush(nullptr);
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(0);
      StormOptions options;
      options.seed = seed;
      _exit(run_storm(options).failure.empty() ? 0 : 1);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) return seed;
  }
  return 0;
}

void check(const char* name) {
  const std::uint64_t seeds = seeds_to_find();
  BOOST_TEST(seeds > 0u, name << " was not found");
  BOOST_TEST_MESSAGE(name << " found by seed " << seeds);
}

BOOST_AUTO_TEST_CASE(planted_bugs_of_the_node_are_found) {
  using node::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"read_own_tables", Bug::read_own_tables},
      {"refuse_unconfirmed", Bug::refuse_unconfirmed},
      {"forget_keys", Bug::forget_keys},
      {"forward_without_key", Bug::forward_without_key},
      {"copy_of_any_term", Bug::copy_of_any_term},
      {"retry_replaced", Bug::retry_replaced},
      {"keep_void_reads", Bug::keep_void_reads},
      {"stamp_before_entry", Bug::stamp_before_entry},
      {"freeze_time", Bug::freeze_time},
      {"answer_at_proposal", Bug::answer_at_proposal},
      {"open_lost_group", Bug::open_lost_group},
      {"no_lease_after_failover", Bug::no_lease_after_failover},
      {"take_twice", Bug::take_twice},
      {"lower_read_index", Bug::lower_read_index},
  };
  for (const auto& [name, bug] : bugs) {
    node::planted_bug = bug;
    check(name);
  }
  node::planted_bug = Bug::none;
}

BOOST_AUTO_TEST_CASE(planted_bugs_of_the_consensus_are_found_through_the_node) {
  using raft::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"count_leader_before_disk", Bug::count_leader_before_disk},
      {"vote_before_hard_state", Bug::vote_before_hard_state},
      {"vote_for_short_log", Bug::vote_for_short_log},
      {"commit_unverified", Bug::commit_unverified},
      {"reuse_read_round", Bug::reuse_read_round},
      {"read_without_round", Bug::read_without_round},
      {"read_before_first_commit", Bug::read_before_first_commit},
  };
  for (const auto& [name, bug] : bugs) {
    raft::planted_bug = bug;
    check(name);
  }
  raft::planted_bug = Bug::none;
}

}  // namespace
}  // namespace sim
}  // namespace pawl
