// What is copied out of a store for a backup: up to where, from which snapshot, and what is
// refused.
#include "log/backup_copy.h"

#include <boost/test/unit_test.hpp>

#include "log/snapshot_file.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

constexpr std::uint16_t kRunGroups = 2;
constexpr std::uint64_t kEntries = 40;

// What a backup says, group by group.
struct Heard final : BackupSink {
  JournalModel model;
  BackupHeader header;
  std::map<std::uint16_t, std::uint64_t> snapshots;
  absl::Status on_header(const BackupHeader& found) override {
    header = found;
    return absl::OkStatus();
  }
  absl::Status on_state(GroupId group, const HardState& state) override {
    return model.on_hard_state(group, state);
  }
  absl::Status on_snapshot(const BackedUpSnapshot& snapshot) override {
    snapshots[snapshot.group.v] = snapshot.index.v;
    return absl::OkStatus();
  }
  absl::Status on_piece(std::string_view) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view bytes) override {
    return model.on_entry(group, term, index, bytes);
  }
};

// Three groups with forty entries each of term 2, and whatever a test adds.
struct Stage {
  Stage() {
    JournalModel heard;
    auto opened = Journal::open(files, small_options(), heard, nullptr);
    BOOST_REQUIRE(opened.ok());
    journal = std::move(*opened);
    for (std::uint16_t g = 0; g <= kRunGroups; ++g) {
      for (std::uint64_t index = 1; index <= kEntries; ++index) append(g, 2, index);
    }
  }

  void append(std::uint16_t group, std::uint64_t term, std::uint64_t index) {
    journal->append(GroupId(group), Term(term), Index(index),
                    "entry " + std::to_string(term) + "." + std::to_string(index));
  }

  void snapshot(std::uint16_t group, std::uint64_t term, std::uint64_t index) {
    SnapshotWriter writer(files, kDirectory,
                          {test_store(), GroupId(group), Index(index), Term(term), 5});
    BOOST_REQUIRE(writer.append("tables").ok());
    BOOST_REQUIRE(writer.commit().ok());
    snapshots.insert(snapshots.begin(), {GroupId(group), Index(index), Term(term), 5});
  }

  absl::Status copy(std::vector<Index> through, Heard* heard, bool of_cluster = true) {
    while (*flush(files, journal.get())) continue;
    JournalScan scan(files, kDirectory, test_store(), format::kCompressedLevel, nullptr, nullptr);
    BOOST_REQUIRE(scan.read().ok());
    const BackupSource source{files,      kDirectory,         scan,      snapshots,
                              kRunGroups, std::move(through), of_cluster};
    std::string bytes;
    BackupHeader header;
    header.store_id = test_store();
    header.box = NodeId(of_cluster ? 3 : 0);
    BackupWriter writer(
        [&bytes](std::string_view more) {
          bytes += more;
          return absl::OkStatus();
        },
        header);
    if (absl::Status s = copy_store(source, &writer); !s.ok()) return s;
    BOOST_REQUIRE(writer.finish().ok());
    std::string_view rest = bytes;
    const absl::Status read = read_backup(
        [&rest](char* out, std::size_t wanted) -> absl::StatusOr<std::size_t> {
          const std::size_t n = rest.copy(out, wanted);
          rest.remove_prefix(n);
          return n;
        },
        "backup", *heard);
    BOOST_REQUIRE_MESSAGE(read.ok(), read.ToString());
    BOOST_TEST((heard->header == header));
    return absl::OkStatus();
  }

  MemoryFileSystem files;
  std::unique_ptr<Journal> journal;
  std::vector<SnapshotPlace> snapshots;
};

BOOST_AUTO_TEST_SUITE(backup_copy)

BOOST_AUTO_TEST_CASE(all_there_is_without_a_cut) {
  Stage stage;
  Heard heard;
  BOOST_REQUIRE(stage.copy({}, &heard, false).ok());
  for (std::uint16_t g = 0; g <= kRunGroups; ++g) BOOST_TEST(heard.model.last(g) == kEntries);
}

BOOST_AUTO_TEST_CASE(each_group_up_to_its_cut) {
  Stage stage;
  Heard heard;
  BOOST_REQUIRE(stage.copy({Index(40), Index(17), Index(1)}, &heard).ok());
  BOOST_TEST(heard.model.last(0) == 40u);
  BOOST_TEST(heard.model.last(1) == 17u);
  BOOST_TEST(heard.model.last(2) == 1u);
}

// One that was taken since the box said how far it is holds more than is wanted.
BOOST_AUTO_TEST_CASE(the_newest_snapshot_before_the_cut) {
  Stage stage;
  stage.snapshot(1, 2, 10);
  stage.snapshot(1, 2, 30);
  Heard heard;
  BOOST_REQUIRE(stage.copy({Index(40), Index(29), Index(40)}, &heard).ok());
  BOOST_TEST(heard.snapshots[1] == 10u);
  BOOST_REQUIRE(stage.copy({Index(40), Index(30), Index(40)}, &heard).ok());
  BOOST_TEST(heard.snapshots[1] == 30u);
}

BOOST_AUTO_TEST_CASE(what_was_replaced_is_not_in_it) {
  Stage stage;
  stage.append(1, 3, 21);
  Heard heard;
  BOOST_REQUIRE(stage.copy({}, &heard).ok());
  BOOST_TEST(heard.model.last(1) == 21u);
  BOOST_TEST(heard.model.end(1).term.v == 3u);
}

BOOST_AUTO_TEST_CASE(what_has_not_come_to_the_disk_is_asked_for_again) {
  Stage stage;
  Heard heard;
  BOOST_TEST(absl::IsAborted(stage.copy({Index(40), Index(41), Index(40)}, &heard)));
}

// A snapshot of another box stands for an index at which the journal has something else.
BOOST_AUTO_TEST_CASE(a_snapshot_that_came_meanwhile_is_asked_for_again) {
  for (const std::uint64_t index : {std::uint64_t{20}, kEntries}) {
    Stage stage;
    stage.snapshot(2, 5, index);
    Heard heard;
    BOOST_TEST(absl::IsAborted(stage.copy({}, &heard)));
  }
  Stage stage;
  stage.snapshot(2, 5, kEntries + 1);  // all of the journal is before it
  Heard heard;
  BOOST_TEST(stage.copy({}, &heard).ok());
}

BOOST_AUTO_TEST_CASE(a_log_that_goes_on_behind_a_gap_needs_its_snapshot) {
  Stage stage;
  stage.journal->begin_log(GroupId(1), {Term(3), Index(100)});
  stage.append(1, 3, 101);
  Heard heard;
  BOOST_TEST(absl::IsAborted(stage.copy({}, &heard)));
  stage.snapshot(1, 3, 100);
  BOOST_TEST(stage.copy({}, &heard).ok());
  BOOST_TEST(heard.model.last(1) == 101u);
}

BOOST_AUTO_TEST_CASE(a_group_that_is_not_there_is_refused) {
  MemoryFileSystem files;
  Stage stage;
  stage.snapshots.clear();
  JournalScan scan(files, kDirectory, test_store(), format::kCompressedLevel, nullptr, nullptr);
  BOOST_REQUIRE(scan.read().ok());
  const BackupSource source{files, kDirectory, scan, {}, kRunGroups, {}, true};
  BackupWriter writer([](std::string_view) { return absl::OkStatus(); }, {});
  const absl::Status refused = copy_store(source, &writer);
  BOOST_TEST(absl::IsFailedPrecondition(refused));
  BOOST_TEST(std::string(refused.message()).find("group 0") != std::string::npos);
}

// Damaged and begun anew, and not yet as far as it ever was.
BOOST_AUTO_TEST_CASE(a_group_that_is_being_rebuilt_is_refused) {
  Stage stage;
  Rebuild rebuild;
  rebuild.group = GroupId(1);
  rebuild.until = {1, 1};
  rebuild.spent = Term(2);
  rebuild.promised = {Term(2), Index(kEntries + 5)};
  BOOST_REQUIRE(write_rebuild(stage.files, kDirectory, test_store(), rebuild).ok());
  Heard heard;
  BOOST_TEST(absl::IsFailedPrecondition(stage.copy({}, &heard)));
  stage.append(1, 2, kEntries + 1);
  for (std::uint64_t index = kEntries + 2; index <= kEntries + 5; ++index) {
    stage.append(1, 2, index);
  }
  BOOST_TEST(stage.copy({}, &heard).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::log
