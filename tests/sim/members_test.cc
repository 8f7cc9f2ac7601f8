// Boxes come and go while work goes on.
#include <boost/test/unit_test.hpp>

#include "codecs/raft_message.h"
#include "tests/node/definitions.h"
#include "tests/sim/changing.h"

namespace pawl::sim {
namespace {

BOOST_AUTO_TEST_SUITE(members)

BOOST_AUTO_TEST_CASE(a_box_that_is_added_gets_everything_and_then_a_vote) {
  Changing fleet;
  fleet.start_runs(1, 10);
  const int four = fleet.add_box();
  BOOST_TEST(fleet.ask(2, added(four)).status == 200);
  fleet.run(2000);
  BOOST_TEST(!fleet.has_voters(1, {1, 2, 3, 4}));  // it was not there yet
  fleet.boot(four);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }));
  fleet.start_runs(four, 5);
  fleet.check_runs(four);
  fleet.run(1000);
  BOOST_TEST(fleet.differences() == "");
  // It counts: of four, three must be there.
  fleet.crash(1);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.start_runs(four, 5);
  fleet.check_runs(2);
}

BOOST_AUTO_TEST_CASE(a_learner_waits_for_its_promotion) {
  Changing fleet;
  const int four = fleet.add_box();
  fleet.boot(four);
  BOOST_TEST(fleet.ask(1, added(four, false)).status == 200);
  fleet.run(5000);
  BOOST_TEST(fleet.box(four).node->group(GroupId(1)).raft().membership().learners.size() == 1U);
  BOOST_TEST((fleet.roster(four).find(NodeId(4))->role == engine::BoxRole::learner));
  BOOST_TEST(fleet.ask(2, promoted(four)).status == 200);
  BOOST_TEST(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }));
}

BOOST_AUTO_TEST_CASE(a_box_that_is_removed_hands_over_and_is_refused_for_ever) {
  Changing fleet;
  fleet.start_runs(1, 10);
  BOOST_TEST(fleet.ask(2, removed(1)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(2, {2, 3}); }));
  BOOST_REQUIRE(fleet.run_until(
      [&] { return fleet.box(1).node->group(GroupId(0)).raft().leader() != NodeId(1); }));
  fleet.start_runs(2, 5);
  BOOST_TEST(!fleet.box(1).node->ready());
  BOOST_TEST(fleet.ask(1, node::start_of("late")).status == 503);
  BOOST_TEST(fleet.type_of(fleet.ask(3, added(1))) == "box-removed");
  fleet.crash(1);
  fleet.run(12'000);
  fleet.boot(1);
  fleet.run(5000);
  BOOST_TEST(fleet.has_voters(2, {2, 3}));
  BOOST_TEST(fleet.leader(GroupId(1)) != 1);
  fleet.check_runs(3);
}

BOOST_AUTO_TEST_CASE(every_box_is_replaced_under_load) {
  Changing fleet;
  fleet.start_runs(1, 5);
  std::vector<int> voters{1, 2, 3};
  for (int old = 1; old <= 3; ++old) {
    const int fresh = fleet.add_box();
    fleet.boot(fresh);
    BOOST_TEST(fleet.ask(voters[1], added(fresh)).status == 200);
    voters.push_back(fresh);
    fleet.start_runs(voters[0], 3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(fresh, voters); }));
    fleet.run(500);
    const auto& answer = fleet.ask(fresh, removed(old));
    BOOST_TEST(answer.status == 200, answer.body);
    voters.erase(voters.begin());
    fleet.start_runs(voters[1], 3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(fresh, voters); }));
    fleet.crash(old);
    fleet.run(300);
  }
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.start_runs(5, 5);
  for (const int b : voters) fleet.check_runs(b);
}

BOOST_AUTO_TEST_CASE(a_box_that_lost_its_disk_is_not_taken_for_the_one_it_was) {
  Changing fleet;
  fleet.start_runs(1, 10);
  fleet.run(3000);
  BOOST_REQUIRE(fleet.roster(3).find(NodeId(3))->store.has_value());
  fleet.crash(3);
  fleet.wipe(3);
  fleet.boot(3);
  fleet.run(3000);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(GroupId(1)) != 0; }));
  fleet.start_runs(1, 5);
  BOOST_TEST(fleet.box(3).node->group(GroupId(1)).applied().v == 0U);
  // Nor does it vote: with it alone there is no majority.
  fleet.crash(2);
  const node::Asking asking{.deadline_ms = 5000};
  BOOST_TEST(fleet.ask(1, node::start_of("x"), asking).status >= 503);
  BOOST_TEST(fleet.leader(GroupId(1)) == 0);
  // It comes back under a new number.
  fleet.boot(2);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(GroupId(0)) != 0; }));
  BOOST_TEST(fleet.ask(1, removed(3)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(1, {1, 2}); }));
  fleet.crash(3);
  fleet.run(500);
  const int four = fleet.add_box();
  fleet.boot(four);
  BOOST_TEST(fleet.ask(2, added(four)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 4}); }));
  fleet.check_runs(four);
}

BOOST_AUTO_TEST_CASE(who_was_away_finds_the_boxes_that_came_meanwhile) {
  Changing fleet;
  fleet.start_runs(1, 5);
  fleet.run(2000);
  fleet.crash(3);
  const int four = fleet.add_box();
  fleet.boot(four);
  BOOST_TEST(fleet.ask(2, added(four)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }));
  fleet.run(1000);
  BOOST_TEST(fleet.ask(2, removed(1)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {2, 3, 4}); }));
  fleet.crash(1);
  // Box 4 leads everything, and box 3 has never heard of it.
  for (std::uint16_t g = 0; g <= fleet.options.run_groups; ++g) {
    fleet.run_until([&] {
      if (fleet.leader(GroupId(g)) == 2) fleet.transfer(GroupId(g), 2, four);
      return fleet.leader(GroupId(g)) == four;
    });
  }
  fleet.boot(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(3, {2, 3, 4}); }));
  fleet.crash(2);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.start_runs(3, 3);
  fleet.check_runs(four);
}

BOOST_AUTO_TEST_CASE(a_change_goes_on_when_leaders_die_on_the_way) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Changing fleet(FleetOptions{.seed = seed, .loss = 0.05, .delay_ms_max = 4});
    fleet.start_runs(2, 3);
    const int four = fleet.add_box();
    fleet.boot(four);
    BOOST_TEST(fleet.ask(1, added(four)).status == 200);
    Random chance(seed);
    for (int n = 0; n < 3; ++n) {
      fleet.run(static_cast<std::int64_t>(chance.below(800)));
      const int victim = static_cast<int>(chance.below(4)) + 1;
      fleet.crash(victim);
      fleet.run(static_cast<std::int64_t>(chance.below(800)));
      fleet.boot(victim);
    }
    BOOST_REQUIRE_MESSAGE(fleet.run_until([&] {
      return fleet.has_voters(1, {1, 2, 3, 4});
    }),
                          "seed " << seed);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.check_runs(four);
  }
}

// Group 1 changes its members while an entry is on its way whose time is later than all that was
// applied. The storms found that this ended every process.
BOOST_AUTO_TEST_CASE(a_change_behind_entries_that_are_on_their_way) {
  Changing fleet;
  const int four = fleet.add_box();
  fleet.boot(four);
  const int leader = fleet.leader(GroupId(1));
  const std::string id = node::id_in_group(*fleet.box(1).node, 1, 0);
  fleet.run(100);
  fleet.filter = [&](int, const node::OutgoingFrame& frame) {
    codecs::RaftEnvelope envelope;
    std::string error;
    return frame.kind != codecs::FrameKind::kRaft ||
           !codecs::decode_raft_message(frame.payload, &envelope, &error) ||
           envelope.group != GroupId(1) ||
           !std::holds_alternative<raft::Append>(envelope.message.body);
  };
  const node::RequestId start = fleet.request(leader, node::start_of(id));
  BOOST_TEST(fleet.ask(leader, added(four)).status == 200);
  const raft::Raft& raft = fleet.box(leader).node->group(GroupId(1)).raft();
  BOOST_REQUIRE(fleet.run_until([&] { return !raft.membership().learners.empty(); }, 1'000));
  BOOST_TEST(!fleet.box(leader).answered(start));
  fleet.filter = nullptr;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(four, {1, 2, 3, 4}); }));
  BOOST_TEST(fleet.box(leader).status(start) == 201);
}

// Reads that wait for a round of heartbeats when nobody is left to answer them.
BOOST_AUTO_TEST_CASE(who_is_left_alone_answers_what_it_was_asked_before) {
  Changing fleet(FleetOptions{.boxes = 2, .delay_ms_max = 20});
  const int stays = fleet.leader(GroupId(1));
  const int goes = 3 - stays;
  std::vector<node::RequestId> reads;
  reads.push_back(fleet.request(stays, removed(goes)));
  for (int ms = 0; ms < 3'000; ++ms) {
    if (ms % 3 == 0) {
      reads.push_back(fleet.request(stays, node::signal_of("r" + std::to_string(ms % 7), "add")));
    }
    fleet.step();
  }
  BOOST_TEST(fleet.has_voters(stays, {stays}));
  fleet.run(1'000);
  for (const node::RequestId id : reads) BOOST_TEST(fleet.box(stays).answered(id), id.v);
}

// Neither wants the other: they say so, and then once a second, for as long as it lasts.
BOOST_AUTO_TEST_CASE(boxes_that_do_not_fit_leave_each_other_alone) {
  Changing fleet;
  const int four = fleet.add_box({NodeId(1), NodeId(4)});
  fleet.boot(four);
  BOOST_TEST(fleet.ask(1, added(four)).status == 200);
  fleet.run(2000);
  int statuses = 0;
  fleet.tap = [&](int from, const node::OutgoingFrame& frame) {
    if ((from == four || frame.to == NodeId(4)) && frame.kind == codecs::FrameKind::kBoxStatus)
      ++statuses;
  };
  fleet.run(10'000);
  BOOST_TEST(statuses > 0);
  BOOST_TEST(statuses <= 6 * 11);
  BOOST_TEST(fleet.box(four).node->group(GroupId(0)).applied().v == 0U);
}

// Who is up greets until both have heard each other, and no longer: two greetings that overtake
// each other may leave one unsure until the next status, a second later.
BOOST_AUTO_TEST_CASE(boxes_that_fit_greet_each_other_in_a_few_frames) {
  Changing fleet;
  fleet.crash(3);
  fleet.run(1500);
  int statuses = 0;
  fleet.tap = [&](int from, const node::OutgoingFrame& frame) {
    if ((from == 3 || frame.to == NodeId(3)) && frame.kind == codecs::FrameKind::kBoxStatus)
      ++statuses;
  };
  fleet.boot(3);
  fleet.run(900);
  BOOST_TEST(statuses >= 4);
  BOOST_TEST(statuses <= 100);
}

BOOST_AUTO_TEST_CASE(what_would_leave_no_majority_is_refused) {
  Changing fleet;
  fleet.crash(3);
  fleet.run(2000);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(GroupId(0)) != 0; }));
  BOOST_TEST(fleet.type_of(fleet.ask(1, removed(2))) == "no-majority-left");
  BOOST_TEST(fleet.type_of(fleet.ask(1, removed(9))) == "box-unknown");
  BOOST_TEST(fleet.type_of(fleet.ask(1, promoted(9))) == "box-unknown");
  BOOST_TEST(fleet.ask(1, added(2)).status == 200);  // is there: nothing to do
  BOOST_TEST(fleet.ask(1, removed(3)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(1, {1, 2}); }));
  BOOST_TEST(fleet.ask(1, removed(3)).status == 200);  // is gone: nothing to do
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
