// Segments are given up on boxes of a cluster too; who lags behind further than that, or comes
// anew, gets a snapshot of each group, and the histories of the runs that are kept.
#include <boost/test/unit_test.hpp>

#include "node/needed.h"
#include "tests/node/definitions.h"
#include "tests/node/small_host.h"
#include "tests/sim/changing.h"

namespace pawl::sim {
namespace {

// Boxes whose segments fill soon.
struct Filling : Changing {
  Random noise{5};

  Filling() {
    deploy(1, node::SmallHost::forgetful("short"));
    start_runs(1, 3);
  }
  std::string text(int bytes) {
    std::string made;
    for (int i = 0; i < bytes; ++i) made += static_cast<char>('a' + noise.below(26));
    return made;
  }
  void fill(int b, const std::string& id, const std::string& workflow, int signals = 12) {
    BOOST_TEST(ask(b, node::start_of(id, workflow)).status == 201);
    for (int i = 0; i < signals; ++i) {
      BOOST_TEST(
          ask(b, node::signal_of(id, "blob", R"({"text": ")" + text(9'000) + "\"}")).status == 200);
    }
  }
  void fill_and_forget(int b, int runs) {
    for (int i = 0; i < runs; ++i) {
      const std::string id = "gone-" + std::to_string(next_++);
      fill(b, id, "short");
      BOOST_TEST(ask(b, node::signal_of(id, "stop")).status == 200);
    }
    run(15'000);
  }
  void give_up(int b) {
    node::Host& host = box(b);
    for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
      BOOST_REQUIRE(run_until([&] {
        const node::Group& group = host.node->group(GroupId(g));
        return group.raft().durable() >= group.applied();
      }));
      host.keep_snapshot(node::snapshot_of(host.node.get(), GroupId(g)));
    }
    host.compact();
    host.give_up_segments();
    run(2'000);
  }
  std::uint64_t installs(int b) { return box(b).node->stats().snapshots_installed; }
  // What the box has of a run, read back from its own journal.
  bool history_holds(int b, const std::string& id) {
    GroupId group;
    const engine::Run* run = box(b).node->find({id, std::nullopt}, &group);
    BOOST_REQUIRE(run != nullptr);
    const node::RunLoaded loaded =
        box(b).load(node::LoadRun{group, run->uid().index, run->last_entry});
    return loaded.run->hash == run->hash;
  }

 private:
  int next_ = 0;
};

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
