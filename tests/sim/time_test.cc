// Clocks that are wrong: a group's time is believed by a majority, or vouched for.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/node/definitions.h"
#include "tests/sim/changing.h"

namespace pawl::sim {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kYearMs = 365 * 24 * kHourMs;

struct Clocks : Changing {
  explicit Clocks(FleetOptions fleet = {}) : Changing(fleet) {
    BOOST_TEST(ask(1, node::start_of("r")).status == 201);
    run(1'200);
  }
  std::int64_t started_ms(int b, const std::string& run) { return read(b, run)->started_at.v; }
  std::int64_t wall_ms(int b) { return box(b).now.wall_ms; }
  // Starts a run through box b; how far its time is from what that box's clock says.
  std::int64_t off_ms(int b, const std::string& run) {
    BOOST_TEST(ask(b, node::start_of(run)).status == 201);
    return started_ms(b, run) - wall_ms(b);
  }
  void lead_all(int b) {
    for (std::uint16_t g = 0; g <= options.run_groups; ++g) {
      if (leader(GroupId(g)) != b) transfer(GroupId(g), leader(GroupId(g)), b);
    }
    BOOST_REQUIRE(run_until([&] {
      for (std::uint16_t g = 0; g <= options.run_groups; ++g) {
        if (leader(GroupId(g)) != b) return false;
      }
      return settled();
    }));
  }
};

BOOST_AUTO_TEST_SUITE(clocks)

BOOST_AUTO_TEST_CASE(a_leader_alone_with_its_clock_is_not_believed) {
  Clocks fleet;
  fleet.lead_all(2);
  BOOST_TEST(fleet.ask(2, node::signal_of("r", "nap")).status == 200);
  fleet.box(2).now.wall_ms += kYearMs;  // and the kernel calls it synchronised
  fleet.run(50);
  BOOST_TEST(fleet.read(2, "r")->state() == "nap");
  BOOST_TEST(fleet.box(2).node->time_held());
  BOOST_TEST(!fleet.box(1).node->time_held());
  BOOST_TEST(std::abs(fleet.off_ms(2, "a") + kYearMs) < 1'000);
  // Nor by itself, when it comes back and leads again.
  fleet.crash(2);
  fleet.run(1'000);
  fleet.boot(2);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.lead_all(2);
  BOOST_TEST(std::abs(fleet.off_ms(2, "b") + kYearMs) < 5'000);
  fleet.box(2).now.wall_ms -= kYearMs;
  fleet.run(50);
  BOOST_TEST(!fleet.box(2).node->time_held());
}

BOOST_AUTO_TEST_CASE(two_of_three_are_a_majority) {
  Clocks fleet;
  fleet.lead_all(2);
  fleet.box(2).now.wall_ms += kHourMs;
  fleet.box(3).now.wall_ms += kHourMs + limits::kClockJumpMsMax / 2;
  fleet.run(2'100);  // a status later
  BOOST_TEST(std::abs(fleet.off_ms(2, "a")) < 1'000);
  BOOST_TEST(!fleet.box(2).node->time_held());
  fleet.box(2).now.wall_ms += kHourMs;  // now it is alone with that
  fleet.run(2'100);
  BOOST_TEST(std::abs(fleet.off_ms(2, "b") + kHourMs) < 1'000);
}

// Nothing was decided for hours: the first thing that is has the right time, so that its own timers
// do not run out early.
BOOST_AUTO_TEST_CASE(all_were_off_for_hours) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Clocks fleet(FleetOptions{.seed = seed});
    for (int b = 1; b <= 3; ++b) {
      fleet.crash(b);
      fleet.box(b).now.wall_ms += 8 * kHourMs;
    }
    fleet.boot_all();
    const node::RequestId early = fleet.request(1, node::start_of("early"));
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(1).answered(early); }));
    BOOST_TEST(fleet.box(1).status(early) == 201);
    BOOST_TEST(std::abs(fleet.started_ms(1, "early") - fleet.wall_ms(1)) < 5'000);
  }
}

BOOST_AUTO_TEST_CASE(who_vouches_for_a_clock_moves_all_groups) {
  Clocks fleet;
  fleet.lead_all(2);
  fleet.box(1).now.wall_ms += kHourMs;
  fleet.run(1'500);
  const auto& accepted = fleet.ask(1, node::AcceptTime{TimeMs(fleet.wall_ms(1))});
  BOOST_TEST(accepted.status == 200);
  BOOST_TEST((node::json(accepted.body).field("changed")->as_bool()));
  fleet.run(100);
  for (int n = 0; n < 12; ++n) {  // in every group
    BOOST_TEST(std::abs(fleet.off_ms(3, "a" + std::to_string(n)) - kHourMs) < 1'000);
  }
  BOOST_TEST(!fleet.box(1).node->time_held());
  // It stays so over a restart of all, and saying it again changes nothing.
  for (int b = 1; b <= 3; ++b) fleet.crash(b);
  fleet.boot_all();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  const auto& again = fleet.ask(2, node::AcceptTime{TimeMs(fleet.wall_ms(2))});
  BOOST_TEST((!node::json(again.body).field("changed")->as_bool()));
  BOOST_TEST(fleet.off_ms(2, "b") > kHourMs - 10'000);
}

BOOST_AUTO_TEST_CASE(a_box_that_is_left_alone_believes_the_kernel) {
  Clocks fleet;
  BOOST_TEST(fleet.ask(1, removed(3)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(1, {1, 2}); }));
  fleet.run(500);
  BOOST_TEST(fleet.ask(1, removed(2)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(1, {1}); }));
  fleet.run(500);
  fleet.box(1).now.wall_trusted = false;
  fleet.box(1).now.wall_ms += kHourMs;
  BOOST_TEST(std::abs(fleet.off_ms(1, "a") + kHourMs) < 1'000);
  fleet.box(1).now.wall_trusted = true;
  BOOST_TEST(std::abs(fleet.off_ms(1, "b")) < 1'000);
}

// A new box has no time of its own yet, and no reason to believe its clock.
BOOST_AUTO_TEST_CASE(a_box_that_joins_does_not_bring_its_year) {
  Clocks fleet;
  BOOST_TEST(fleet.ask(1, node::signal_of("r", "nap")).status == 200);
  const int four = fleet.add_box();
  fleet.box(four).now.wall_ms += kYearMs;
  fleet.boot(four);
  BOOST_TEST(fleet.ask(1, added(four)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }));
  fleet.lead_all(four);
  fleet.run(1'000);
  BOOST_TEST(fleet.read(1, "r")->state() == "nap");
  BOOST_TEST(std::abs(fleet.off_ms(four, "a") + kYearMs) < 10'000);
  BOOST_TEST(fleet.box(four).node->time_held());
}

BOOST_AUTO_TEST_CASE(one_founder_of_three_does_not_set_the_year) {
  for (int bad = 1; bad <= 3; ++bad) {
    Fleet fleet(FleetOptions{.seed = static_cast<std::uint64_t>(bad)});
    fleet.box(bad).now.wall_ms += kYearMs;
    fleet.boot_all();
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.deploy(1, node::kCounter);
    for (int n = 0; n < 9; ++n) {
      const std::string run = "r" + std::to_string(n);
      BOOST_TEST(fleet.ask(bad, node::start_of(run)).status == 201);
      const std::int64_t off = fleet.read(1, run)->started_at.v - fleet.box(bad).now.wall_ms;
      BOOST_TEST(std::abs(off + kYearMs) < 5'000);
    }
  }
}

// Three founders without a clock that any two would agree on: somebody has to say what time it is.
BOOST_AUTO_TEST_CASE(founders_that_do_not_agree_wait_for_an_operator) {
  Fleet fleet(FleetOptions{});
  fleet.box(2).now.wall_ms += kHourMs;
  fleet.box(3).now.wall_ms += 2 * kHourMs;
  fleet.boot_all();
  fleet.run(10'000);
  BOOST_TEST(!fleet.settled());
  for (int b = 1; b <= 3; ++b) BOOST_TEST(fleet.box(b).node->time_held());
  const std::int64_t wall = fleet.box(2).now.wall_ms;
  for (int b = 1; b <= 3; ++b) fleet.box(b).ask(node::AcceptTime{TimeMs(wall)});
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.deploy(1, node::kCounter);
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  BOOST_TEST(std::abs(fleet.read(3, "r")->started_at.v - wall) < 10'000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
