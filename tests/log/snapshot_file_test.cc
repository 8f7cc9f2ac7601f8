// Snapshot files: what is committed reads back, what is damaged or half-written is never trusted.
#include "log/snapshot_file.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "log/names.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

const SnapshotHeader kHeader{test_store(), GroupId(3), Index(0x1f2), Term(6), 1};

std::string content(std::size_t bytes) {
  Random random(bytes);
  std::string made(bytes, '\0');
  for (char& c : made) c = static_cast<char>(random.next());
  return made;
}

absl::Status write(MemoryFileSystem* files, const SnapshotHeader& header, std::string_view bytes) {
  SnapshotWriter writer(*files, kDirectory, header);
  for (std::size_t at = 0; at < bytes.size(); at += 100'003) {
    if (absl::Status s = writer.append(bytes.substr(at, 100'003)); !s.ok()) return s;
  }
  return writer.commit();
}

std::string path_of(const SnapshotHeader& header) {
  return join(kDirectory, snapshot_name(header.group, header.index));
}

absl::StatusOr<std::string> read(MemoryFileSystem* files, const SnapshotHeader& header) {
  auto reader = SnapshotReader::open(*files, path_of(header), header.store_id);
  if (!reader.ok()) return reader.status();
  BOOST_TEST(((*reader)->header() == header));
  std::string all;
  for (;;) {
    const auto chunk = (*reader)->next_chunk();
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) break;
    all += *chunk;
  }
  BOOST_TEST((*reader)->content_bytes() == all.size());
  return all;
}

BOOST_AUTO_TEST_CASE(reads_back) {
  BOOST_TEST(snapshot_name(GroupId(3), Index(0x1f2)) == "snapshot-0003-00000000000001f2.snap");
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, limits::kSnapshotChunkBytes, std::size_t{900'000}}) {
    MemoryFileSystem files;
    BOOST_REQUIRE(write(&files, kHeader, content(bytes)).ok());
    const auto got = read(&files, kHeader);
    BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
    BOOST_TEST((*got == content(bytes)));
    BOOST_TEST(files.paths().size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(every_flip_and_truncation_is_refused) {
  MemoryFileSystem files;
  BOOST_REQUIRE(write(&files, kHeader, content(700)).ok());
  const std::string whole = files.contents(path_of(kHeader));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const bool cut : {false, true}) {
      std::string damaged = cut ? whole.substr(0, at) : whole;
      if (!cut) damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files.set_contents(path_of(kHeader), damaged);
      const auto reader = SnapshotReader::open(files, path_of(kHeader), kHeader.store_id);
      BOOST_REQUIRE(!reader.ok());
      const std::string text(reader.status().message());
      BOOST_REQUIRE(text.find(path_of(kHeader)) != std::string::npos);
      BOOST_REQUIRE(text.find("offset") != std::string::npos);
    }
  }
  files.set_contents(path_of(kHeader), whole + "x");
  BOOST_TEST(absl::IsDataLoss(read(&files, kHeader).status()));
}

// Chunks with right checksums in another order, or from another snapshot, don't pass.
BOOST_AUTO_TEST_CASE(swapped_chunks_are_refused) {
  MemoryFileSystem files;
  const std::size_t chunk = limits::kSnapshotChunkBytes;
  BOOST_REQUIRE(write(&files, kHeader, content(3 * chunk)).ok());
  std::string bytes = files.contents(path_of(kHeader));
  const std::size_t record = chunk + 8;
  std::string swapped = bytes;
  swapped.replace(72, record, bytes, 72 + record, record);
  swapped.replace(72 + record, record, bytes, 72, record);
  files.set_contents(path_of(kHeader), swapped);
  BOOST_TEST(absl::IsDataLoss(read(&files, kHeader).status()));
}

BOOST_AUTO_TEST_CASE(another_stores_snapshot_is_refused) {
  MemoryFileSystem files;
  BOOST_REQUIRE(write(&files, kHeader, "abc").ok());
  const auto reader = SnapshotReader::open(files, path_of(kHeader), test_store(50));
  BOOST_TEST(absl::IsFailedPrecondition(reader.status()));
}

BOOST_AUTO_TEST_CASE(crash_at_every_operation_leaves_all_or_nothing) {
  SnapshotHeader older = kHeader;
  older.index = Index(7);
  for (std::uint64_t stop = 0;; ++stop) {
    bool through = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      MemoryFileSystem files;
      Random random(seed * 101 + stop);
      BOOST_REQUIRE(write(&files, older, "older").ok());
      files.reset_operations();
      files.stop_at(stop);
      through = write(&files, kHeader, content(600'000)).ok();
      files.crash(&random);
      const auto listed = list_snapshots(files, kDirectory, GroupId(3));
      BOOST_REQUIRE(listed.ok());
      BOOST_REQUIRE(listed->back() == older.index);
      BOOST_REQUIRE((*read(&files, older) == "older"));
      if (through) BOOST_REQUIRE(listed->size() == 2u);
      if (listed->size() == 2) {
        BOOST_REQUIRE(listed->front() == kHeader.index);
        BOOST_REQUIRE((*read(&files, kHeader) == content(600'000)));
      }
      // The next attempt is not disturbed by what is left.
      BOOST_REQUIRE(write(&files, kHeader, "again").ok());
      BOOST_REQUIRE((*read(&files, kHeader) == "again"));
    }
    if (through) break;
  }
}

BOOST_AUTO_TEST_CASE(old_ones_and_leftovers_are_removed) {
  MemoryFileSystem files;
  for (std::uint64_t index = 1; index <= 5; ++index) {
    SnapshotHeader header = kHeader;
    header.index = Index(index);
    BOOST_REQUIRE(write(&files, header, "x").ok());
    header.group = GroupId(4);
    BOOST_REQUIRE(write(&files, header, "y").ok());
  }
  files.set_contents(path_of(kHeader) + ".tmp", "half");
  files.set_contents(join(kDirectory, "notes.tmp"), "mine");
  BOOST_REQUIRE(remove_old_snapshots(files, kDirectory, GroupId(3), 2).ok());
  const auto left = list_snapshots(files, kDirectory, GroupId(3));
  BOOST_REQUIRE(left.ok());
  BOOST_TEST((*left == std::vector<Index>{Index(5), Index(4)}));
  BOOST_TEST(list_snapshots(files, kDirectory, GroupId(4))->size() == 5u);
  BOOST_TEST(!files.exists(path_of(kHeader) + ".tmp"));
  BOOST_TEST(files.exists(join(kDirectory, "notes.tmp")));
}

BOOST_AUTO_TEST_CASE(errors_stick_and_discard_cleans_up) {
  MemoryFileSystem files;
  files.fail_operation(1, absl::UnavailableError("EIO"));
  SnapshotWriter writer(files, kDirectory, kHeader);
  BOOST_TEST(!writer.append(content(600'000)).ok());
  BOOST_TEST(!writer.append("more").ok());
  BOOST_TEST(!writer.commit().ok());
  BOOST_TEST(writer.discard().ok());
  BOOST_TEST(files.paths().empty());
}

}  // namespace
}  // namespace pawl::log
