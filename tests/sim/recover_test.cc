// The majority of a cluster is lost for good, and one box goes on with what it has.
#include <boost/test/unit_test.hpp>

#include "codecs/raft_message.h"
#include "node/lone_voter.h"
#include "tests/node/definitions.h"
#include "tests/sim/changing.h"

namespace pawl::sim {
namespace {

// What `pawl cluster recover` does with the store of a box that is down. "" or why it can't.
std::string recover(Changing& fleet, int b) {
  node::Host& host = fleet.box(b);
  host.boot(true);
  std::string why;
  if (node::can_go_on_alone(*host.node, &why)) {
    node::go_on_alone(*host.node, host.journal.get());
    const log::Batch* batch = host.journal->begin_batch();
    BOOST_REQUIRE(batch != nullptr);
    BOOST_REQUIRE(log::execute(host.files, *batch).ok());
    host.journal->completed(batch->id);
    BOOST_TEST(!host.journal->pending());  // it was one frame: all of it or nothing
  }
  host.kill();
  return why;
}

void recover_and_boot(Changing& fleet, int b) {
  BOOST_REQUIRE_EQUAL(recover(fleet, b), "");
  fleet.boot(b);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled() && fleet.has_voters(b, {b}); }));
}

std::vector<node::GroupLeft> left_on(Changing& fleet, int b) {
  node::Host& host = fleet.box(b);
  host.boot(true);
  std::vector<node::GroupLeft> left = node::what_is_left(*host.node);
  host.kill();
  return left;
}

BOOST_AUTO_TEST_SUITE(recover_majority)

BOOST_AUTO_TEST_CASE(the_box_that_is_left_has_all_it_had_and_goes_on) {
  Changing fleet;
  fleet.start_runs(1, 10);
  fleet.run(1500);
  fleet.crash(2);
  fleet.crash(3);
  const node::Asking asking{.deadline_ms = 3000};
  BOOST_TEST(fleet.ask(1, node::start_of("x"), asking).status >= 503);
  fleet.crash(1);
  const std::vector<node::GroupLeft> left = left_on(fleet, 1);
  BOOST_REQUIRE(left.size() == std::size_t{fleet.options.run_groups} + 1);
  std::size_t open = 0;
  for (const node::GroupLeft& group : left) {
    BOOST_TEST(group.last.v >= group.committed.v);
    BOOST_TEST(group.written.v > 0);
    BOOST_TEST(group.voters.size() == 3u);
    open += group.open_runs;
  }
  BOOST_TEST(open > 0u);  // as far as they are known to be committed
  recover_and_boot(fleet, 1);
  fleet.check_runs(1);
  fleet.start_runs(1, 5);
  BOOST_TEST(fleet.roster(1).with(engine::BoxRole::removed).size() == 2u);
  // Also after the next power cuts, and with nothing left to do.
  for (int n = 0; n < 3; ++n) {
    fleet.crash(1);
    fleet.boot(1);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.check_runs(1);
    fleet.start_runs(1, 2);
  }
  BOOST_TEST(fleet.box(1).audit() == "");
}

BOOST_AUTO_TEST_CASE(it_grows_to_three_again_under_new_numbers) {
  Changing fleet;
  fleet.start_runs(2, 10);
  fleet.run(1500);
  for (int b = 1; b <= 3; ++b) fleet.crash(b);
  recover_and_boot(fleet, 2);
  std::vector<int> voters{2};
  for (int n = 0; n < 2; ++n) {
    const int fresh = fleet.add_box();
    fleet.boot(fresh);
    voters.push_back(fresh);
    const auto& answer = fleet.ask(2, added(fresh));
    BOOST_TEST(answer.status == 200, answer.body);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(fresh, voters); }));
    fleet.run(200);
  }
  BOOST_TEST(fleet.type_of(fleet.ask(2, added(3))) == "box-removed");
  fleet.crash(2);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  for (const int b : {4, 5}) fleet.check_runs(b);
  fleet.start_runs(5, 5);
}

// Against what it was told, somebody starts the others again: they are two clusters now, and
// neither hears the other.
BOOST_AUTO_TEST_CASE(the_others_come_back_and_nothing_mixes) {
  Changing fleet;
  fleet.start_runs(1, 10);
  fleet.run(1500);
  for (int b = 1; b <= 3; ++b) fleet.crash(b);
  recover_and_boot(fleet, 1);
  fleet.boot(2);
  fleet.boot(3);
  for (int n = 0; n < 40; ++n) {
    fleet.run(100);
    BOOST_TEST(fleet.ask(1, node::start_of("new" + std::to_string(n))).status == 201);
  }
  BOOST_TEST(fleet.has_voters(1, {1}));
  for (int b = 2; b <= 3; ++b) {
    BOOST_TEST(fleet.has_voters(b, {1, 2, 3}));
    BOOST_TEST(fleet.read(b, "new0") == nullptr);
    fleet.check_runs(b);
  }
}

// What reached this box and no majority may never have been acknowledged; it is kept, since it may.
BOOST_AUTO_TEST_CASE(entries_that_no_majority_had_become_true) {
  Changing fleet;
  fleet.start_runs(1, 4);
  const std::string id = node::id_in_group(*fleet.box(1).node, 1, 0);
  const GroupId group(1);
  const int leader = fleet.leader(group);
  BOOST_TEST(fleet.ask(leader, node::start_of(id)).status == 201);
  fleet.run(1500);
  for (int b = 1; b <= 3; ++b) {
    if (b != leader) fleet.crash(b);
  }
  const node::RequestId signal = fleet.request(leader, node::signal_of(id, "stop"));
  fleet.run(300);
  BOOST_TEST(!fleet.box(leader).answered(signal));
  fleet.crash(leader);
  const node::GroupLeft left = left_on(fleet, leader)[group.v];
  BOOST_TEST(left.last.v > left.committed.v);
  recover_and_boot(fleet, leader);
  BOOST_REQUIRE(fleet.read(leader, id) != nullptr);
  BOOST_TEST(fleet.read(leader, id)->closed());
  fleet.check_runs(leader);
}

// It hears of its own removal and of nothing more: whether the others agreed it can't know, and
// says so.
BOOST_AUTO_TEST_CASE(a_removal_that_may_have_been_decided_is_undone_and_said) {
  Changing fleet;
  fleet.start_runs(1, 4);
  fleet.run(1500);
  const int leader = fleet.leader(GroupId(0));
  for (int b = 1; b <= 3; ++b) {
    if (b != leader) fleet.crash(b);
  }
  fleet.request(leader, removed(leader));
  fleet.run(100);
  fleet.crash(leader);
  node::Host& host = fleet.box(leader);
  host.boot(true);
  BOOST_TEST(node::is_perhaps_removed(*host.node));
  host.kill();
  recover_and_boot(fleet, leader);
  fleet.check_runs(leader);
  fleet.crash(leader);
  host.boot(true);
  BOOST_TEST(!node::is_perhaps_removed(*host.node));
  host.kill();
}

// The roster's own newest change was on its way: a box was being added, or removed.
BOOST_AUTO_TEST_CASE(in_the_middle_of_a_change) {
  int joint = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Changing fleet(FleetOptions{.seed = seed, .delay_ms_max = 3});
    fleet.start_runs(1, 3);
    fleet.run(1500);
    Random chance(seed);
    int survivor = static_cast<int>(chance.below(3)) + 1;
    if (chance.below(2) == 0) {
      fleet.request(survivor, removed(survivor % 3 + 1));
    } else {
      const int four = fleet.add_box();
      fleet.boot(four);
      fleet.request(survivor, added(four));
    }
    if (chance.below(2) == 0) {
      const GroupId group(static_cast<std::uint16_t>(chance.below(4)));
      const raft::Raft& raft = fleet.box(survivor).node->group(group).raft();
      if (fleet.run_until([&] { return raft.membership().joint(); }, 1'000)) ++joint;
    } else {
      fleet.run(static_cast<std::int64_t>(chance.below(500)));
    }
    for (int b = 1; b <= fleet.size(); ++b) fleet.crash(b);
    BOOST_TEST_CONTEXT("seed " << seed) {
      recover_and_boot(fleet, survivor);
      fleet.check_runs(survivor);
      fleet.start_runs(survivor, 3);
      const int fresh = fleet.add_box();
      fleet.boot(fresh);
      const auto& answer = fleet.ask(survivor, added(fresh));
      BOOST_TEST(answer.status == 200, answer.body);
      BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(fresh, {survivor, fresh}); }));
      BOOST_TEST(fleet.differences() == "");
    }
  }
  BOOST_TEST(joint > 0);  // else the test shows less than it says
}

std::string version_text(int n) {
  return std::string(node::kCounter) + "\n[history]\nmax_events = " + std::to_string(1000 + n) +
         "\n";
}

// Every run group's pins have come to group 0, and what was sent was taken.
bool all_pinned(Changing& fleet, int b) {
  node::Node& node = *fleet.box(b).node;
  const engine::Catalog& catalog = node.definitions().catalog();
  const engine::Channels& receiver = node.group(GroupId(0)).tables().channels();
  for (std::uint16_t g = 1; g <= fleet.options.run_groups; ++g) {
    const engine::Channels& sender = node.group(GroupId(g)).tables().channels();
    if (sender.outbox(GroupId(0)) != nullptr) return false;
    if (sender.sent(GroupId(0)) != receiver.watermark(GroupId(g))) return false;
    for (const auto& [name, version] : sender.sent_pins()) {
      const engine::CatalogVersion* row = catalog.find(name, version);
      if (row != nullptr && !row->pinned_by.contains(GroupId(g))) return false;
    }
  }
  return true;
}

// The groups of the box that is left were not cut at one instant: one of them has a message, or its
// acknowledgement, of which the other knows nothing.
BOOST_AUTO_TEST_CASE(the_ends_of_a_channel_agree_again) {
  constexpr int kVersions = 12;
  int torn = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Changing fleet(FleetOptions{.seed = seed, .loss = 0.1, .delay_ms_max = 6, .disk_ms_max = 4});
    for (int n = 0; n < kVersions; ++n) fleet.deploy(1, version_text(n));
    fleet.run(1500);
    Random chance(seed);
    for (int n = 0; n < kVersions; ++n) {
      node::StartRun start = node::start_of("v" + std::to_string(n));
      start.version = static_cast<std::uint32_t>(2 + n);
      fleet.request(static_cast<int>(chance.below(3)) + 1, std::move(start));
      fleet.run(static_cast<std::int64_t>(chance.below(4)));
    }
    fleet.run(static_cast<std::int64_t>(chance.below(60)));
    for (int b = 1; b <= 3; ++b) fleet.crash(b);
    const int survivor = static_cast<int>(chance.below(3)) + 1;
    BOOST_TEST_CONTEXT("seed " << seed) {
      fleet.box(survivor).boot(true);
      torn += node::channels_agree(*fleet.box(survivor).node) ? 0 : 1;
      fleet.box(survivor).kill();
      recover_and_boot(fleet, survivor);
      BOOST_TEST(node::goes_on_alone(*fleet.box(survivor).node));
      // Pins of all versions, from all groups: numbers go on where they were.
      for (int n = 0; n < 4 * kVersions; ++n) {
        node::StartRun start = node::start_of("w" + std::to_string(n));
        start.version = static_cast<std::uint32_t>(1 + n % (kVersions + 1));
        const auto& answer = fleet.ask(survivor, std::move(start));
        BOOST_TEST(answer.status == 201, answer.body);
      }
      BOOST_TEST(fleet.run_until([&] { return all_pinned(fleet, survivor); }));
    }
  }
  BOOST_TEST_MESSAGE("channels that did not agree: " << torn << " of 60");
  BOOST_TEST(torn > 0);  // else the test shows less than it says
}

// Power is lost within the one write.
BOOST_AUTO_TEST_CASE(it_happens_whole_or_not_at_all) {
  int happened = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Changing fleet(FleetOptions{.seed = seed});
    fleet.start_runs(1, 3);
    fleet.run(1500);
    for (int b = 1; b <= 3; ++b) fleet.crash(b);
    node::Host& host = fleet.box(1);
    host.boot(true);
    node::go_on_alone(*host.node, host.journal.get());
    const log::Batch* batch = host.journal->begin_batch();
    for (const log::Operation& operation : batch->operations) {
      if (!std::holds_alternative<log::SyncFile>(operation)) {
        BOOST_REQUIRE(log::execute(host.files, operation).ok());
      }
    }
    host.crash();
    fleet.boot(1);
    fleet.run(1000);
    const bool done = fleet.has_voters(1, {1});
    happened += done ? 1 : 0;
    if (!done) {
      BOOST_TEST(fleet.has_voters(1, {1, 2, 3}));
      fleet.crash(1);
      recover_and_boot(fleet, 1);
    }
    fleet.check_runs(1);
  }
  BOOST_TEST(happened > 0);
  BOOST_TEST(happened < 20);
}

BOOST_AUTO_TEST_CASE(who_has_not_everything_or_was_removed_can_not) {
  Changing fleet;
  fleet.start_runs(1, 3);
  fleet.run(1500);
  const int four = fleet.add_box();
  fleet.boot(four);
  fleet.run(200);
  fleet.crash(four);
  BOOST_TEST(recover(fleet, four).find("holds nothing of group 0") != std::string::npos);
  BOOST_TEST(fleet.ask(1, removed(3)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.has_voters(1, {1, 2}); }));
  fleet.run(1000);
  fleet.crash(3);
  BOOST_TEST(recover(fleet, 3).find("was removed") != std::string::npos);
}

// It said so, and nobody knows whether it was decided: the others are gone.
BOOST_AUTO_TEST_CASE(a_removal_that_is_not_decided_does_not_count) {
  int undecided = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Changing fleet(FleetOptions{.seed = seed, .delay_ms_max = 3});
    fleet.start_runs(1, 3);
    fleet.run(1500);
    fleet.request(fleet.leader(GroupId(0)), removed(3));
    fleet.run(static_cast<std::int64_t>(seed));
    for (int b = 1; b <= 3; ++b) fleet.crash(b);
    const std::string why = recover(fleet, 3);
    if (why.find("was removed") != std::string::npos) continue;
    BOOST_REQUIRE_EQUAL(why, "");
    ++undecided;
    fleet.boot(3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled() && fleet.has_voters(3, {3}); }));
    fleet.check_runs(3);
    fleet.start_runs(3, 2);
  }
  BOOST_TEST(undecided > 0);
}

// The first box that is added to a recovered one dies on its way in.
BOOST_AUTO_TEST_CASE(again_in_the_middle_of_the_first_addition) {
  int learning = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Changing fleet(FleetOptions{.seed = seed, .delay_ms_max = 3});
    fleet.start_runs(1, 3);
    fleet.run(1500);
    for (int b = 1; b <= 3; ++b) fleet.crash(b);
    recover_and_boot(fleet, 1);
    const int four = fleet.add_box();
    fleet.boot(four);
    BOOST_TEST(fleet.ask(1, added(four, seed % 2 == 0)).status == 200);
    fleet.run(static_cast<std::int64_t>(seed * 20));
    for (const GroupId group : {GroupId(0), GroupId(1)}) {
      const raft::Membership& now = fleet.box(1).node->group(group).raft().membership();
      learning += now.learners.empty() ? 0 : 1;
    }
    fleet.crash(1);
    fleet.crash(four);
    BOOST_TEST_CONTEXT("seed " << seed) {
      recover_and_boot(fleet, 1);
      fleet.check_runs(1);
      fleet.start_runs(1, 2);
      BOOST_TEST((fleet.roster(1).find(NodeId(4))->role == engine::BoxRole::removed));
    }
  }
  BOOST_TEST(learning > 0);
}

// A learner has all the data, and may be all that is left.
BOOST_AUTO_TEST_CASE(a_learner_can) {
  Changing fleet;
  const int four = fleet.add_box();
  fleet.boot(four);
  BOOST_TEST(fleet.ask(1, added(four, false)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] {
    return fleet.box(four).node->group(GroupId(0)).raft().membership().learners.size() == 1;
  }));
  fleet.start_runs(1, 6);
  fleet.run(1500);
  for (int b = 1; b <= 4; ++b) fleet.crash(b);
  recover_and_boot(fleet, four);
  fleet.check_runs(four);
  BOOST_TEST((fleet.roster(four).find(NodeId(4))->role == engine::BoxRole::voter));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
