// Segments are given up on boxes of a cluster too; who lags behind further than that, or comes
// anew, gets a snapshot of each group, and the histories of the runs that are kept.
#include <boost/test/unit_test.hpp>

#include "tests/sim/filling.h"

namespace pawl::sim {
namespace {

BOOST_AUTO_TEST_SUITE(install)

BOOST_AUTO_TEST_CASE(who_was_away_for_long_gets_a_snapshot_and_the_histories) {
  Filling fleet;
  fleet.fill(1, "old", "w");
  fleet.run(500);
  fleet.crash(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.fill_and_forget(1, 8);
  fleet.give_up(1);
  fleet.give_up(2);
  BOOST_TEST(fleet.box(1).journal->oldest_segment() > 4u);
  BOOST_TEST(fleet.box(2).journal->oldest_segment() > 4u);
  fleet.boot(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.installs(3) >= 1; }, 60'000));
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.run(2'000);
  BOOST_TEST(fleet.differences() == "");
  BOOST_TEST(fleet.history_holds(3, "old"));
  fleet.start_runs(3, 5);
  fleet.check_runs(3);
  for (int life = 0; life < 2; ++life) {
    fleet.crash(3);
    fleet.run(1'000);
    fleet.boot(3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.run(2'000);
    BOOST_TEST(fleet.differences() == "");
    BOOST_TEST(fleet.history_holds(3, "old"));
  }
  // It has all that a leader needs.
  fleet.crash(1);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.start_runs(3, 5);
  fleet.check_runs(2);
}

BOOST_AUTO_TEST_CASE(a_box_that_is_added_late_gets_a_snapshot) {
  Filling fleet;
  fleet.fill(1, "old", "w");
  fleet.fill_and_forget(1, 8);
  for (int b = 1; b <= 3; ++b) fleet.give_up(b);
  const int four = fleet.add_box();
  fleet.boot(four);
  BOOST_TEST(fleet.ask(2, added(four)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }, 60'000));
  BOOST_TEST(fleet.installs(four) >= 1u);
  fleet.start_runs(four, 5);
  fleet.check_runs(four);
  fleet.run(2'000);
  BOOST_TEST(fleet.differences() == "");
  BOOST_TEST(fleet.history_holds(four, "old"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
