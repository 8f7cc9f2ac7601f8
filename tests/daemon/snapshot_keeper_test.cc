// When snapshots are written, and that they are whole: copied while the node goes on, failing
// disks, damaged files.
#include "daemon/snapshot_keeper.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "daemon/event_loop.h"
#include "tests/log/memory_file_system.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::daemon {
namespace {

constexpr int kRuns = 300;
constexpr std::uint64_t kMuch = 64 * limits::MiB;
constexpr std::int64_t kHourNs = 3'600'000'000'000;

constexpr char kPayload[] = R"({"id": 1})";
const std::string kDirectory = "store";
const log::StoreId kStore{7};

std::string run_id(int n) { return "run-" + std::to_string(n); }

// A box with some runs, a cold thread, and a disk for the snapshots alone.
struct Stage {
  Stage() {
    host.boot();
    host.deploy(node::kCounter);
    for (int i = 0; i < kRuns; ++i) host.start(run_id(i));
    cold = std::make_unique<ColdThread>(nullptr);
  }

  std::unique_ptr<SnapshotKeeper> keeper(const LoadedSnapshots& loaded = {},
                                         std::uint64_t uncovered = 0) {
    SnapshotKeeper::Options options;
    options.node = host.node.get();
    options.cold = cold.get();
    options.files = &files;
    options.directory = kDirectory;
    options.store = kStore;
    options.loaded = loaded;
    options.loaded.indexes.resize(host.node->group_count());
    options.loaded.older.resize(host.node->group_count());
    options.uncovered_bytes = uncovered;
    return std::make_unique<SnapshotKeeper>(std::move(options), &logger);
  }
  // Turns until the round is over, with work between them.
  int finish(SnapshotKeeper* keeper, std::uint64_t journal_bytes) {
    int turns = 0;
    while (keeper->under_way()) {
      keeper->turn(0, journal_bytes);
      host.signal(run_id(turns++ % kRuns), "add", kPayload);
      cold->wait();
      cold->deliver();
    }
    return turns;
  }
  std::string tables(const node::Node& node, std::uint16_t group) {
    std::string bytes;
    node.group(GroupId(group)).tables().encode(&bytes);
    return bytes;
  }
  std::vector<std::string> all_tables() {
    std::vector<std::string> all;
    for (std::uint16_t g = 0; g < 4; ++g) all.push_back(tables(*host.node, g));
    return all;
  }
  // What a start would have of them.
  LoadedSnapshots load(std::vector<std::string>* all) {
    node::Node fresh(node::NodeOptions{NodeId(1), {}, 3, 1});
    const LoadedSnapshots loaded = load_snapshots(files, kDirectory, kStore, &fresh, logger);
    set_damaged_aside(files, loaded);
    all->clear();
    for (std::uint16_t g = 0; g < 4; ++g) all->push_back(tables(fresh, g));
    return loaded;
  }
  std::size_t count(const std::string& ending) {
    std::size_t n = 0;
    for (const std::string& path : files.paths()) n += path.ends_with(ending) ? 1 : 0;
    return n;
  }

  node::Host host;
  log::MemoryFileSystem files;
  Logger logger{-1};
  std::unique_ptr<ColdThread> cold;
};

BOOST_AUTO_TEST_SUITE(snapshot_keeper)

BOOST_AUTO_TEST_CASE(a_round_is_due_by_what_it_would_spare) {
  const auto policy = [](std::uint64_t last, std::uint64_t uncovered) {
    return SnapshotPolicy{last, uncovered};
  };
  BOOST_TEST(!policy(0, kMuch - 1).due());
  BOOST_TEST(policy(0, kMuch).due());
  BOOST_TEST(!policy(3 * kMuch, 3 * kMuch - 1).due());
  BOOST_TEST(policy(3 * kMuch, 3 * kMuch).due());
  BOOST_TEST(!policy(0, 0).due_after_hour());
  BOOST_TEST(policy(0, limits::MiB).due_after_hour());
  BOOST_TEST(!policy(4 * kMuch, kMuch - 1).due_after_hour());
  BOOST_TEST(policy(4 * kMuch, kMuch).due_after_hour());
  BOOST_TEST(!policy(0, limits::MiB - 1).due_at_stop());
  BOOST_TEST(policy(0, limits::MiB).due_at_stop());
  BOOST_TEST(!policy(16 * kMuch, kMuch - 1).due_at_stop());
  BOOST_TEST(policy(16 * kMuch, kMuch).due_at_stop());
}

BOOST_AUTO_TEST_CASE(a_round_holds_each_group_as_it_was_when_its_copy_began) {
  Stage stage;
  auto keeper = stage.keeper();
  keeper->turn(0, kMuch - 1);
  BOOST_TEST(!keeper->under_way());
  keeper->turn(0, kMuch);
  BOOST_TEST(keeper->under_way());
  const int turns = stage.finish(keeper.get(), kMuch);
  BOOST_TEST(turns > 4 * 2);
  BOOST_TEST(stage.count(".snap") == 4u);
  BOOST_TEST(stage.count(".tmp") == 0u);
  std::vector<std::string> loaded;
  const LoadedSnapshots snapshots = stage.load(&loaded);
  BOOST_TEST(snapshots.count == 4);
  BOOST_TEST(snapshots.bytes > 0u);
  BOOST_TEST(keeper->held()[3].v == 0u);
  BOOST_TEST(snapshots.older[3].v == 0u);
  BOOST_TEST((snapshots.indexes[3] < stage.host.node->group(GroupId(3)).applied()));

  // Without work meanwhile the next round holds what there is now; the older ones are kept beside.
  const std::vector<std::string> now = stage.all_tables();
  keeper->turn(0, 2 * kMuch);
  while (keeper->under_way()) {
    keeper->turn(0, 2 * kMuch);
    stage.cold->wait();
    stage.cold->deliver();
  }
  BOOST_TEST(stage.load(&loaded).count == 4);
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST(loaded[g] == now[g]);
  BOOST_TEST(stage.count(".snap") == 7u);  // group 0 had not changed
  // The log can be given up as far as both reach, or the only one of a group without news.
  BOOST_TEST((keeper->held()[3] == snapshots.indexes[3]));
  BOOST_TEST((keeper->held()[0] == snapshots.indexes[0]));
  const LoadedSnapshots again = stage.load(&loaded);
  BOOST_TEST((again.older[3] == snapshots.indexes[3]));
  BOOST_TEST(again.older[0].v == 0u);
  BOOST_TEST((stage.keeper(again)->held()[3] == snapshots.indexes[3]));
}

BOOST_AUTO_TEST_CASE(no_more_than_two_are_kept_and_a_damaged_one_falls_back_to_the_older) {
  Stage stage;
  auto keeper = stage.keeper();
  std::vector<std::vector<std::string>> rounds;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    for (int i = 0; i < 60; ++i) stage.host.signal(run_id(i), "add", kPayload);
    rounds.push_back(stage.all_tables());
    keeper->turn(0, round * kMuch);
    while (keeper->under_way()) {
      keeper->turn(0, round * kMuch);
      stage.cold->wait();
      stage.cold->deliver();
    }
  }
  BOOST_TEST(stage.count(".snap") == 7u);
  std::vector<std::string> loaded;
  const LoadedSnapshots whole = stage.load(&loaded);
  BOOST_TEST(whole.count == 4);
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST(loaded[g] == rounds[2][g]);

  const std::string newest = kDirectory + "/" + log::snapshot_name(GroupId(2), whole.indexes[2]);
  std::string damaged = stage.files.contents(newest);
  damaged[damaged.size() / 2] ^= 1;
  stage.files.set_contents(newest, damaged);
  const LoadedSnapshots older = stage.load(&loaded);
  BOOST_TEST(older.count == 4);
  BOOST_TEST((older.indexes[2] < whole.indexes[2]));
  BOOST_TEST(loaded[1] == rounds[2][1]);
  BOOST_TEST(loaded[2] == rounds[1][2]);
  BOOST_TEST(older.older[2].v == 0u);
  BOOST_TEST(stage.count(".snap") == 6u);
  BOOST_TEST(stage.count(".snap.damaged") == 1u);
  for (const std::string& path : stage.files.paths()) {
    if (path.find("snapshot-0002") == std::string::npos) continue;
    stage.files.set_contents(path, stage.files.contents(path).substr(0, 100));
  }
  const LoadedSnapshots none = stage.load(&loaded);
  BOOST_TEST(none.count == 3);
  BOOST_TEST(none.indexes[2].v == 0u);
}

// Not waiting for a second one: the one that was written last is read again, and counts.
BOOST_AUTO_TEST_CASE(what_is_to_be_covered_at_once_is_covered_by_one) {
  Stage stage;
  auto keeper = stage.keeper();
  keeper->turn(0, kMuch);
  stage.finish(keeper.get(), kMuch);
  std::vector<Index> wanted;
  for (std::uint16_t g = 0; g < 4; ++g) {
    wanted.push_back(stage.host.node->group(GroupId(g)).applied());
    BOOST_TEST((g == 0 || keeper->held()[g] < wanted[g]));
  }
  const auto cover = [&] {
    keeper->cover(wanted);
    for (int turns = 0; keeper->covering() && turns < 500; ++turns) {
      keeper->turn(0, kMuch);
      stage.cold->wait();
      stage.cold->deliver();
    }
    BOOST_TEST(!keeper->covering());
  };
  cover();
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST((keeper->held()[g] == wanted[g]));
  std::vector<std::string> loaded;
  const LoadedSnapshots now = stage.load(&loaded);
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST((now.indexes[g] == wanted[g]));
  BOOST_TEST(loaded == stage.all_tables(), boost::test_tools::per_element());

  // One that can't be read stands for nothing, and the asker is told by held().
  for (int i = 0; i < 60; ++i) stage.host.signal(run_id(i), "add", kPayload);
  for (std::uint16_t g = 0; g < 4; ++g) {
    wanted[g] = stage.host.node->group(GroupId(g)).applied();
  }
  const std::vector<Index> before = keeper->held();
  stage.files.reset_operations();
  stage.files.fail_operation(2, absl::UnavailableError("EIO"));
  cover();
  BOOST_TEST((keeper->held() != wanted));
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST((keeper->held()[g] >= before[g]));
  cover();
  BOOST_TEST((keeper->held() == wanted));
}

// Every operation on the disk fails once: the round goes on with the next group, nothing half done
// is ever taken for a snapshot, and the next round writes what is missing.
BOOST_AUTO_TEST_CASE(a_failing_disk_costs_a_snapshot_and_nothing_else) {
  Stage stage;
  std::vector<std::string> loaded;
  std::uint64_t operations = 0;
  for (std::uint64_t fails = 0; fails == 0 || fails <= operations; ++fails) {
    for (const std::string& path : stage.files.paths()) stage.files.forget(path);
    stage.files.reset_operations();
    auto keeper = stage.keeper();
    if (fails > 0) {
      stage.files.fail_operation(fails - 1, absl::ResourceExhaustedError("no space is left"));
    }
    keeper->turn(0, kMuch);
    stage.finish(keeper.get(), kMuch);
    if (fails == 0) operations = stage.files.operations();
    const int count = stage.load(&loaded).count;
    BOOST_TEST((fails == 0 ? count == 4 : count >= 3));
    BOOST_TEST(stage.count(".tmp") <= 1u);
    keeper->turn(0, 2 * kMuch);
    stage.finish(keeper.get(), 2 * kMuch);
    BOOST_TEST(stage.load(&loaded).count == 4);
    BOOST_TEST(stage.count(".tmp") == 0u);
  }
  BOOST_TEST(operations >= 4u * 4);
}

BOOST_AUTO_TEST_CASE(by_time_only_if_it_spares_something_and_at_a_stop) {
  Stage stage;
  auto keeper = stage.keeper({}, limits::MiB - 1);
  BOOST_TEST(keeper->deadline_ns() == kNoDeadline);
  keeper->turn(2 * kHourNs, 0);
  BOOST_TEST(!keeper->under_way());
  keeper->stop(2 * kHourNs, 0);
  BOOST_TEST(!keeper->under_way());
  keeper->turn(kHourNs - 1, 1);
  BOOST_TEST(!keeper->under_way());
  BOOST_TEST(keeper->deadline_ns() == kHourNs);
  keeper->turn(kHourNs, 1);
  BOOST_TEST(keeper->under_way());
  stage.finish(keeper.get(), 1);
  BOOST_TEST(stage.count(".snap") == 4u);
  keeper->stop(kHourNs, 1);
  BOOST_TEST(!keeper->under_way());
  keeper->stop(kHourNs, 1 + limits::MiB);
  BOOST_TEST(keeper->under_way());
  stage.finish(keeper.get(), 1 + limits::MiB);
  // A start knows how large its snapshots are.
  std::vector<std::string> ignored;
  LoadedSnapshots loaded = stage.load(&ignored);
  loaded.bytes = 2 * kMuch;
  keeper = stage.keeper(loaded, kMuch);
  keeper->turn(0, 0);
  BOOST_TEST(!keeper->under_way());
  keeper->turn(0, kMuch);
  BOOST_TEST(keeper->under_way());
  stage.finish(keeper.get(), kMuch);
}

// What is cut off by the end of the process leaves nothing that is mistaken for a snapshot.
BOOST_AUTO_TEST_CASE(a_round_may_be_cut_off_anywhere) {
  Stage stage;
  for (int cut = 1; cut < 12; ++cut) {
    auto keeper = stage.keeper();
    keeper->turn(0, kMuch);
    for (int turn = 0; turn < cut && keeper->under_way(); ++turn) {
      stage.cold->wait();
      stage.cold->deliver();
      keeper->turn(0, kMuch);
    }
    stage.cold.reset();
    keeper.reset();
    std::vector<std::string> loaded;
    stage.load(&loaded);
    stage.cold = std::make_unique<ColdThread>(nullptr);
    stage.host.signal("run-1", "add", kPayload);
  }
  auto keeper = stage.keeper();
  keeper->turn(0, kMuch);
  stage.finish(keeper.get(), kMuch);
  BOOST_TEST(stage.count(".tmp") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
