// A journal looked at from outside: whatever Journal::open() refuses is found, and nothing else;
// what can be read is read; and a journal that is written meanwhile is never taken for damaged.
#include <boost/test/unit_test.hpp>
#include <deque>

#include "log/format.h"
#include "log/journal_scan.h"
#include "log/names.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

std::string path_of(std::uint64_t segment) { return join(kDirectory, segment_name(segment)); }

struct Made {
  MemoryFileSystem files;
  JournalModel model;
  std::uint64_t last_segment = 0;
  std::uint64_t entries = 0;
};

Made make(std::uint64_t segments, bool marked) {
  Made made;
  Random random(3);
  JournalModel heard;
  auto journal = Journal::open(made.files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  for (int i = 0; i < 12 || (*journal)->current_segment() < segments; ++i) {
    queue_random(&random, journal->get(), &made.model, segments > 1 ? 3000 : 100);
    while (*flush(made.files, journal->get())) {
    }
  }
  if (marked) {
    (*journal)->mark_synced();
    while (*flush(made.files, journal->get())) {
    }
  }
  made.last_segment = (*journal)->current_segment();
  made.entries = (*journal)->stats().entries;
  return made;
}

// Segments of compressible entries, the later ones with a dictionary.
Made make_compressed(std::uint64_t segments) {
  Made made;
  Random random(9);
  JournalModel heard;
  auto journal = Journal::open(made.files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  (*journal)->allow_compression();
  while ((*journal)->current_segment() < segments) {
    queue_records(&random, journal->get(), &made.model);
    while (*flush(made.files, journal->get())) {
    }
    train(journal->get());
  }
  (*journal)->mark_synced();
  while (*flush(made.files, journal->get())) {
  }
  made.last_segment = (*journal)->current_segment();
  made.entries = (*journal)->stats().entries;
  return made;
}

// What a scan saw; `model` of the entries that were not replaced.
struct Seen {
  absl::Status status;
  JournalModel model;
  std::uint64_t entries = 0;
  std::uint64_t torn_bytes = 0;
  std::vector<ScannedSegment> segments;
  std::vector<Finding> findings;
  std::uint64_t damages() const {
    std::uint64_t n = 0;
    for (const Finding& finding : findings) n += finding.damage ? 1 : 0;
    return n;
  }
};

Seen scan(FileSystem& files) {
  Seen seen;
  std::uint64_t before = 0;
  JournalScan journal(
      files, kDirectory, StoreId{}, format::kCompressedLevel,
      [&](Finding finding) { seen.findings.push_back(std::move(finding)); },
      [&](std::uint64_t done, std::uint64_t total) { BOOST_REQUIRE(done <= total); });
  seen.status = journal.read();
  if (!seen.status.ok()) return seen;
  seen.status = journal.entries([&](const ScannedEntry& entry, std::string_view payload) {
    ++before;
    if (!entry.replaced) {
      seen.model.groups[entry.group.v].entries[entry.index.v] = {entry.term.v,
                                                                 std::string(payload)};
    }
    return absl::OkStatus();
  });
  seen.entries = before;
  seen.torn_bytes = journal.torn_bytes();
  seen.segments = journal.segments();
  for (std::size_t g = 0; g < journal.states().size(); ++g) {
    if (journal.states()[g]) {
      seen.model.groups[static_cast<std::uint16_t>(g)].state = journal.states()[g];
    }
  }
  for (const Finding& finding : seen.findings) {
    BOOST_TEST(!finding.path.empty());
    BOOST_TEST(!finding.what.empty());
    BOOST_TEST(finding.damage == !finding.remedy.empty());
  }
  return seen;
}

absl::Status reopen(MemoryFileSystem* files) {
  JournalModel heard;
  return Journal::open(*files, small_options(), heard, nullptr).status();
}

BOOST_AUTO_TEST_SUITE(journal_scan)

BOOST_AUTO_TEST_CASE(sees_what_is_there) {
  for (const std::uint64_t segments : {1, 4}) {
    Made made = make(segments, segments == 1);
    const Seen seen = scan(made.files);
    BOOST_REQUIRE(seen.status.ok());
    BOOST_TEST(seen.findings.empty());
    BOOST_TEST((seen.model.groups == made.model.without_begins().groups));
    BOOST_TEST(seen.entries == made.entries);
    BOOST_TEST(seen.segments.size() == segments);
    BOOST_TEST(seen.torn_bytes == 0u);
    std::uint64_t counted = 0;
    for (const ScannedSegment& segment : seen.segments) {
      BOOST_TEST(segment.sealed == (segment.number != segments));
      BOOST_TEST(segment.feature_level == format::kPlainLevel);
      std::uint64_t of_groups = 0;
      for (const GroupSpan& span : segment.groups) of_groups += span.entries;
      BOOST_TEST(of_groups == segment.entries);
      counted += segment.entries;
    }
    BOOST_TEST(counted == made.entries);
  }
}

// Nothing that can be read may differ from what was written.
void check_entries(const Made& made, const Seen& seen) {
  for (const auto& [group, contents] : seen.model.groups) {
    for (const auto& [index, entry] : contents.entries) {
      const auto& written = made.model.groups.at(group).entries;
      const auto found = written.find(index);
      // Where the frame that replaced an entry is lost, the entry stands again.
      if (found != written.end() && found->second.first == entry.first) {
        BOOST_REQUIRE((found->second == entry));
      }
    }
  }
}

void flip_each_byte(const Made& made, std::uint64_t segment, std::size_t step) {
  const std::string whole = made.files.contents(path_of(segment));
  const std::size_t used = whole.find_last_not_of('\0') + 1;
  std::size_t found = 0;
  std::size_t flipped = 0;
  for (std::size_t at = 0; at < used + 64; at += at < 400 || used + 64 - at < 400 ? 1 : step) {
    BOOST_TEST_CONTEXT("byte " << at << " of segment " << segment) {
      ++flipped;
      MemoryFileSystem files = made.files.copy();
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files.set_contents(path_of(segment), damaged);
      const Seen seen = scan(files);
      const absl::Status opened = reopen(&files);
      check_entries(made, seen);
      // The scan can't refuse more, nor see less, than the start does.
      BOOST_REQUIRE(opened.ok() == (seen.status.ok() && seen.damages() == 0));
      if (opened.ok()) continue;
      ++found;
      BOOST_REQUIRE((!seen.status.ok() || seen.findings[0].path == path_of(segment)));
    }
  }
  BOOST_TEST_MESSAGE("segment " << segment << ": " << flipped << " bytes flipped, " << found
                                << " found");
  BOOST_TEST(found > flipped / 2);
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_is_found_that_a_start_refuses) {
  flip_each_byte(make(1, true), 1, 1);
  flip_each_byte(make(1, false), 1, 1);
  const Made three = make(3, true);
  flip_each_byte(three, 2, 61);
  flip_each_byte(three, 1, 61);
}

BOOST_AUTO_TEST_CASE(compressed_segments_are_read_and_their_damage_is_found) {
  Made made = make_compressed(4);
  const Seen seen = scan(made.files);
  BOOST_REQUIRE(seen.status.ok());
  BOOST_TEST(seen.findings.empty());
  BOOST_TEST((seen.model.groups == made.model.without_begins().groups));
  BOOST_TEST(seen.entries == made.entries);
  const ScannedSegment& last = seen.segments.back();
  BOOST_TEST(last.dictionary != 0u);
  BOOST_TEST(last.feature_level == format::kCompressedLevel);
  const ScannedSegment& third = seen.segments[2];
  BOOST_TEST(third.stored_bytes * 2 < third.raw_bytes);
  flip_each_byte(made, 4, 7);
  flip_each_byte(made, 3, 997);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_found) {
  const Made made = make(1, false);
  const std::string whole = made.files.contents(path_of(1));
  const std::size_t used = whole.find_last_not_of('\0') + 65;
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < used ? 1 : 509) {
    MemoryFileSystem files = made.files.copy();
    files.set_contents(path_of(1), whole.substr(0, bytes));
    const Seen seen = scan(files);
    BOOST_REQUIRE(seen.status.ok());
    BOOST_REQUIRE(seen.damages() > 0);
    check_entries(made, seen);
  }
}

BOOST_AUTO_TEST_CASE(goes_on_behind_damage_and_says_what_was_lost) {
  Made made = make(3, true);
  for (const std::uint64_t segment : {1, 2}) {
    std::string damaged = made.files.contents(path_of(segment));
    damaged[9000] = static_cast<char>(damaged[9000] ^ 1);
    damaged[40'000] = static_cast<char>(damaged[40'000] ^ 1);
    made.files.set_contents(path_of(segment), damaged);
  }
  const Seen seen = scan(made.files);
  BOOST_REQUIRE(seen.status.ok());
  BOOST_TEST(seen.damages() == 4u);
  for (const Finding& finding : seen.findings) {
    BOOST_TEST(finding.offset % 8 == 0u);
    BOOST_TEST(finding.what.find("a later one begins at") != std::string::npos, finding.what);
    BOOST_TEST(finding.what.find("of group") != std::string::npos, finding.what);
  }
  // All entries but those of four frames.
  BOOST_TEST(seen.entries >= made.entries - 4 * 6);
  BOOST_TEST(seen.entries < made.entries);
  check_entries(made, seen);
}

BOOST_AUTO_TEST_CASE(missing_swapped_and_foreign_segments_are_found) {
  const Made made = make(4, false);
  for (std::uint64_t gone = 1; gone <= 4; ++gone) {
    MemoryFileSystem files = made.files.copy();
    files.forget(path_of(gone));
    BOOST_TEST(scan(files).damages() >= 1u, "segment " << gone);
  }
  for (std::uint64_t from = 1; from <= 4; ++from) {
    for (std::uint64_t to = 1; to <= 5; ++to) {
      if (from == to) continue;
      MemoryFileSystem files = made.files.copy();
      files.set_contents(path_of(to), made.files.contents(path_of(from)));
      const Seen seen = scan(files);
      BOOST_TEST(seen.damages() >= 1u);
      BOOST_TEST(seen.findings[0].path == path_of(to));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_no_damage) {
  Made made = make(1, false);
  std::string torn = made.files.contents(path_of(1));
  const std::size_t used = format::aligned(torn.find_last_not_of('\0') + 1);
  for (std::size_t i = 0; i < 333; ++i) torn[used + i] = 'x';
  made.files.set_contents(path_of(1), torn);
  const Seen seen = scan(made.files);
  BOOST_TEST(seen.findings.empty());
  BOOST_TEST(seen.torn_bytes == 333u);
  BOOST_TEST((seen.model.groups == made.model.without_begins().groups));
}

BOOST_AUTO_TEST_CASE(indexes_that_are_missing_are_told) {
  MemoryFileSystem files;
  JournalModel heard;
  auto journal = Journal::open(files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  (*journal)->append(GroupId(2), Term(1), Index(5), "five");
  (*journal)->append(GroupId(2), Term(1), Index(9), "nine");
  while (*flush(files, journal->get())) {
  }
  JournalScan found(files, kDirectory, StoreId{}, format::kCompressedLevel, nullptr, nullptr);
  BOOST_REQUIRE(found.read().ok());
  BOOST_REQUIRE(found.gaps().size() == 2u);
  BOOST_TEST(found.gaps()[0].after.v == 0u);
  BOOST_TEST(found.gaps()[0].before.v == 5u);
  BOOST_TEST(found.gaps()[1].after.v == 5u);
  BOOST_TEST(found.gaps()[1].before.v == 9u);
}

// A disk on which a journal goes on writing while it is read: before each `pace`-th call of the
// reader, the writer takes `burst` steps, a written frame being two of them.
class BusyDisk final : public FileSystem {
 public:
  BusyDisk(MemoryFileSystem files, std::uint64_t pace, std::uint64_t burst,
           std::uint32_t segment_bytes)
      : files_(std::move(files)), pace_(pace), burst_(burst) {
    JournalModel heard;
    JournalOptions options = small_options();
    options.segment_bytes = segment_bytes;
    auto journal = Journal::open(files_, options, heard, nullptr);
    BOOST_REQUIRE(journal.ok());
    journal_ = std::move(*journal);
    model_ = heard;
  }
  absl::StatusOr<std::vector<FileInfo>> list(const std::string& directory) override {
    write_some();
    return files_.list(directory);
  }
  absl::StatusOr<std::size_t> read(const std::string& path, std::uint64_t offset, char* out,
                                   std::size_t bytes) override {
    write_some();
    return files_.read(path, offset, out, bytes);
  }
  absl::Status write(const std::string&, std::uint64_t, std::string_view) override { return no(); }
  absl::Status allocate(const std::string&, std::uint64_t, std::uint64_t, Preallocate) override {
    return no();
  }
  absl::Status sync(const std::string&) override { return no(); }
  absl::Status rename(const std::string&, const std::string&) override { return no(); }
  absl::Status remove(const std::string&) override { return no(); }
  absl::Status sync_directory(const std::string&) override { return no(); }
  std::uint64_t rotations() const { return journal_->stats().rotations; }
  std::uint64_t recycled() const { return journal_->stats().segments_recycled; }

 private:
  static absl::Status no() {
    BOOST_FAIL("a scan changes nothing");
    return absl::InternalError("");
  }
  void write_some() {
    if (++calls_ % pace_ != 0) return;
    for (std::uint64_t step = 0; step < burst_; ++step) {
      if (steps_.empty()) begin();
      if (steps_.empty()) return;
      BOOST_REQUIRE(execute(files_, steps_.front()).ok());
      steps_.pop_front();
      if (steps_.empty()) journal_->completed(batch_);
    }
  }
  void begin() {
    queue_random(&random_, journal_.get(), &model_, 20'000);
    if (random_.chance(0.2) && journal_->current_segment() > 3) {
      journal_->recycle_below(journal_->current_segment() - 2);
    }
    const Batch* batch = journal_->begin_batch();
    if (batch == nullptr) return;
    batch_ = batch->id;
    for (const Operation& operation : batch->operations) {
      const auto* written = std::get_if<WriteFile>(&operation);
      if (written == nullptr || written->bytes.size() < 16) {
        steps_.push_back(operation);
        continue;
      }
      const std::size_t half = written->bytes.size() / 2;
      steps_.push_back(WriteFile{written->path, written->offset, written->bytes.substr(0, half)});
      steps_.push_back(
          WriteFile{written->path, written->offset + half, written->bytes.substr(half)});
    }
  }

  MemoryFileSystem files_;
  const std::uint64_t pace_;
  const std::uint64_t burst_;
  std::unique_ptr<Journal> journal_;
  JournalModel model_;
  Random random_{17};
  std::uint64_t calls_ = 0;
  std::uint64_t batch_ = 0;
  std::deque<Operation> steps_;
};

// Scans again and again while it is written; the sum of rotations and segments given up.
std::uint64_t scan_while_written(BusyDisk* disk, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const Seen seen = scan(*disk);
    BOOST_REQUIRE(seen.status.ok());
    for (const Finding& finding : seen.findings) {
      BOOST_TEST(!finding.damage, "round " << round << ": " << finding.path << " " << finding.offset
                                           << " " << finding.what);
    }
  }
  return disk->rotations() + disk->recycled();
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_written_meanwhile_is_not_damaged) {
  const Made made = make(4, false);
  std::uint64_t moved = 0;
  for (std::uint64_t pace = 1; pace <= 12; ++pace) {
    BusyDisk disk(made.files.copy(), pace, 1, limits::kSegmentBytesMin);
    moved += scan_while_written(&disk, 60);
  }
  BOOST_TEST_MESSAGE(moved << " rotations and segments given up meanwhile");
  BOOST_TEST(moved > 200u);
}

// Where a segment is more than one read, its parts are seen at different times.
BOOST_AUTO_TEST_CASE(nor_is_one_whose_segments_are_large) {
  const Made made = make(4, false);
  for (std::uint64_t burst = 1; burst <= 12; ++burst) {
    BusyDisk disk(made.files.copy(), 1, burst, 4 * limits::MiB);
    scan_while_written(&disk, 40);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::log
