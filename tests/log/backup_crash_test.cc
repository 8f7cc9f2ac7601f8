// A backup is written while the power goes, or the disk fails, at every operation: under its name
// there is nothing, or the whole of it, and the next attempt works.
#include <boost/test/unit_test.hpp>

#include "log/backup_copy.h"
#include "log/new_file.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

const std::string kBackup = "disk/backups/store.backup";
constexpr std::size_t kFlushes = 120;

// The journal that is backed up; nothing fails on its disk.
struct Store {
  Store() {
    Random random(11);
    JournalModel heard;
    auto journal = Journal::open(files, small_options(), heard, nullptr);
    BOOST_REQUIRE(journal.ok());
    for (std::size_t i = 0; i < kFlushes; ++i) {
      queue_records(&random, journal->get(), &model, 60);
      while (*flush(files, journal->get())) continue;
    }
  }
  MemoryFileSystem files;
  JournalModel model;
};

// Writes in pieces of the size of a chunk: of a real one there are many.
absl::Status back_up(Store* store, MemoryFileSystem* disk) {
  JournalScan scan(store->files, kDirectory, test_store(), format::kCompressedLevel, nullptr,
                   nullptr);
  if (absl::Status s = scan.read(); !s.ok()) return s;
  const BackupSource source{store->files, kDirectory, scan, {}, 3, {}, false};
  NewFile file(*disk, kBackup);
  if (absl::Status s = file.begin(); !s.ok()) return s;
  BackupHeader header;
  header.store_id = test_store();
  BackupWriter writer([&file](std::string_view bytes) { return file.write(bytes); }, header);
  absl::Status status = copy_store(source, &writer);
  if (status.ok()) status = writer.finish();
  return status.ok() ? file.keep() : status;
}

struct Heard final : BackupSink {
  JournalModel model;
  absl::Status on_header(const BackupHeader&) override { return absl::OkStatus(); }
  absl::Status on_state(GroupId group, const HardState& state) override {
    return model.on_hard_state(group, state);
  }
  absl::Status on_snapshot(const BackedUpSnapshot&) override { return absl::OkStatus(); }
  absl::Status on_piece(std::string_view) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view bytes) override {
    return model.on_entry(group, term, index, bytes);
  }
};

// True if it is there, and then it is whole.
bool check(const Store& store, const MemoryFileSystem& disk) {
  if (!disk.exists(kBackup)) return false;
  std::string_view rest = disk.contents(kBackup);
  Heard heard;
  const absl::Status read = read_backup(
      [&rest](char* out, std::size_t bytes) -> absl::StatusOr<std::size_t> {
        const std::size_t n = rest.copy(out, bytes);
        rest.remove_prefix(n);
        return n;
      },
      kBackup, heard);
  BOOST_REQUIRE_MESSAGE(read.ok(), read.ToString());
  BOOST_REQUIRE(heard.model.groups == store.model.groups);
  return true;
}

void try_again(Store* store, MemoryFileSystem* disk, bool is_there) {
  const absl::Status again = back_up(store, disk);
  BOOST_REQUIRE_MESSAGE(is_there ? absl::IsAlreadyExists(again) : again.ok(), again.ToString());
  BOOST_REQUIRE(check(*store, *disk));
}

BOOST_AUTO_TEST_CASE(power_loss_at_every_operation_of_a_backup) {
  Store store;
  int runs = 0, there = 0;
  std::uint64_t stop = 0;
  for (bool more = true; more; ++stop) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      BOOST_TEST_CONTEXT("stop " << stop << " seed " << seed) {
        MemoryFileSystem disk;
        Random fate(seed * 1'000'003 + stop);
        BOOST_REQUIRE(*disk.make_directory("disk/backups"));
        BOOST_REQUIRE(disk.sync_directory("disk").ok());
        disk.reset_operations();
        disk.stop_at(stop);
        const absl::Status done = back_up(&store, &disk);
        more = disk.stopped();
        disk.crash(&fate);
        const bool is_there = check(store, disk);
        BOOST_REQUIRE(is_there || !done.ok());
        try_again(&store, &disk, is_there);
        there += is_there ? 1 : 0;
        ++runs;
      }
    }
  }
  BOOST_TEST(stop > 10u);
  BOOST_TEST(there > 6);
  BOOST_TEST_MESSAGE("power losses of a backup: " << runs << " over " << stop - 1
                                                  << " operations, there in " << there);
}

BOOST_AUTO_TEST_CASE(each_operation_of_a_backup_fails_once) {
  Store store;
  int failures = 0;
  for (std::uint64_t at = 0, more = 1; more > 0; ++at) {
    more = 0;
    for (int way = 0; way < MemoryFileSystem::kWaysToFail; ++way) {
      BOOST_TEST_CONTEXT("operation " << at << " way " << way) {
        MemoryFileSystem disk;
        Random fate(at);
        disk.fail_operation_in_way(at, way);
        const absl::Status done = back_up(&store, &disk);
        // The first one clears what an attempt before may have left, and may find nothing.
        if (done.ok()) continue;
        ++failures;
        ++more;
        check(store, disk);
        BOOST_TEST(!disk.exists(kBackup + ".tmp"));
        disk.crash(&fate);
        try_again(&store, &disk, check(store, disk));
      }
    }
  }
  BOOST_TEST(failures > 20);
  BOOST_TEST_MESSAGE("failed operations of a backup: " << failures);
}

}  // namespace
}  // namespace pawl::log
