// A backup is restored while the power goes, or the disk fails, at every operation: there is no
// store then, nor anything that a daemon would take for one, and a restore into the same directory
// works; or there is the whole of it.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "base/feature_level.h"
#include "daemon/opened_node.h"
#include "daemon/restored_store.h"
#include "log/backup_copy.h"
#include "log/journal_scan.h"
#include "log/snapshot_file.h"
#include "node/lone_voter.h"
#include "tests/log/journal_model.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::daemon {
namespace {

const std::string kParent = "disk/lib";
const std::string kData = "disk/lib/pawl";
constexpr int kRuns = 60;

std::string run_id(int n) { return "run-" + std::to_string(n); }

// A box with some runs, a snapshot of one group, and a part of its journal behind it.
std::string make_backup() {
  node::Host host;
  host.boot();
  host.deploy(node::kCounter);
  for (int n = 0; n < kRuns; ++n) {
    host.start(run_id(n));
    if (n != kRuns / 2) continue;
    const node::GroupSnapshot taken = node::snapshot_of(host.node.get(), GroupId(1));
    log::SnapshotWriter writer(
        host.files, log::kDirectory,
        {host.journal->store_id(), taken.group, taken.index, taken.term, kFeatureLevel});
    BOOST_REQUIRE(writer.append(taken.bytes).ok());
    BOOST_REQUIRE(writer.commit().ok());
  }
  std::string made;
  log::JournalScan scan(host.files, log::kDirectory, host.journal->store_id(), kFeatureLevel,
                        nullptr, nullptr);
  BOOST_REQUIRE(scan.read().ok());
  const node::Group& group = host.node->group(GroupId(1));
  const auto indexes = log::list_snapshots(host.files, log::kDirectory, GroupId(1));
  const log::SnapshotPlace place{GroupId(1), indexes->front(), group.raft().term(), kFeatureLevel};
  const log::BackupSource source{host.files, log::kDirectory, scan, {place}, 3, {}, false};
  log::BackupHeader header;
  header.store_id = host.journal->store_id();
  header.feature_level = feature_level_of(source);
  header.run_groups = 3;
  log::BackupWriter writer(
      [&made](std::string_view bytes) {
        made += bytes;
        return absl::OkStatus();
      },
      header);
  BOOST_REQUIRE(copy_store(source, &writer).ok());
  BOOST_REQUIRE(writer.finish().ok());
  return made;
}

struct Restoring {
  explicit Restoring(bool of_cluster) {
    options.directory = kData;
    options.segment_bytes = limits::kSegmentBytesMin;
    options.preallocate = log::Preallocate::kFallocate;
    options.random_16 = "sixteen bytes ok";
    options.wall_ms = node::kEpochMs;
    options.lock = [](const std::string&) { return absl::OkStatus(); };
    if (!of_cluster) return;
    options.box = NodeId(4);
    options.founders = {NodeId(1), NodeId(2), NodeId(3)};
    options.address = "box:1";
  }

  // What the command does; `live` is what it says of it.
  absl::Status run(log::MemoryFileSystem* disk, bool* live = nullptr) {
    std::string_view rest = backup;
    RestoredStore restored(*disk, *disk, options, &logger);
    absl::Status status = restored.begin();
    if (status.ok()) {
      status = log::read_backup(
          [&rest](char* out, std::size_t bytes) -> absl::StatusOr<std::size_t> {
            const std::size_t n = rest.copy(out, bytes);
            rest.remove_prefix(n);
            return n;
          },
          "backup", restored);
    }
    if (status.ok()) status = restored.finish();
    if (live != nullptr) *live = restored.is_live();
    return status;
  }

  // True if there is a store, and then it is whole; else nothing that a daemon would start on.
  bool check(const log::MemoryFileSystem& disk) {
    log::MemoryFileSystem there = disk.copy();
    const auto store = read_store(there, kData);
    if (!store.ok()) {
      BOOST_REQUIRE(absl::IsNotFound(store.status()));
      const auto listed = there.list(kData);
      const bool is_empty = std::none_of(listed->begin(), listed->end(), [](const auto& file) {
        return file.name.ends_with(".seg") || file.name.ends_with(".snap");
      });
      const auto begun = open_store(there, kData, StoreIdentity{}, options.random_16);
      BOOST_REQUIRE_MESSAGE(is_empty || absl::IsDataLoss(begun.status()), "a daemon would begin");
      return false;
    }
    OpenNodeOptions opening;
    opening.directory = kData;
    opening.store = *store;
    opening.segment_bytes = options.segment_bytes;
    const auto opened = open_node(there, opening, logger);
    BOOST_REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    BOOST_REQUIRE(opened->snapshots.count == 1);
    for (int n = 0; n < kRuns; ++n) {
      GroupId group;
      BOOST_REQUIRE(opened->node->find({run_id(n), {}}, &group) != nullptr);
    }
    BOOST_REQUIRE(node::goes_on_alone(*opened->node));
    BOOST_REQUIRE(opened->node->options().self == options.box);
    return true;
  }

  void try_again(log::MemoryFileSystem* disk, bool is_there) {
    const absl::Status again = run(disk);
    BOOST_REQUIRE_MESSAGE(is_there ? absl::IsAlreadyExists(again) : again.ok(), again.ToString());
    BOOST_REQUIRE(check(*disk));
  }

  const std::string backup = make_backup();
  RestoreOptions options;
  Logger logger{-1};
};

void prepare(log::MemoryFileSystem* disk) {
  BOOST_REQUIRE(*disk->make_directory(kParent));
  BOOST_REQUIRE(disk->sync_directory("disk").ok());
  disk->reset_operations();
}

void lose_power_everywhere(bool of_cluster) {
  Restoring restoring(of_cluster);
  int runs = 0, there = 0, between = 0;
  std::uint64_t stop = 0;
  for (bool more = true; more; ++stop) {
    for (std::uint64_t seed = 0; seed < 16; ++seed) {
      BOOST_TEST_CONTEXT("stop " << stop << " seed " << seed) {
        log::MemoryFileSystem disk;
        Random fate(seed * 1'000'003 + stop);
        prepare(&disk);
        disk.stop_at(stop);
        const absl::Status done = restoring.run(&disk);
        more = disk.stopped();
        disk.crash(&fate);
        const bool is_there = restoring.check(disk);
        BOOST_REQUIRE(is_there || !done.ok());
        between += !is_there && !disk.paths().empty() ? 1 : 0;
        // The next one is cut off as well, at times, where it clears what was left.
        if (!is_there && fate.chance(0.3)) {
          disk.stop_at(fate.below(12));
          (void)restoring.run(&disk);
          disk.crash(&fate);
          BOOST_REQUIRE(!restoring.check(disk));
        }
        restoring.try_again(&disk, is_there);
        there += is_there ? 1 : 0;
        ++runs;
      }
    }
  }
  BOOST_TEST(stop > 30u);
  BOOST_TEST(there > 16);
  BOOST_TEST(between > 200);
  BOOST_TEST_MESSAGE("power losses of a restore" << (of_cluster ? " into a cluster: " : ": ")
                                                 << runs << " over " << stop - 1
                                                 << " operations, there in " << there);
}

BOOST_AUTO_TEST_CASE(power_loss_at_every_operation_of_a_restore) { lose_power_everywhere(false); }

BOOST_AUTO_TEST_CASE(power_loss_at_every_operation_of_a_restore_into_a_cluster) {
  lose_power_everywhere(true);
}

BOOST_AUTO_TEST_CASE(each_operation_of_a_restore_fails_once) {
  Restoring restoring(true);
  int failures = 0;
  for (std::uint64_t at = 0, more = 1; more > 0; ++at) {
    more = 0;
    for (int way = 0; way < log::MemoryFileSystem::kWaysToFail; ++way) {
      BOOST_TEST_CONTEXT("operation " << at << " way " << way) {
        log::MemoryFileSystem disk;
        Random fate(at);
        prepare(&disk);
        disk.fail_operation_in_way(at, way);
        bool live = false;
        const absl::Status done = restoring.run(&disk, &live);
        if (disk.operations() > at) ++more;
        if (done.ok()) {
          BOOST_REQUIRE(live && restoring.check(disk));
          continue;
        }
        ++failures;
        BOOST_REQUIRE(restoring.check(disk) == live);
        // Nothing of it is left, since the disk works again.
        BOOST_TEST((live || !*disk.is_there(kData)));
        if (fate.chance(0.5)) disk.crash(&fate);
        restoring.try_again(&disk, restoring.check(disk));
      }
    }
  }
  BOOST_TEST(failures > 60);
  BOOST_TEST_MESSAGE("failed operations of a restore: " << failures);
}

}  // namespace
}  // namespace pawl::daemon
