// Segments are given up on boxes of a cluster too; who lags behind further than that, or comes
// anew, gets a snapshot of each group, and the histories of the runs that are kept.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "codecs/entry.h"
#include "log/old_entries.h"
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

// Box 3 led, alone, and wrote what nobody else has; then it got a snapshot, and took one of its own
// later. What it wrote alone is void in its next lives too, though its journal still has it.
BOOST_AUTO_TEST_CASE(what_a_snapshot_made_void_stays_void) {
  Filling fleet;
  fleet.start_runs(1, 400);
  GroupId group;
  BOOST_REQUIRE(fleet.box(1).node->find(node::RunRef{"r0", std::nullopt}, &group) != nullptr);
  if (fleet.leader(group) != 3) fleet.transfer(group, fleet.leader(group), 3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(group) == 3 && fleet.settled(); }));
  for (const int other : {1, 2}) {
    fleet.mute(3, other);
    fleet.mute(other, 3);
  }
  const auto trail = [&] { return fleet.box(3).node->group(group).raft().trail(); };
  const raft::EntryId before = trail().last();
  for (int i = 0; i < fleet.runs_; ++i) {
    fleet.request(3, node::signal_of("r" + std::to_string(i), "add", R"({"id": 1})"));
  }
  fleet.run(50);
  const raft::EntryId alone = trail().last();
  fleet.crash(3);
  fleet.heal();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.fill_and_forget(1, 8);
  fleet.give_up(1);
  fleet.give_up(2);
  fleet.boot(3);
  BOOST_TEST(trail().holds(alone));
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled() && !trail().holds(alone); }, 60'000));
  const Index installed = trail().floor().index;
  BOOST_TEST(installed.v > before.index.v);
  BOOST_TEST(installed.v < alone.index.v);
  const auto term = [&](Index index) { return trail().term_at(index).value_or(Term(0)); };
  for (int life = 0; life < 3; ++life) {
    BOOST_TEST(fleet.ask(1, node::signal_of("r0", "add", R"({"id": 1})")).status == 200);
    fleet.run(2'000);
    BOOST_TEST(fleet.box(3).journal->oldest_segment() == 1u);
    if (life == 1) fleet.box(3).keep_snapshot(node::snapshot_of(fleet.box(3).node.get(), group));
    fleet.crash(3);
    fleet.boot(3);
    BOOST_TEST(term(before.index.next()).v != alone.term.v);
    BOOST_TEST(term(installed).v != alone.term.v);
    BOOST_TEST(trail().floor().index.v >= installed.v);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.run(2'000);
    BOOST_TEST(fleet.differences() == "");
  }
  // Without the snapshot there is nothing that the log could begin behind.
  fleet.crash(3);
  node::Host& host = fleet.box(3);
  host.snapshots[group.v].clear();
  host.snapshot_places[group.v] = {};
  const std::string refused = host.boot_refused();
  BOOST_TEST(refused.find("what came before it was given up") != std::string::npos, refused);
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

// Box 3 was away, and is sent snapshots while its tables are copied for some of its own: what came
// waits for the end of that, and is durable already.
struct Waiting : Filling {
  Waiting() {
    fill(1, "old", "w");
    fill(1, "victim", "w");
    BOOST_TEST(ask(1, node::signal_of("victim", "stop")).status == 200);
    fill_and_forget(1, 6);
    const auto deletion = node::command_of("victim", engine::DeleteData{"asked for"});
    BOOST_TEST(ask(1, deletion).status == 202);
    run(2'000);
    for (std::uint16_t g = 0; g < three().node->group_count(); ++g) {
      three().keep_snapshot(node::snapshot_of(three().node.get(), GroupId(g)));
    }
    crash(3);
    BOOST_REQUIRE(run_until([&] { return settled(); }));
    fill(1, "newer", "w");
    fill_and_forget(1, 8);
    give_up(1);
    give_up(2);
    boot(3);
    for (std::uint16_t g = 0; g < three().node->group_count(); ++g) {
      three().copies.emplace(GroupId(g), node::Copying(three().node.get(), GroupId(g)));
    }
    BOOST_REQUIRE(run_until([&] { return three().taken > 0; }, 60'000));
    run(2'000);
    BOOST_REQUIRE(installs(3) == 0u);
  }
  node::Host& three() { return box(3); }
  void end_copies() {
    three().copies.clear();
    BOOST_REQUIRE(run_until([&] { return installs(3) == three().taken && settled(); }, 60'000));
    run(2'000);
    BOOST_TEST(differences() == "");
    for (const char* id : {"old", "newer"}) BOOST_TEST(history_holds(3, id), id);
  }
  // The entries through `through` that box b would send another, in its order.
  std::vector<std::uint64_t> to_send(int b, GroupId group, Index through) {
    node::Host& host = box(b);
    std::vector<std::uint64_t> indexes;
    for (const auto& input :
         node::Compaction::inputs_of(*host.node, *host.journal, group, through)) {
      log::WalkStep step{input.number, input.from, input.until, 100, 100'000};
      while (step.from < step.until) {
        auto looked = log::look(host.files, host.journal->source(), step, codecs::run_of_entry);
        BOOST_REQUIRE(looked.ok());
        node::Compaction::judge_for_transfer(*host.node, *host.journal, group, through, &*looked);
        for (const log::OldEntry& entry : looked->entries) {
          if (entry.needed) indexes.push_back(entry.index.v);
        }
        step.from = looked->next;
      }
    }
    return indexes;
  }
};

// The kept file made meanwhile has a later number than the one that came, and says less.
BOOST_AUTO_TEST_CASE(what_came_counts_though_old_segments_are_compacted_before_it_is_taken_over) {
  Waiting fleet;
  BOOST_TEST(fleet.three().compact() > 0);
  fleet.end_copies();
  for (int life = 0; life < 2; ++life) {
    for (std::uint16_t g = 0; g < fleet.three().node->group_count(); ++g) {
      const GroupId group(g);
      const Index through = std::min(fleet.box(1).node->group(group).applied(),
                                     fleet.three().node->group(group).applied());
      const std::vector<std::uint64_t> sent = fleet.to_send(3, group, through);
      BOOST_TEST(std::is_sorted(sent.begin(), sent.end()));
      BOOST_TEST(sent == fleet.to_send(1, group, through), boost::test_tools::per_element());
    }
    fleet.three().compact();
    fleet.crash(3);
    fleet.boot(3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.run(2'000);
  }
}

// It may hold what the pass is to take off the disk, and is not the journal's yet.
BOOST_AUTO_TEST_CASE(no_pass_ends_while_a_snapshot_that_came_waits) {
  Waiting fleet;
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST(!fleet.three().scrub());
    fleet.run(200);
  }
  fleet.end_copies();
  bool done = false;
  for (int i = 0; i < 20 && !done; ++i) {
    done = fleet.three().scrub();
    fleet.run(200);
  }
  BOOST_TEST(done);
  fleet.crash(3);
  fleet.boot(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  for (const char* id : {"old", "newer"}) BOOST_TEST(fleet.history_holds(3, id), id);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
