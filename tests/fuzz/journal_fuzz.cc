// libFuzzer target for the journal's reader. The first byte says what the rest is: a segment file
// as it stands, or patches to a small sound one, plain or compressed; and whether checksums are put
// right afterwards, so that the fuzzer gets past them. Whatever the file holds, opening it ends in
// a refusal with a known code, or in a journal that reads the same a second time, takes an entry,
// and gives it back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/check.h"
#include "base/checksum.h"
#include "log/format.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"
// A target is one source file; this one is not part of the room's library.
#include "tests/log/memory_file_system.cc"

namespace pawl::log {
namespace {

std::string path(std::uint64_t segment) { return join(kDirectory, segment_name(segment)); }

void store32(std::uint32_t x, std::string* bytes, std::size_t at) {
  for (int i = 0; i < 4; ++i) (*bytes)[at + i] = static_cast<char>(x >> (8 * i));
}

std::uint32_t load32(const std::string& bytes, std::size_t at) {
  std::uint32_t x = 0;
  for (int i = 0; i < 4; ++i) {
    x |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return x;
}

struct Sound {
  std::uint64_t segment = 0;  // the only one
  std::string bytes;
};

const Sound& plain_journal() {
  static const Sound* const made = [] {
    MemoryFileSystem files;
    JournalModel heard;
    JournalModel model;
    auto journal = Journal::open(files, small_options(), heard, nullptr);
    PAWL_CHECK(journal.ok());
    Random random(1);
    for (int i = 0; i < 6; ++i) {
      queue_random(&random, journal->get(), &model, 40);
      PAWL_CHECK(flush(files, journal->get()).ok());
    }
    std::string bytes = files.contents(path(1));
    bytes.resize(4096);
    return new Sound{1, std::move(bytes)};
  }();
  return *made;
}

// A dictionary and a few frames that need it; the segments before are given up.
const Sound& compressed_journal() {
  static const Sound* const made = [] {
    MemoryFileSystem files;
    JournalModel heard;
    JournalModel model;
    auto journal = Journal::open(files, small_options(), heard, nullptr);
    PAWL_CHECK(journal.ok());
    (*journal)->allow_compression();
    Random random(1);
    while ((*journal)->current_segment() == 1) {
      queue_records(&random, journal->get(), &model);
      PAWL_CHECK(flush(files, journal->get()).ok());
      train(journal->get());
    }
    (*journal)->recycle_below(2);
    for (int i = 0; i < 6; ++i) {
      queue_records(&random, journal->get(), &model);
      while (*flush(files, journal->get())) {
      }
    }
    std::string bytes = files.contents(path(2));
    bytes.resize(8192);
    return new Sound{2, std::move(bytes)};
  }();
  return *made;
}

// Walks frames by the lengths they claim and makes their checksums and places right.
void put_right(std::uint64_t segment, std::string* bytes) {
  if (bytes->size() < format::kSegmentHeaderBytes) return;
  bytes->replace(0, format::kSegmentMagic.size(), format::kSegmentMagic);
  store32(crc32c(std::string_view(*bytes).substr(12, format::kSegmentHeaderBytes - 12)), bytes, 8);
  const std::uint32_t seed = frame_seed(test_store(), segment);
  std::size_t at = format::kSegmentHeaderBytes;
  while (at + format::kFrameFixedBytes <= bytes->size() &&
         load32(*bytes, at) == format::kFrameMagic) {
    const std::size_t header = load32(*bytes, at + 8);
    const std::size_t payload = format::aligned(load32(*bytes, at + 12));
    if (header < format::kFrameFixedBytes || header > bytes->size() - at ||
        payload > bytes->size() - at - header) {
      return;
    }
    const std::string_view all = *bytes;
    store32(crc32c(all.substr(at + header, payload), seed), bytes, at + 16);
    store32(static_cast<std::uint32_t>(at), bytes, at + 32);
    store32(0, bytes, at + 52);  // file_bytes: any
    store32(crc32c(all.substr(at + 8, header - 8), seed), bytes, at + 4);
    at += header + payload;
  }
}

Sound file_of(const std::uint8_t* data, std::size_t size) {
  const std::uint8_t mode = data[0];
  Sound made = (mode & 4) == 0 ? plain_journal() : compressed_journal();
  if ((mode & 1) == 0) {
    made.bytes.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  } else {
    for (std::size_t i = 1; i + 2 < size; i += 3) {
      const std::size_t at = (data[i] | data[i + 1] << 8) % made.bytes.size();
      made.bytes[at] = static_cast<char>(data[i + 2]);
    }
  }
  if ((mode & 2) != 0) put_right(made.segment, &made.bytes);
  return made;
}

void check(const Sound& file) {
  MemoryFileSystem files;
  files.set_contents(path(file.segment), file.bytes);
  JournalModel first;
  {
    auto journal = Journal::open(files, small_options(), first, nullptr);
    if (!journal.ok()) {
      PAWL_CHECK(absl::IsDataLoss(journal.status()) ||
                 absl::IsFailedPrecondition(journal.status()));
      PAWL_CHECK(journal.status().message().find(kDirectory) != absl::string_view::npos);
      return;
    }
  }
  JournalModel second;
  RecoveryReport report;
  auto journal = Journal::open(files, small_options(), second, &report);
  PAWL_CHECK(journal.ok());
  PAWL_CHECK(first.groups == second.groups);
  PAWL_CHECK(report.torn_bytes_cut == 0);
  const Index next((*journal)->last_index(GroupId(1)).v + 1);
  if (next.v == 0) return;
  (*journal)->append(GroupId(1), Term(5), next, "more");
  PAWL_CHECK(flush(files, journal->get()).ok());
  const auto place = (*journal)->place(GroupId(1), next);
  PAWL_CHECK(place.has_value());
  const auto entry = read_entry(files, (*journal)->source(), *place, GroupId(1), next);
  PAWL_CHECK(entry.ok());
  JournalModel third;
  PAWL_CHECK(Journal::open(files, small_options(), third, nullptr).ok());
  PAWL_CHECK(third.last(1) == next.v);
}

}  // namespace
}  // namespace pawl::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  pawl::log::check(pawl::log::file_of(data, size));
  return 0;
}
