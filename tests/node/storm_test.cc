// Storms over many seeds, and the planted bugs that they must find. A failure prints the command
// that repeats it: PAWL_SEED=N runs that seed alone, PAWL_TRACE=1 prints all that happens.
#include "tests/node/storm.h"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>

namespace pawl::node {
namespace {

constexpr std::uint64_t kSeeds = 200;

std::string repeat_with(std::uint64_t seed, const std::string& failure) {
  return "seed " + std::to_string(seed) + ": " + failure +
         "\n  repeat: PAWL_SEED=" + std::to_string(seed) +
         " PAWL_TRACE=1 node_test --run_test=storms_break_no_promise";
}

BOOST_AUTO_TEST_CASE(storms_break_no_promise) {
  const char* only = std::getenv("PAWL_SEED");
  const char* count = std::getenv("PAWL_SEEDS");
  const bool print = std::getenv("PAWL_TRACE") != nullptr;
  const std::uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t seeds = count ? std::strtoull(count, nullptr, 10) : kSeeds;
  const std::uint64_t last = only ? first : seeds;
  StormResult sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const StormResult result = run_storm(seed, StormBugs(), print);
    BOOST_REQUIRE_MESSAGE(result.failure.empty(), repeat_with(seed, result.failure));
    sum.acknowledged += result.acknowledged;
    sum.repeats += result.repeats;
    sum.crashes += result.crashes;
    sum.handed_out += result.handed_out;
    sum.leases_lost += result.leases_lost;
    sum.loads += result.loads;
    sum.loads_failed += result.loads_failed;
    sum.snapshots_used += result.snapshots_used;
    sum.most_given_up += result.most_given_up;
    sum.compacted += result.compacted;
    sum.crashes_in_compaction += result.crashes_in_compaction;
    sum.scrubbed += result.scrubbed;
    sum.copied_under_change += result.copied_under_change;
    sum.events += result.events;
    sum.forgotten += result.forgotten;
    sum.continued += result.continued;
    sum.generations_forgotten += result.generations_forgotten;
  }
  BOOST_TEST_MESSAGE(sum.acknowledged
                     << " acknowledged, " << sum.repeats << " repeats, " << sum.crashes
                     << " crashes, " << sum.snapshots_used << " starts with snapshots, "
                     << sum.handed_out << " tasks handed out, " << sum.leases_lost
                     << " leases lost at last, " << sum.loads << " loads, " << sum.loads_failed
                     << " failed loads, " << sum.most_given_up << " segments given up, "
                     << sum.compacted << " kept files made, " << sum.crashes_in_compaction
                     << " crashes meanwhile, " << sum.scrubbed << " scrub passes, " << sum.events
                     << " events, " << sum.forgotten << " runs forgotten, " << sum.continued
                     << " generations");
  if (only || seeds < kSeeds) return;
  // A storm in which nothing happens proves nothing.
  BOOST_TEST(sum.acknowledged > seeds * 50);
  BOOST_TEST(sum.repeats > seeds * 10);
  BOOST_TEST(sum.crashes > seeds * 3);
  BOOST_TEST(sum.snapshots_used > seeds / 4);
  BOOST_TEST(sum.copied_under_change > seeds / 4);
  BOOST_TEST(sum.handed_out > seeds * 10);
  BOOST_TEST(sum.loads > seeds / 4);
  BOOST_TEST(sum.loads_failed > 0u);
  BOOST_TEST(sum.forgotten > seeds);
  BOOST_TEST(sum.continued > seeds);
  BOOST_TEST(sum.generations_forgotten > seeds / 10);
  BOOST_TEST(sum.most_given_up > seeds / 10);
  BOOST_TEST(sum.compacted > seeds / 20);
  BOOST_TEST(sum.crashes_in_compaction > 0u);
  BOOST_TEST(sum.scrubbed > seeds / 50);
}

BOOST_AUTO_TEST_CASE(same_seed_same_storm_of_a_node) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const StormResult a = run_storm(seed, StormBugs(), false);
    const StormResult b = run_storm(seed, StormBugs(), false);
    BOOST_TEST(a.trace == b.trace);
    BOOST_TEST(a.events == b.events);
    BOOST_TEST(a.trace != run_storm(seed + 100, StormBugs(), false).trace);
  }
}

// Seeds until the bug was found (by a broken rule, or a CHECK that stops the process), 0 if it was
// not. In a process of its own, because of the latter.
std::uint64_t seeds_to_find(const StormBugs& bugs, std::uint64_t seeds_max) {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    std::fflush(nullptr);
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(0);
      _exit(run_storm(seed, bugs, false).failure.empty() ? 0 : 1);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) return seed;
  }
  return 0;
}

BOOST_AUTO_TEST_CASE(planted_bugs_of_a_node_are_found) {
  const std::pair<const char*, bool StormBugs::*> bugs[] = {
      {"completes_before_disk", &StormBugs::completes_before_disk},
      {"drops_syncs", &StormBugs::drops_syncs},
      {"forgets_keys", &StormBugs::forgets_keys},
      {"forgets_timers", &StormBugs::forgets_timers},
      {"hears_the_dead", &StormBugs::hears_the_dead},
      {"loads_wrong_values", &StormBugs::loads_wrong_values},
      {"repeats_requests", &StormBugs::repeats_requests},
      {"keeps_files", &StormBugs::keeps_files},
  };
  for (const auto& [name, flag] : bugs) {
    StormBugs planted;
    planted.*flag = true;
    planted.compares_tables = false;
    const std::uint64_t seeds = seeds_to_find(planted, kSeeds);
    BOOST_TEST(seeds > 0u, name << " was not found");
    BOOST_TEST_MESSAGE(name << " found by seed " << seeds);
  }
  // The journal's own fold notices what was left out of a snapshot at the first start with it.
  for (bool StormBugs::*flag : {&StormBugs::forgets_keys, &StormBugs::forgets_timers}) {
    StormBugs planted;
    planted.*flag = true;
    BOOST_TEST(seeds_to_find(planted, kSeeds) > 0u);
  }
}

}  // namespace
}  // namespace pawl::node
