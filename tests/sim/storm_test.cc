// Storms over the first seeds. A failure prints the command that repeats it, made smaller.
// PAWL_SEEDS: how many. `./dev test` runs many more in sim_storm.
#include "tests/sim/storm.h"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "tests/sim/apart.h"
#include "tests/sim/linear.h"

namespace pawl::sim {
namespace {

constexpr std::uint64_t kSeeds = 40;

std::string report(const StormOptions& failing, const std::string& failure) {
  return failure + "\n  repeat: " + command_of(shrink(failing));
}

BOOST_AUTO_TEST_SUITE(storms_of_a_fleet)

BOOST_AUTO_TEST_CASE(storms_break_no_promise_of_a_fleet) {
  const char* count = std::getenv("PAWL_SEEDS");
  const std::uint64_t seeds = count == nullptr ? kSeeds : std::strtoull(count, nullptr, 10);
  StormResult sum;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    StormOptions options;
    options.seed = seed;
    const StormResult result = run_storm_apart(options);
    if (!result.failure.empty()) BOOST_FAIL(report(options, result.failure));
    sum.acknowledged += result.acknowledged;
    sum.unknown += result.unknown;
    sum.crashes += result.crashes;
    sum.handed_out += result.handed_out;
    sum.reads += result.reads;
    sum.forgotten += result.forgotten;
    sum.continued += result.continued;
    sum.resets += result.resets;
    sum.generations_forgotten += result.generations_forgotten;
  }
  BOOST_TEST_MESSAGE(sum.acknowledged << " acknowledged, " << sum.unknown << " unknown, "
                                      << sum.crashes << " crashes, " << sum.handed_out
                                      << " tasks handed out, " << sum.reads << " reads, "
                                      << sum.forgotten << " runs forgotten, " << sum.continued
                                      << " generations");
  if (seeds < kSeeds) return;
  // A storm in which nothing happens proves nothing.
  BOOST_TEST(sum.acknowledged > seeds * 30);
  BOOST_TEST(sum.unknown > seeds / 4);
  BOOST_TEST(sum.crashes > seeds);
  BOOST_TEST(sum.handed_out > seeds * 5);
  BOOST_TEST(sum.reads > seeds * 20);
  BOOST_TEST(sum.forgotten > seeds);
  BOOST_TEST(sum.continued > seeds);
  BOOST_TEST(sum.resets > seeds);
  BOOST_TEST(sum.generations_forgotten > seeds / 10);
}

BOOST_AUTO_TEST_CASE(same_seed_same_storm_of_a_fleet) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    StormOptions options;
    options.seed = seed;
    const StormResult first = run_storm(options);
    BOOST_TEST(first.trace == run_storm(options).trace);
    options.seed += 100;
    BOOST_TEST(first.trace != run_storm(options).trace);
  }
}

BOOST_AUTO_TEST_CASE(histories_of_a_list_are_judged) {
  const std::int64_t never = std::numeric_limits<std::int64_t>::max();
  const std::size_t places = 10'000;
  // Two changes at once, a read that saw them in one order.
  const std::vector<ListOperation> at_once = {{1, 10, 7, {}}, {2, 9, 8, {}}, {11, 12, 0, {8, 7}}};
  BOOST_TEST((check_list(at_once, places) == Linearizable::yes));
  // A read that misses what was answered before it began.
  const std::vector<ListOperation> stale = {{1, 2, 7, {}}, {3, 4, 0, {}}};
  BOOST_TEST((check_list(stale, places) == Linearizable::no));
  // Newer, then older.
  const std::vector<ListOperation> back = {{1, 20, 7, {}}, {2, 3, 0, {7}}, {4, 5, 0, {}}};
  BOOST_TEST((check_list(back, places) == Linearizable::no));
  // What has no answer may have happened, late too, or not at all.
  const std::vector<ListOperation> lost = {{1, never, 7, {}}, {2, 3, 0, {}}, {4, 5, 0, {7}}};
  BOOST_TEST((check_list(lost, places) == Linearizable::yes));
  const std::vector<ListOperation> twice = {{1, never, 7, {}}, {2, 3, 0, {7, 7}}};
  BOOST_TEST((check_list(twice, places) == Linearizable::no));
  BOOST_TEST((check_list(at_once, 1) == Linearizable::unknown));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
