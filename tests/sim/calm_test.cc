// What must not cause an election: slow disks, and a box that the others hear but that hears
// nobody.
#include <boost/test/unit_test.hpp>

#include "tests/node/definitions.h"
#include "tests/sim/fleet.h"

namespace pawl::sim {
namespace {

std::vector<Term> terms_of(Fleet& fleet, int b) {
  std::vector<Term> terms;
  for (std::uint16_t g = 0; g <= fleet.options.run_groups; ++g) {
    terms.push_back(fleet.box(b).node->group(GroupId(g)).raft().term());
  }
  return terms;
}

bool same(const std::vector<Term>& a, const std::vector<Term>& b) { return a == b; }

BOOST_AUTO_TEST_SUITE(calm)

BOOST_AUTO_TEST_CASE(disks_that_stall_one_after_the_other_hold_nobody_up) {
  Fleet fleet(FleetOptions{});
  fleet.boot_all();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.deploy(1, node::kCounter);
  for (int n = 0; n < 8; ++n) {
    BOOST_TEST(fleet.ask(1, node::start_of("r" + std::to_string(n))).status == 201);
  }
  fleet.run(60'000);  // leaderships have gone to their groups' homes
  const std::vector<Term> before = terms_of(fleet, 1);
  for (int b = 1; b <= 3; ++b) {
    fleet.stall_disk(b, true);
    // What a majority of the disks has is acknowledged all the same, also by a leader whose own
    // disk stalls.
    for (int n = 0; n < 8; ++n) {
      const auto& answer =
          fleet.ask(b % 3 + 1, node::signal_of("r" + std::to_string(n), "add", "{\"id\":1}"));
      BOOST_TEST(answer.status == 200);
    }
    fleet.run(3000);
    fleet.stall_disk(b, false);
    fleet.run(500);
  }
  // Leaderships were handed over and back, in a term of their own each; no time-out is among them.
  const std::vector<Term> after = terms_of(fleet, 1);
  for (std::size_t g = 0; g < after.size(); ++g) BOOST_TEST(after[g].v - before[g].v <= 2);
  BOOST_TEST(fleet.settled());
}

BOOST_AUTO_TEST_CASE(a_leader_whose_disk_stalls_hands_over_and_does_not_get_it_back_meanwhile) {
  Fleet fleet(FleetOptions{});
  fleet.boot_all();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.run(60'000);
  const int slow = fleet.leader(GroupId(1));
  fleet.deploy(1, node::kCounter);
  const std::string id = node::id_in_group(*fleet.box(1).node, 1, 0);
  BOOST_TEST(fleet.ask(1, node::start_of(id)).status == 201);
  fleet.stall_disk(slow, true);
  // Something must be on its way to the disk.
  BOOST_TEST(fleet.ask(1, node::signal_of(id, "add", "{\"id\":1}")).status == 200);
  BOOST_TEST(fleet.run_until([&] { return fleet.leader(GroupId(1)) != slow; }, 3000));
  BOOST_TEST(fleet.run_until([&] { return fleet.leader(GroupId(1)) != 0; }, 1000));
  const Term term = fleet.box(slow).node->group(GroupId(1)).raft().term();
  fleet.run(60'000);
  BOOST_TEST(fleet.leader(GroupId(1)) != slow);
  BOOST_TEST(fleet.leader(GroupId(1)) != 0);
  BOOST_TEST((fleet.box(slow).node->group(GroupId(1)).raft().term() <= term.next()));
  fleet.stall_disk(slow, false);
  BOOST_TEST(fleet.run_until([&] { return fleet.leader(GroupId(1)) == slow; }, 60'000));
}

BOOST_AUTO_TEST_CASE(a_box_that_hears_nobody_disturbs_nobody) {
  Fleet fleet(FleetOptions{});
  fleet.boot_all();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.deploy(1, node::kCounter);
  const int deaf = 3;
  for (int b = 1; b <= 2; ++b) fleet.cut(b, deaf);
  // What it led is taken over once: it does not hear that it is followed.
  fleet.run(60'000);
  const std::vector<Term> after = terms_of(fleet, 1);
  for (std::uint16_t g = 0; g <= 3; ++g) {
    BOOST_TEST(fleet.leader(GroupId(g)) != deaf);
    BOOST_TEST(fleet.leader(GroupId(g)) != 0);
  }
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  fleet.run(3'600'000);
  BOOST_TEST(same(terms_of(fleet, 1), after));
  BOOST_TEST(fleet.ask(2, node::signal_of("r", "add", "{\"id\":1}")).status == 200);
  fleet.heal();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  BOOST_TEST(fleet.run_until([&] { return fleet.differences().empty(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
