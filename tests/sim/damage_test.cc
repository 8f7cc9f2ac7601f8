// A box whose disk was damaged while it was off comes back by itself, under its old number.
#include <boost/test/unit_test.hpp>

#include "log/names.h"
#include "tests/log/journal_model.h"
#include "tests/sim/filling.h"

namespace pawl::sim {
namespace {

struct Damaged : Filling {
  // Flips a byte of a frame in the middle of a segment; `within`: from the frame's begin.
  void damage(int b, std::uint64_t segment, std::size_t within) {
    log::MemoryFileSystem& files = box(b).files;
    const std::string path = log::join(log::kDirectory, log::segment_name(segment));
    std::string bytes = files.contents(path);
    bytes[bytes.find("PwrF", bytes.size() / 3) + within] ^= 0x20;
    files.set_contents(path, bytes);
  }
  void wait_whole(int b) {
    BOOST_REQUIRE(run_until(
        [&] {
          if (!box(b).node->rebuilding().empty()) {
            for (std::uint16_t g = 0; g < box(b).node->group_count(); ++g) {
              const bool zero_first = !box(b).node->group(GroupId(0)).whole();
              led_too_early = led_too_early || (zero_first && box(b).node->leads(GroupId(g)));
            }
            ready_too_early = ready_too_early || box(b).node->ready();
          }
          return box(b).node->rebuilding().empty() && settled();
        },
        60'000));
    run(2'000);
    BOOST_TEST(!led_too_early);
    BOOST_TEST(!ready_too_early);
    BOOST_TEST(differences() == "");
  }
  bool led_too_early = false, ready_too_early = false;
};

BOOST_AUTO_TEST_SUITE(damage)

BOOST_AUTO_TEST_CASE(what_is_missing_comes_by_entries) {
  Damaged fleet;
  fleet.fill(1, "old", "w", 30);
  fleet.fill(2, "other", "w", 30);
  fleet.run(500);
  fleet.crash(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.damage(3, 2, 200);  // a payload
  BOOST_REQUIRE(fleet.box(3).mend());
  BOOST_TEST(fleet.box(3).rebuilds.size() >= 1u);
  BOOST_TEST(fleet.box(3).rebuilds.size() < 3u);
  fleet.start_runs(1, 5);
  fleet.boot(3);
  fleet.wait_whole(3);
  BOOST_TEST(fleet.installs(3) == 0u);
  BOOST_TEST(fleet.history_holds(3, "old"));
  BOOST_TEST(fleet.history_holds(3, "other"));
  // It is a box like any other.
  fleet.crash(1);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.start_runs(3, 5);
  fleet.check_runs(2);
  fleet.crash(3);
  fleet.boot(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  BOOST_TEST(fleet.history_holds(3, "old"));
}

BOOST_AUTO_TEST_CASE(what_is_missing_comes_with_a_snapshot) {
  Damaged fleet;
  fleet.fill(1, "old", "w", 30);
  fleet.fill_and_forget(1, 8);
  for (int b = 1; b <= 3; ++b) fleet.give_up(b);
  fleet.fill(2, "later", "w", 30);
  fleet.run(500);
  const std::uint64_t oldest = fleet.box(3).journal->oldest_segment();
  fleet.crash(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  fleet.damage(3, oldest + 1, 30);  // a header: whose frame it was nobody knows
  BOOST_REQUIRE(fleet.box(3).mend());
  BOOST_TEST(fleet.box(3).rebuilds.size() == fleet.box(1).node->group_count());
  fleet.boot(3);
  fleet.wait_whole(3);
  BOOST_TEST(fleet.installs(3) >= 1u);
  BOOST_TEST(fleet.history_holds(3, "old"));
  BOOST_TEST(fleet.history_holds(3, "later"));
  for (int life = 0; life < 2; ++life) {
    fleet.crash(3);
    fleet.boot(3);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
    fleet.run(2'000);
    BOOST_TEST(fleet.differences() == "");
    BOOST_TEST(fleet.history_holds(3, "old"));
  }
}

BOOST_AUTO_TEST_CASE(a_box_whose_snapshots_are_gone_is_filled) {
  Damaged fleet;
  fleet.fill(1, "old", "w");
  fleet.fill_and_forget(1, 8);
  for (int b = 1; b <= 3; ++b) fleet.give_up(b);
  fleet.crash(3);
  fleet.box(3).snapshots.clear();
  fleet.box(3).snapshot_places.clear();
  BOOST_REQUIRE(fleet.box(3).mend());
  fleet.boot(3);
  fleet.wait_whole(3);
  BOOST_TEST(fleet.history_holds(3, "old"));
}

BOOST_AUTO_TEST_CASE(a_box_whose_vote_may_be_lost_does_not_come_back) {
  Damaged fleet;
  fleet.fill(1, "old", "w", 30);
  fleet.run(500);
  const std::uint64_t current = fleet.box(3).journal->current_segment();
  fleet.crash(3);
  log::MemoryFileSystem& files = fleet.box(3).files;
  const std::string path = log::join(log::kDirectory, log::segment_name(current));
  std::string bytes = files.contents(path);
  bytes[bytes.find("PwrF", 80) + 30] ^= 0x20;
  files.set_contents(path, bytes);
  BOOST_TEST(!fleet.box(3).mend());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
