// A backup file: what goes in comes out, and nothing of one that is damaged or cut off is taken.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "log/backup_file.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

BackupHeader test_header() {
  BackupHeader header;
  header.store_id = test_store();
  header.made_at = TimeMs(1'767'225'600'123);
  header.feature_level = 5;
  header.run_groups = 4;
  return header;
}

// Everything a backup says, in order, as lines.
struct Lines final : BackupSink {
  std::vector<std::string> lines;
  absl::Status refusal;  // of the third line on

  absl::Status add(std::string line) {
    lines.push_back(std::move(line));
    return lines.size() > 2 ? refusal : absl::OkStatus();
  }
  absl::Status on_header(const BackupHeader& header) override {
    BOOST_TEST((header == test_header()));
    return add("header");
  }
  absl::Status on_state(GroupId group, const HardState& state) override {
    return add("state " + std::to_string(group.v) + " " + std::to_string(state.term.v) + " " +
               std::to_string(state.vote.v));
  }
  absl::Status on_snapshot(const BackedUpSnapshot& s) override {
    return add("snapshot " + std::to_string(s.group.v) + " " + std::to_string(s.index.v) + " " +
               std::to_string(s.term.v) + " " + std::to_string(s.feature_level));
  }
  absl::Status on_piece(std::string_view bytes) override {
    return add("piece " + std::string(bytes));
  }
  absl::Status on_entry(GroupId group, Term term, Index index, std::string_view payload) override {
    return add("entry " + std::to_string(group.v) + " " + std::to_string(term.v) + " " +
               std::to_string(index.v) + " " + std::string(payload));
  }
};

struct Made {
  std::string bytes;
  std::vector<std::string> lines;
};

// Some of everything; the entries' bytes compress, or not.
Made make(int entries, std::size_t payload_bytes, bool noise) {
  Made made;
  Lines expected;
  Random random(7);
  BackupWriter writer(
      [&made](std::string_view bytes) {
        made.bytes += bytes;
        return absl::OkStatus();
      },
      test_header());
  (void)expected.on_header(test_header());
  for (std::uint16_t g = 0; g < 3; ++g) {
    const HardState state{Term(g + 1u), NodeId(1)};
    BOOST_REQUIRE(writer.add_state(GroupId(g), state).ok());
    (void)expected.on_state(GroupId(g), state);
  }
  const BackedUpSnapshot snapshot{GroupId(2), Index(17), Term(3), 5};
  BOOST_REQUIRE(writer.begin_snapshot(snapshot).ok());
  (void)expected.on_snapshot(snapshot);
  for (const char* piece : {"first", "second"}) {
    BOOST_REQUIRE(writer.add_piece(piece).ok());
    (void)expected.on_piece(piece);
  }
  for (int i = 1; i <= entries; ++i) {
    std::string payload = test_record(&random);
    while (payload.size() < payload_bytes) {
      payload += noise ? static_cast<char>(random.below(256)) : 'x';
    }
    const GroupId group(static_cast<std::uint16_t>(i % 4));
    const Index index(static_cast<std::uint64_t>(i));
    BOOST_REQUIRE(writer.add_entry(group, Term(3), index, payload).ok());
    (void)expected.on_entry(group, Term(3), index, payload);
  }
  BOOST_REQUIRE(writer.finish().ok());
  BOOST_TEST(writer.bytes() == made.bytes.size());
  BOOST_TEST(writer.counts().entries == static_cast<std::uint64_t>(entries));
  made.lines = expected.lines;
  return made;
}

absl::Status read(const std::string& bytes, BackupSink& sink) {
  std::size_t at = 0;
  return read_backup(
      [&](char* out, std::size_t wanted) -> absl::StatusOr<std::size_t> {
        const std::size_t n = std::min(wanted, bytes.size() - at);
        bytes.copy(out, n, at);
        at += n;
        return n;
      },
      "b.pawl", sink);
}

void check_refused(const std::string& bytes) {
  Lines heard;
  const absl::Status status = read(bytes, heard);
  BOOST_REQUIRE(!status.ok());
  const std::string text(status.message());
  BOOST_REQUIRE_MESSAGE(text.find("b.pawl") != std::string::npos, text);
  if (absl::IsFailedPrecondition(status)) return;  // another version: nothing is damaged
  BOOST_REQUIRE_MESSAGE(absl::IsDataLoss(status), text);
  BOOST_REQUIRE_MESSAGE(text.find("at offset ") != std::string::npos, text);
  BOOST_REQUIRE_MESSAGE(text.find("restore another backup") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE(backup_file)

BOOST_AUTO_TEST_CASE(what_goes_in_comes_out) {
  for (const bool noise : {false, true}) {
    for (const std::size_t payload_bytes : {std::size_t{0}, std::size_t{50'000}}) {
      const Made made = make(40, payload_bytes, noise);
      Lines heard;
      const absl::Status status = read(made.bytes, heard);
      BOOST_REQUIRE_MESSAGE(status.ok(), std::string(status.message()));
      BOOST_TEST((heard.lines == made.lines));
      if (payload_bytes > 0) BOOST_TEST((made.bytes.size() < 100'000) != noise);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_largest_entry_fits) {
  Made made;
  BackupWriter writer(
      [&made](std::string_view bytes) {
        made.bytes += bytes;
        return absl::OkStatus();
      },
      test_header());
  const std::string large(limits::kEntryBytesMax, 'e');
  for (std::uint64_t i = 1; i <= 2; ++i) {
    BOOST_REQUIRE(writer.add_entry(GroupId(64), Term(1), Index(~i), large).ok());
  }
  BOOST_REQUIRE(writer.finish().ok());
  Lines heard;
  BOOST_TEST(read(made.bytes, heard).ok());
  BOOST_TEST(heard.lines.size() == 3u);
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_and_every_truncation_is_refused) {
  const Made made = make(12, 0, false);
  for (std::size_t at = 0; at < made.bytes.size(); ++at) {
    std::string damaged = made.bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    BOOST_TEST_CONTEXT("byte " << at) { check_refused(damaged); }
    BOOST_TEST_CONTEXT("cut to " << at) { check_refused(made.bytes.substr(0, at)); }
  }
  check_refused(made.bytes + std::string(1, '\0'));
  check_refused(made.bytes + made.bytes);
  BOOST_TEST_MESSAGE(made.bytes.size() << " bytes flipped and as many truncations refused");
}

BOOST_AUTO_TEST_CASE(chunks_taken_out_or_swapped_are_refused) {
  const Made made = make(40, 30'000, true);  // several chunks
  std::vector<std::pair<std::size_t, std::size_t>> chunks;
  for (std::size_t at = format::kBackupHeaderBytes; at < made.bytes.size();) {
    std::size_t stored = 0;
    for (int i = 3; i >= 0; --i) {
      stored =
          stored << 8 | static_cast<unsigned char>(made.bytes[at + static_cast<std::size_t>(i)]);
    }
    if (stored == 0) break;
    chunks.emplace_back(at, 12 + stored);
    at += 12 + stored;
  }
  BOOST_TEST_REQUIRE(chunks.size() >= 4u);
  for (const auto& [at, bytes] : chunks) {
    std::string damaged = made.bytes;
    check_refused(damaged.erase(at, bytes));
    damaged = made.bytes;
    check_refused(damaged.insert(at, made.bytes.substr(at, bytes)));
  }
}

BOOST_AUTO_TEST_CASE(errors_of_both_ends_are_passed_on) {
  const Made made = make(40, 30'000, true);
  Lines refusing;
  refusing.refusal = absl::ResourceExhaustedError("full");
  BOOST_TEST(absl::IsResourceExhausted(read(made.bytes, refusing)));
  BOOST_TEST(refusing.lines.size() == 3u);
  int writes = 0;
  BackupWriter writer(
      [&writes](std::string_view) {
        return ++writes < 2 ? absl::OkStatus() : absl::ResourceExhaustedError("full");
      },
      test_header());
  BOOST_TEST(writer.add_entry(GroupId(1), Term(1), Index(1), std::string(300'000, 'x')).code() ==
             absl::StatusCode::kResourceExhausted);
  BOOST_TEST(absl::IsResourceExhausted(writer.add_entry(GroupId(1), Term(1), Index(2), "x")));
  BOOST_TEST(absl::IsResourceExhausted(writer.finish()));
  BOOST_TEST(writes == 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::log
