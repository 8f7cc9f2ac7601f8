// A journal that something else than Pawl has changed: cut, flipped, swapped, mixed. Each case ends
// in the right state or in a refusal that names file, offset and remedy; never in a wrong answer.
#include <boost/test/unit_test.hpp>

#include "log/format.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

std::string path_of(std::uint64_t segment) { return join(kDirectory, segment_name(segment)); }

// A journal of a few dozen frames; `segments` at least, and an empty frame at the end if `marked`.
struct Made {
  MemoryFileSystem files;
  JournalModel model;
  JournalModel before_last;  // without the last frame
  std::uint32_t end = 0;     // of the last frame
  std::uint64_t last_segment = 0;
};

Made make(std::uint64_t segments, bool marked, unsigned char store = 7) {
  Made made;
  Random random(3);
  JournalModel heard;
  JournalOptions options = small_options();
  options.store_id = test_store(store);
  auto journal = Journal::open(made.files, options, heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  for (int i = 0; i < 12 || (*journal)->current_segment() < segments; ++i) {
    made.before_last = made.model;
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
  return made;
}

absl::StatusOr<JournalModel> reopen(MemoryFileSystem* files, RecoveryReport* report = nullptr) {
  JournalModel heard;
  auto journal = Journal::open(*files, small_options(), heard, report);
  if (!journal.ok()) return journal.status();
  return heard;
}

// A refusal that an operator can use.
void check_refusal(const absl::Status& status, std::string_view path) {
  const std::string text(status.message().data(), status.message().size());
  BOOST_TEST_CONTEXT(text) {
    BOOST_TEST((absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)));
    BOOST_TEST(text.find(path) != std::string::npos);
    BOOST_TEST(text.find("offset") != std::string::npos);
    BOOST_TEST((text.find("restore") != std::string::npos || text.find("put back") != text.npos));
  }
}

// Where the frames of a segment end, the seal counted.
std::size_t used_bytes(const std::string& contents) { return contents.find_last_not_of('\0') + 1; }

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const Made made = make(1, false);
  const std::string whole = made.files.contents(path_of(1));
  // The file's promised size is in every frame, so a shorter file is never taken for a torn tail.
  for (std::size_t bytes = 0; bytes < whole.size();
       bytes += bytes < used_bytes(whole) + 64 ? 1 : 509) {
    MemoryFileSystem files = made.files.copy();
    files.set_contents(path_of(1), whole.substr(0, bytes));
    const auto opened = reopen(&files);
    BOOST_REQUIRE(!opened.ok());
    check_refusal(opened.status(), path_of(1));
  }
  MemoryFileSystem files = made.files.copy();
  BOOST_TEST((reopen(&files)->groups == made.model.groups));
}

void flip_each_byte(const Made& made, std::uint64_t segment, bool last_may_be_cut) {
  const std::string whole = made.files.contents(path_of(segment));
  const std::size_t used = used_bytes(whole);
  std::size_t refused = 0;
  std::size_t cut = 0;
  for (std::size_t at = 0; at < used + 64; ++at) {
    BOOST_TEST_CONTEXT("byte " << at << " of segment " << segment) {
      MemoryFileSystem files = made.files.copy();
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files.set_contents(path_of(segment), damaged);
      RecoveryReport report;
      const auto opened = reopen(&files, &report);
      if (!opened.ok()) {
        check_refusal(opened.status(), path_of(segment));
        ++refused;
        continue;
      }
      if (opened->groups == made.model.groups) continue;
      // Only the last frame, of which nothing proves that it was promised.
      BOOST_REQUIRE(last_may_be_cut);
      BOOST_REQUIRE((opened->groups == made.before_last.groups));
      BOOST_REQUIRE(report.torn_bytes_cut > 0u);
      ++cut;
    }
  }
  BOOST_TEST(refused > used / 2);
  BOOST_TEST((cut > 0) == last_may_be_cut);
}

BOOST_AUTO_TEST_CASE(every_flipped_byte) { flip_each_byte(make(1, false), 1, true); }

BOOST_AUTO_TEST_CASE(every_flipped_byte_after_a_mark) { flip_each_byte(make(1, true), 1, false); }

BOOST_AUTO_TEST_CASE(flipped_bytes_in_an_older_segment) {
  const Made made = make(3, true);
  const std::string whole = made.files.contents(path_of(2));
  const std::size_t used = used_bytes(whole);
  for (std::size_t at = 0; at < used; at += at < 400 || used - at < 400 ? 1 : 97) {
    MemoryFileSystem files = made.files.copy();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    files.set_contents(path_of(2), damaged);
    const auto opened = reopen(&files);
    // The seal alone may be damaged: segment 3 shows that it was not needed.
    if (opened.ok()) {
      BOOST_REQUIRE(used - at <= format::kFrameFixedBytes);
      BOOST_REQUIRE((opened->groups == made.model.groups));
    } else {
      check_refusal(opened.status(), path_of(2));
    }
  }
}

BOOST_AUTO_TEST_CASE(frames_zeroed_in_the_middle) {
  const Made made = make(1, false);
  std::string damaged = made.files.contents(path_of(1));
  damaged.replace(300, 200, 200, '\0');
  MemoryFileSystem files = made.files.copy();
  files.set_contents(path_of(1), damaged);
  check_refusal(reopen(&files).status(), path_of(1));
}

BOOST_AUTO_TEST_CASE(missing_segments_are_refused) {
  const Made made = make(4, false);
  BOOST_TEST_REQUIRE(made.last_segment == 4u);
  for (std::uint64_t gone = 1; gone <= 4; ++gone) {
    MemoryFileSystem files = made.files.copy();
    files.forget(path_of(gone));
    const auto opened = reopen(&files);
    BOOST_TEST_CONTEXT("segment " << gone) {
      BOOST_REQUIRE(!opened.ok());
      check_refusal(opened.status(), path_of(gone));
    }
  }
}

BOOST_AUTO_TEST_CASE(duplicated_and_swapped_segments_are_refused) {
  const Made made = make(4, false);
  for (std::uint64_t from = 1; from <= 4; ++from) {
    for (std::uint64_t to = 1; to <= 5; ++to) {
      if (from == to) continue;
      MemoryFileSystem copied = made.files.copy();
      copied.set_contents(path_of(to), made.files.contents(path_of(from)));
      check_refusal(reopen(&copied).status(), path_of(to));
      if (to == 5) continue;
      copied.set_contents(path_of(from), made.files.contents(path_of(to)));
      check_refusal(reopen(&copied).status(), path_of(std::min(from, to)));
    }
  }
}

BOOST_AUTO_TEST_CASE(another_stores_segment_is_refused) {
  const Made made = make(4, false);
  const Made other = make(4, false, 99);
  for (std::uint64_t segment = 1; segment <= 4; ++segment) {
    MemoryFileSystem files = made.files.copy();
    files.set_contents(path_of(segment), other.files.contents(path_of(segment)));
    const auto opened = reopen(&files);
    BOOST_TEST(absl::IsFailedPrecondition(opened.status()));
    check_refusal(opened.status(), path_of(segment));
  }
  // Frames of the other store spliced in behind this store's header don't pass either.
  MemoryFileSystem files = made.files.copy();
  std::string mixed = other.files.contents(path_of(2));
  mixed.replace(0, format::kSegmentHeaderBytes, made.files.contents(path_of(2)), 0,
                format::kSegmentHeaderBytes);
  files.set_contents(path_of(2), mixed);
  check_refusal(reopen(&files).status(), path_of(2));
}

BOOST_AUTO_TEST_CASE(unknown_store_id_takes_what_is_there) {
  Made made = make(1, false);
  JournalOptions options = small_options();
  options.store_id = StoreId{};
  JournalModel heard;
  const auto journal = Journal::open(made.files, options, heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  BOOST_TEST(((*journal)->store_id() == test_store()));
  BOOST_TEST((heard.groups == made.model.groups));
}

BOOST_AUTO_TEST_CASE(garbage_tail_is_cut_and_counted) {
  const Made made = make(1, false);
  const std::string whole = made.files.contents(path_of(1));
  const std::size_t used = format::aligned(used_bytes(whole));
  Random random(11);
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{8}, std::size_t{700}, std::size_t{90'000}}) {
    std::string garbled = whole;
    garbled.resize(std::max(garbled.size(), used + bytes));
    for (std::size_t i = 0; i < bytes; ++i)
      garbled[used + i] = static_cast<char>(1 + random.below(255));
    MemoryFileSystem files = made.files.copy();
    files.set_contents(path_of(1), garbled);
    RecoveryReport report;
    auto opened = reopen(&files, &report);
    BOOST_REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    BOOST_TEST((opened->groups == made.model.groups));
    BOOST_TEST(report.torn_bytes_cut >= bytes);
    BOOST_TEST(report.torn_bytes_cut < bytes + format::kFrameAlignment);
    // Cut for good: the second start finds nothing to cut.
    opened = reopen(&files, &report);
    BOOST_REQUIRE(opened.ok());
    BOOST_TEST(report.torn_bytes_cut == 0u);
  }
}

// Payloads that contain the journal itself are no frames: neither place nor checksum fits.
BOOST_AUTO_TEST_CASE(frames_inside_payloads_are_not_frames) {
  Made made = make(1, false);
  JournalModel heard;
  auto journal = Journal::open(made.files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  const std::string inside = made.files.contents(path_of(1)).substr(0, 4096);
  (*journal)->append(GroupId(1), Term(9), Index(heard.last(1) + 1), inside);
  const Batch* batch = (*journal)->begin_batch();
  BOOST_REQUIRE(batch != nullptr);
  BOOST_REQUIRE(execute(made.files, *batch).ok());
  std::string torn = made.files.contents(path_of(1));
  const std::size_t start = torn.find(inside.substr(64), 4096 / 2);
  BOOST_REQUIRE(start != std::string::npos);
  torn[start + 3000] ^= 1;  // the frame around it is torn
  made.files.set_contents(path_of(1), torn);
  const auto opened = reopen(&made.files);
  BOOST_REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  BOOST_TEST((opened->groups == made.model.groups));
}

BOOST_AUTO_TEST_CASE(newer_formats_are_refused) {
  Made made = make(1, false);
  JournalModel heard;
  JournalOptions options = small_options();
  options.feature_level = 0;
  const auto lower = Journal::open(made.files, options, heard, nullptr);
  BOOST_TEST(absl::IsFailedPrecondition(lower.status()));
  BOOST_TEST(std::string(lower.status().message()).find("feature level") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(read_only_disk_and_missing_directory) {
  Made made = make(1, false);
  made.files.set_read_only(true);
  const auto opened = reopen(&made.files);
  BOOST_TEST(absl::IsPermissionDenied(opened.status()));
  BOOST_TEST(std::string(opened.status().message()).find(path_of(1)) != std::string::npos);

  MemoryFileSystem empty;
  JournalOptions options = small_options();
  options.create_if_empty = false;
  JournalModel heard;
  const auto missing = Journal::open(empty, options, heard, nullptr);
  BOOST_TEST(absl::IsNotFound(missing.status()));
}

BOOST_AUTO_TEST_CASE(full_disk_fails_before_anything_is_written) {
  MemoryFileSystem files;
  JournalModel heard;
  JournalModel model;
  auto journal = Journal::open(files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  files.set_capacity(limits::kSegmentBytesMin + 100);
  Random random(5);
  absl::Status status;
  JournalModel durable;
  while (status.ok()) {
    durable = model;
    queue_random(&random, journal->get(), &model, 3000);
    status = flush(files, journal->get()).status();
  }
  BOOST_TEST(absl::IsResourceExhausted(status));
  journal->reset();
  const auto opened = reopen(&files);
  BOOST_REQUIRE(opened.ok());
  BOOST_TEST((opened->groups == durable.groups));
}

BOOST_AUTO_TEST_CASE(sink_refusal_ends_recovery) {
  struct Refusing final : RecoverySink {
    absl::Status on_hard_state(GroupId, const HardState&) override { return absl::OkStatus(); }
    absl::Status on_entry(GroupId, Term, Index, std::string_view) override {
      return absl::UnimplementedError("unknown event kind");
    }
  };
  Made made = make(1, false);
  Refusing sink;
  const auto opened = Journal::open(made.files, small_options(), sink, nullptr);
  BOOST_TEST(absl::IsUnimplemented(opened.status()));
}

}  // namespace
}  // namespace pawl::log
