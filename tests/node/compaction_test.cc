// Old segments of which little is needed are made into kept files: histories are read back from
// there, nothing is missed after a crash, and what is forgotten later goes too.
#include "node/compaction.h"

#include <boost/test/unit_test.hpp>

#include "log/names.h"
#include "tests/node/small_host.h"

namespace pawl::node {
namespace {

BOOST_AUTO_TEST_SUITE(compaction)

// An open run at the very beginning, and much that was forgotten since.
struct Pinned : SmallHost {
  Pinned() {
    fill("old", "w");
    for (int i = 0; i < 6; ++i) fill_and_forget("gone-" + std::to_string(i));
    signal("old", "add", R"({"id": 1})");
    take_snapshots();
  }
};

BOOST_AUTO_TEST_CASE(one_old_run_does_not_hold_all_that_came_after_it) {
  Pinned host;
  BOOST_TEST(host.needed() == 1u);
  BOOST_TEST(host.compact() == 1);
  BOOST_TEST(host.needed() + 1 >= host.journal->current_segment());
  const std::uint64_t segments = host.needed();
  host.give_up();
  BOOST_TEST(host.journal->oldest_segment() == segments);
  BOOST_TEST(host.journal->kept().files().size() == 1u);
  for (int life = 0; life < 3; ++life) {
    BOOST_TEST(host.history_holds("old"));
    BOOST_TEST(host.audit() == "");
    life == 0 ? host.crash() : host.kill();
    host.boot();
    host.signal("old", "blob", R"({"text": "new"})");
  }
}

BOOST_AUTO_TEST_CASE(what_is_mostly_needed_stays_as_it_is) {
  SmallHost host;
  for (int i = 0; i < 6; ++i) host.fill("kept-" + std::to_string(i), "w");
  host.fill_and_forget("gone");
  host.take_snapshots();
  BOOST_TEST(host.compact() == 0);
  BOOST_TEST(host.journal->kept().files().empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_compacted_that_a_start_needs) {
  Pinned host;
  host.snapshots.clear();
  host.snapshot_places.clear();
  BOOST_TEST(host.compact() == 0);
}

BOOST_AUTO_TEST_CASE(small_kept_files_are_joined_with_what_comes_after) {
  Pinned host;
  BOOST_TEST(host.compact() == 1);
  host.give_up();
  for (int round = 0; round < 3; ++round) {
    host.fill("old-" + std::to_string(round), "w");
    for (int i = 0; i < 6; ++i) {
      host.fill_and_forget("more-" + std::to_string(round) + std::to_string(i));
    }
    host.take_snapshots();
    BOOST_TEST(host.compact() == 1);
    host.give_up();
    host.crash();
    host.boot();
    BOOST_TEST(host.history_holds("old"));
    for (int i = 0; i <= round; ++i) BOOST_TEST(host.history_holds("old-" + std::to_string(i)));
  }
  BOOST_TEST(host.journal->kept().files().size() <= 2u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_kept_file_shrinks_and_goes_with_its_runs) {
  SmallHost host;
  for (int i = 0; i < 4; ++i) host.fill("old-" + std::to_string(i), "short");
  for (int i = 0; i < 6; ++i) host.fill_and_forget("gone-" + std::to_string(i));
  host.take_snapshots();
  BOOST_TEST(host.compact() == 1);
  const std::uint64_t bytes = host.journal->kept().bytes();
  for (int i = 0; i < 3; ++i) host.signal("old-" + std::to_string(i), "stop");
  host.advance(11'000);
  BOOST_TEST(host.compact() == 1);
  BOOST_TEST(host.journal->kept().bytes() < bytes / 2);
  BOOST_TEST(host.history_holds("old-3"));
  host.signal("old-3", "stop");
  host.advance(11'000);
  host.compact();
  BOOST_TEST(host.journal->kept().files().empty());
  for (const std::string& path : host.files.paths()) {
    BOOST_TEST(path.find(log::format::kKeptPrefix) == std::string::npos, path);
  }
}

// At every operation of the disk: the power goes, or the disk fails once.
BOOST_AUTO_TEST_CASE(a_crash_within_a_compaction_misses_nothing) {
  int crashes = 0, failures = 0;
  for (const bool power : {true, false}) {
    for (std::uint64_t stop = 0; stop < 100; ++stop) {
      Pinned host;
      host.compact();
      host.give_up();
      host.fill("old-2", "w");
      for (int i = 0; i < 6; ++i) host.fill_and_forget("more-" + std::to_string(i));
      host.take_snapshots();
      host.files.reset_operations();
      if (power) {
        host.files.stop_at(stop);
      } else {
        host.files.fail_operation(stop, absl::UnavailableError("EIO"));
      }
      host.compact();
      const bool through = host.files.operations() <= stop;
      host.files.stop_at(~std::uint64_t{0});
      host.crash();
      host.boot();
      BOOST_TEST_CONTEXT((power ? "power loss" : "failure") << " at operation " << stop) {
        BOOST_TEST(host.history_holds("old"));
        BOOST_TEST(host.history_holds("old-2"));
        BOOST_TEST(host.audit() == "");
        host.compact();
        host.give_up();
        BOOST_TEST(host.history_holds("old"));
      }
      if (through) break;
      ++(power ? crashes : failures);
    }
  }
  BOOST_TEST(crashes > 4);
  BOOST_TEST(failures > 4);
  BOOST_TEST_MESSAGE("compactions with a power loss: " << crashes
                                                       << ", with a failure: " << failures);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
