// Storms over many seeds, and the bugs planted in the driver that they must find (those planted in
// the consensus itself are in planted_test.cc). A failure prints the command that repeats it:
// PAWL_SEED=N runs that seed alone, PAWL_TRACE=1 prints all that happens.
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "tests/raft/seed_search.h"
#include "tests/raft/storm.h"

namespace pawl::raft {
namespace {

constexpr std::uint64_t kSeeds = 500;  // of each size
constexpr int kSizes[] = {1, 2, 3, 4, 5};

std::string repeat_with(std::uint64_t seed, const std::string& failure) {
  return "seed " + std::to_string(seed) + ": " + failure +
         "\n  repeat: PAWL_SEED=" + std::to_string(seed) +
         " PAWL_TRACE=1 raft_test --run_test=storms_break_no_rule";
}

BOOST_AUTO_TEST_CASE(storms_break_no_rule) {
  const char* only = std::getenv("PAWL_SEED");
  const char* count = std::getenv("PAWL_SEEDS");
  const bool print = std::getenv("PAWL_TRACE") != nullptr;
  const std::uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t seeds = count ? std::strtoull(count, nullptr, 10) : kSeeds;
  const std::uint64_t last = only ? first : seeds;
  StormResult sum;
  for (const int members : kSizes) {
    for (std::uint64_t seed = first; seed <= last; ++seed) {
      const StormResult result = run_storm(seed, members, PlantedBugs(), print);
      BOOST_REQUIRE_MESSAGE(result.failure.empty(),
                            members << " members, " << repeat_with(seed, result.failure));
      sum.steps += result.steps;
      sum.committed += result.committed;
      sum.elections += result.elections;
      sum.crashes += result.crashes;
      sum.lost += result.lost;
      sum.reads += result.reads;
      sum.snapshots += result.snapshots;
      sum.memberships += result.memberships;
      sum.transfers += result.transfers;
    }
  }
  BOOST_TEST_MESSAGE(sum.steps << " steps, " << sum.committed << " committed, " << sum.elections
                               << " changes of leader, " << sum.crashes << " crashes, " << sum.lost
                               << " packets lost, " << sum.reads << " reads answered, "
                               << sum.snapshots << " snapshots installed, " << sum.memberships
                               << " memberships committed, " << sum.transfers
                               << " transfers asked for");
  if (only) return;
  // A storm in which nothing happens proves nothing.
  BOOST_TEST(sum.crashes > seeds);
  BOOST_TEST(sum.elections > seeds);
  BOOST_TEST(sum.lost > seeds * 10);
  BOOST_TEST(sum.committed > seeds * 100);
  BOOST_TEST(sum.reads > seeds * 50);
  BOOST_TEST(sum.snapshots > seeds);
  BOOST_TEST(sum.memberships > seeds * 5);
  BOOST_TEST(sum.transfers > seeds * 5);
}

BOOST_AUTO_TEST_CASE(same_seed_same_storm) {
  const StormResult a = run_storm(7, 3, PlantedBugs(), false);
  const StormResult b = run_storm(7, 3, PlantedBugs(), false);
  BOOST_TEST(a.steps == b.steps);
  BOOST_TEST(a.committed == b.committed);
  BOOST_TEST(a.lost == b.lost);
}

BOOST_AUTO_TEST_CASE(planted_bugs_are_found) {
  const std::pair<const char*, bool PlantedBugs::*> bugs[] = {
      {"report_entries_early", &PlantedBugs::report_entries_early},
      {"report_hard_state_early", &PlantedBugs::report_hard_state_early},
      {"acknowledge_memory", &PlantedBugs::acknowledge_memory},
      {"grant_every_vote", &PlantedBugs::grant_every_vote},
      {"forget_vote_at_restart", &PlantedBugs::forget_vote_at_restart},
      {"lose_last_entry_at_restart", &PlantedBugs::lose_last_entry_at_restart},
      {"shift_payloads", &PlantedBugs::shift_payloads},
      {"apply_all_that_is_durable", &PlantedBugs::apply_all_that_is_durable},
  };
  BOOST_TEST(seeds_to_find(PlantedBugs(), 50) == 0u);
  for (const auto& [name, flag] : bugs) {
    PlantedBugs planted;
    planted.*flag = true;
    const std::uint64_t seeds = seeds_to_find(planted, 1000);
    BOOST_TEST(seeds > 0u, name << " was not found");
    BOOST_TEST_MESSAGE(name << " found by seed " << seeds);
  }
}

}  // namespace
}  // namespace pawl::raft
