// Compressed segments: what goes in comes out, whatever the dictionary; a build that can't read
// them says so; and no flipped, forged or missing byte ends in a wrong answer.
#include "log/compression.h"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <vector>

#include "base/checksum.h"
#include "log/format.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

std::string path_of(std::uint64_t segment) { return join(kDirectory, segment_name(segment)); }

TrainingSet records(std::uint64_t seed, int count) {
  Random random(seed);
  TrainingSet set;
  set.dictionary_id = 40'000;
  set.dictionary_bytes = 4096;
  for (int i = 0; i < count; ++i) {
    const std::string record = test_record(&random);
    set.bytes += record;
    set.sizes.push_back(record.size());
  }
  return set;
}

BOOST_AUTO_TEST_CASE(single_records_shrink_with_a_dictionary_and_come_back) {
  const TrainingSet set = records(1, 500);
  const std::string trained = train_dictionary(set);
  BOOST_TEST_REQUIRE(!trained.empty());
  BOOST_TEST(trained.size() <= set.dictionary_bytes);
  BOOST_TEST(trained == train_dictionary(set));
  const auto dictionary = Dictionary::make(trained);
  BOOST_REQUIRE(dictionary != nullptr);
  BOOST_TEST(dictionary->id() == 40'000u);

  Compressor alone, with;
  with.use(dictionary);
  Decompressor back;
  Random random(2);
  std::size_t raw_bytes = 0, alone_bytes = 0, with_bytes = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string record = test_record(&random);
    std::string stored, raw;
    raw_bytes += record.size();
    alone_bytes += alone.compress(record, 1, &stored) ? stored.size() : record.size();
    BOOST_REQUIRE(with.compress(record, 1, &stored));
    with_bytes += stored.size();
    BOOST_REQUIRE(back.decompress(stored, dictionary.get(), record.size(), &raw));
    BOOST_REQUIRE(raw.substr(0, record.size()) == record);
    // Another size, no dictionary or a cut frame are refused.
    BOOST_TEST(!back.decompress(stored, dictionary.get(), record.size() - 1, &raw));
    BOOST_TEST(!back.decompress(stored, dictionary.get(), record.size() + 1, &raw));
    BOOST_TEST(!back.decompress(stored.substr(1), dictionary.get(), record.size(), &raw));
  }
  BOOST_TEST_MESSAGE("records " << raw_bytes << " alone " << alone_bytes << " with " << with_bytes);
  BOOST_TEST(with_bytes * 2 < raw_bytes);
  BOOST_TEST(with_bytes * 3 < alone_bytes * 2);
}

BOOST_AUTO_TEST_CASE(what_does_not_shrink_is_refused) {
  Compressor compressor;
  Random random(3);
  std::string noise, out;
  for (int i = 0; i < 1000; ++i) noise += static_cast<char>(random.next());
  BOOST_TEST(!compressor.compress(noise, 8, &out));
  BOOST_TEST(!compressor.compress("", 8, &out));
  BOOST_TEST(!compressor.compress("aaaaaaaa", 8, &out));
  BOOST_TEST(compressor.compress(std::string(1000, 'a'), 8, &out));
}

// The decoders for them are left out of the binary (log/zstd_left_out.cc): whoever wrote the bytes
// must not end the process with them.
BOOST_AUTO_TEST_CASE(frames_of_formats_before_the_last_are_refused) {
  Random random(4);
  Decompressor decompressor;
  std::string raw;
  for (const char version : {'\x25', '\x26', '\x27'}) {
    for (const std::size_t bytes : {4u, 5u, 12u, 200u, 70'000u}) {
      std::string old = std::string(1, version) + "\xb5\x2f\xfd";
      while (old.size() < bytes) old += static_cast<char>(random.next());
      for (const std::size_t size : {0u, 1u, 100'000u}) {
        BOOST_TEST(!decompressor.decompress(old, nullptr, size, &raw));
      }
      BOOST_TEST(!decompressor.decompress("\x28\xb5\x2f\xfd" + old, nullptr, 100, &raw));
    }
  }
  std::string stored;
  BOOST_REQUIRE(Compressor().compress(std::string(1000, 'a'), 8, &stored));
  BOOST_TEST(decompressor.decompress(stored, nullptr, 1000, &raw));
  BOOST_TEST(!decompressor.decompress(stored + "\x27\xb5\x2f\xfd", nullptr, 1000, &raw));
}

BOOST_AUTO_TEST_CASE(nothing_is_made_of_too_little) {
  BOOST_TEST(train_dictionary(TrainingSet{}).empty());
  TrainingSet one;
  one.bytes = "abcdefgh";
  one.sizes = {8};
  one.dictionary_bytes = 1024;
  one.dictionary_id = 40'000;
  BOOST_TEST(train_dictionary(one).empty());
  BOOST_TEST((Dictionary::make("") == nullptr));
  BOOST_TEST((Dictionary::make(std::string(500, 'x')) == nullptr));
  const std::string trained = train_dictionary(records(1, 500));
  BOOST_TEST((Dictionary::make(trained.substr(0, 40)) == nullptr));
  BOOST_TEST(
      (Dictionary::make(trained + std::string(limits::kDictionaryBytesMax, 'x')) == nullptr));
}

BOOST_AUTO_TEST_CASE(samples_are_spread_over_all_that_was_seen) {
  Sampler sampler(1000);
  for (int i = 0; i < 10'000; ++i) {
    std::string entry = std::to_string(100'000 + i);
    sampler.note(entry);
    BOOST_REQUIRE(sampler.full() == (i * 6 >= 1000 - 5));
  }
  const TrainingSet set = sampler.take();
  BOOST_TEST(set.bytes.size() <= 1000u);
  BOOST_TEST(set.bytes.size() >= 400u);
  BOOST_TEST(set.bytes.substr(0, 6) == "100000");
  BOOST_TEST(set.bytes.substr(set.bytes.size() - 6) > "109700");
  BOOST_TEST(set.sizes.size() * 6 == set.bytes.size());
  BOOST_TEST(!sampler.full());
}

// A journal of compressed segments behind plain ones.
struct Compressed {
  MemoryFileSystem files;
  JournalModel model;
  std::unique_ptr<Journal> journal;
  Random random{5};

  void open() {
    JournalModel heard;
    journal.reset();
    auto opened = Journal::open(files, small_options(), heard, nullptr);
    BOOST_REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    BOOST_REQUIRE(heard.groups == model.groups);
    journal = *std::move(opened);
  }
  void write(int batches) {
    for (int i = 0; i < batches; ++i) {
      queue_records(&random, journal.get(), &model);
      while (*flush(files, journal.get())) {
      }
      train(journal.get());
    }
  }
  void write_until(const std::function<bool()>& done) {
    for (int i = 0; !done(); ++i) {
      BOOST_REQUIRE(i < 10'000);
      write(1);
    }
  }
  void make(std::uint64_t segments) {
    open();
    write(20);
    journal->allow_compression();
    write_until([&] { return journal->current_segment() >= segments; });
  }
};

SegmentHeader header_of(const MemoryFileSystem& files, std::uint64_t segment) {
  SegmentHeader header;
  BOOST_REQUIRE((decode(files.contents(path_of(segment)), &header) == SegmentHeaderFault::kNone));
  return header;
}

FrameHeader first_frame_of(const std::string& bytes, std::uint64_t segment) {
  FrameHeader header;
  const std::uint32_t at = format::kSegmentHeaderBytes;
  BOOST_REQUIRE((decode(std::string_view(bytes).substr(at), frame_seed(test_store(), segment),
                        segment, at, &header) == FrameFault::kNone));
  return header;
}

BOOST_AUTO_TEST_CASE(the_first_dictionary_begins_a_segment) {
  Compressed made;
  made.open();
  made.write(20);
  BOOST_TEST(made.journal->current_segment() == 1u);
  BOOST_TEST(made.journal->stats().stored_bytes == made.journal->stats().payload_bytes);
  made.journal->allow_compression();
  // The segment that is there stays plain, whatever comes into it.
  made.write(1);
  BOOST_TEST(made.journal->stats().stored_bytes == made.journal->stats().payload_bytes);
  made.write_until([&] { return made.journal->current_segment() > 1; });
  BOOST_TEST(header_of(made.files, 1).feature_level == format::kPlainLevel);
  BOOST_TEST(header_of(made.files, 2).feature_level == format::kCompressedLevel);
  const std::string second = made.files.contents(path_of(2));
  const FrameHeader head = first_frame_of(second, 2);
  BOOST_TEST(head.flags == format::kFrameFlagDictionary);
  BOOST_TEST(head.dictionary != 0u);
  BOOST_TEST(head.ranges.empty());
  const JournalStats before = made.journal->stats();
  made.write(100);
  const JournalStats after = made.journal->stats();
  BOOST_TEST((after.stored_bytes - before.stored_bytes) * 2 <
             after.payload_bytes - before.payload_bytes);
  made.open();
}

BOOST_AUTO_TEST_CASE(a_reopened_journal_goes_on_with_its_dictionary) {
  Compressed made;
  made.make(3);
  made.write(3);
  made.open();
  const std::uint64_t segment = made.journal->current_segment();
  made.write(10);
  BOOST_TEST(made.journal->current_segment() == segment);
  BOOST_TEST(made.journal->stats().stored_bytes * 2 < made.journal->stats().payload_bytes);
  made.write_until([&] { return made.journal->current_segment() > segment + 1; });
  made.open();
}

BOOST_AUTO_TEST_CASE(every_entry_is_found_by_its_place) {
  Compressed made;
  made.make(5);
  made.write(5);
  Source source = made.journal->source();
  for (const auto& [group, content] : made.model.groups) {
    for (const auto& [index, entry] : content.entries) {
      const auto place = made.journal->place(GroupId(group), Index(index));
      BOOST_REQUIRE(place.has_value());
      const auto read = read_entry(made.files, source, *place, GroupId(group), Index(index));
      BOOST_REQUIRE_MESSAGE(read.ok(), read.status().ToString());
      BOOST_REQUIRE(read->payload == entry.second);
    }
  }
  // A reader that meets a damaged dictionary says where.
  const auto place = made.journal->place(GroupId(0), Index(made.model.last(0)));
  const std::string path = path_of(place->segment);
  std::string bytes = made.files.contents(path);
  bytes[format::kSegmentHeaderBytes + 200] ^= 1;
  made.files.set_contents(path, bytes);
  source.dictionaries = std::make_shared<Dictionaries>();
  const auto read = read_entry(made.files, source, *place, GroupId(0), Index(made.model.last(0)));
  BOOST_TEST(absl::IsDataLoss(read.status()));
  BOOST_TEST(std::string(read.status().message()).find(path) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_older_build_refuses_with_a_reason) {
  Compressed made;
  made.make(2);
  JournalOptions older = small_options();
  older.feature_level = format::kCompressedLevel - 1;
  JournalModel heard;
  const auto opened = Journal::open(made.files, older, heard, nullptr);
  BOOST_TEST(absl::IsFailedPrecondition(opened.status()));
  const std::string text(opened.status().message());
  BOOST_TEST(text.find(path_of(2)) != std::string::npos);
  BOOST_TEST(text.find("feature level 5") != std::string::npos);
}

// Of a segment that begins with a dictionary: every byte up to behind its last frame.
BOOST_AUTO_TEST_CASE(every_flipped_byte_of_a_compressed_segment) {
  Compressed made;
  made.make(3);
  made.write(2);
  made.journal->mark_synced();
  while (*flush(made.files, made.journal.get())) {
  }
  const std::uint64_t segment = made.journal->current_segment();
  const std::string whole = made.files.contents(path_of(segment));
  const std::size_t used = whole.find_last_not_of('\0') + 1;
  std::size_t refused = 0, without_effect = 0;
  for (std::size_t at = 0; at < used; ++at) {
    MemoryFileSystem files = made.files.copy();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    files.set_contents(path_of(segment), damaged);
    JournalModel heard;
    const auto opened = Journal::open(files, small_options(), heard, nullptr);
    if (opened.ok()) {
      // The mark at the end is empty: without it nothing is missing.
      BOOST_REQUIRE(heard.groups == made.model.groups);
      ++without_effect;
      continue;
    }
    BOOST_REQUIRE(absl::IsDataLoss(opened.status()) || absl::IsFailedPrecondition(opened.status()));
    BOOST_REQUIRE(std::string(opened.status().message()).find(path_of(segment)) !=
                  std::string::npos);
    ++refused;
  }
  BOOST_TEST_MESSAGE("flips refused: " << refused << ", of the last mark: " << without_effect);
  BOOST_TEST(without_effect <= 2 * format::kFrameFixedBytes);
}

void store32(std::uint32_t x, std::string* bytes, std::size_t at) {
  for (int i = 0; i < 4; ++i) (*bytes)[at + i] = static_cast<char>(x >> (8 * i));
}

// Checksums are right, the contents are not: a writer's bug, or a forger's work.
struct Forged {
  Compressed made;
  std::uint64_t segment = 0;
  std::string bytes;
  std::size_t second = 0;  // offset of the frame behind the dictionary

  Forged() {
    made.make(2);
    made.write(2);
    segment = made.journal->current_segment();
    bytes = made.files.contents(path_of(segment));
    second = format::kSegmentHeaderBytes +
             static_cast<std::size_t>(first_frame_of(bytes, segment).frame_bytes());
  }
  void put_right(std::size_t at) {
    const std::uint32_t seed = frame_seed(test_store(), segment);
    std::uint32_t header = 0, payload = 0;
    for (int i = 3; i >= 0; --i) {
      header = header << 8 | static_cast<unsigned char>(bytes[at + 8 + i]);
      payload = payload << 8 | static_cast<unsigned char>(bytes[at + 12 + i]);
    }
    const std::string_view all = bytes;
    store32(crc32c(all.substr(at + header, format::aligned(payload)), seed), &bytes, at + 16);
    store32(crc32c(all.substr(at + 8, header - 8), seed), &bytes, at + 4);
  }
  std::string refusal() {
    made.files.set_contents(path_of(segment), bytes);
    JournalModel heard;
    const auto opened = Journal::open(made.files, small_options(), heard, nullptr);
    BOOST_REQUIRE(!opened.ok());
    const std::string text(opened.status().message());
    BOOST_TEST(text.find(path_of(segment)) != std::string::npos);
    return text;
  }
};

BOOST_AUTO_TEST_CASE(forged_frames_are_refused) {
  struct Case {
    const char* what;
    std::function<void(Forged*)> forge;
    const char* said;
  };
  const std::vector<Case> cases = {
      {"a codec of the future", [](Forged* f) { f->bytes[f->second + 20] = 2; }, "does not know"},
      {"another dictionary", [](Forged* f) { store32(77, &f->bytes, f->second + 68); },
       "a dictionary that its segment does not hold"},
      {"no dictionary", [](Forged* f) { store32(0, &f->bytes, f->second + 68); },
       "can't be decompressed"},
      {"another size", [](Forged* f) { store32(9, &f->bytes, f->second + 36); },
       "can't be decompressed"},
      {"no zstd frame", [](Forged* f) { f->bytes[f->second + 80] ^= 0x55; }, ""},
      {"raw, with a dictionary",
       [](Forged* f) {
         f->bytes[f->second + 20] = 0;
         f->bytes.replace(f->second + 36, 4, f->bytes, f->second + 12, 4);
       },
       "contradicts itself"},
      {"raw, of another size", [](Forged* f) { f->bytes[f->second + 20] = 0; },
       "contradicts itself"},
      {"a second dictionary", [](Forged* f) { f->bytes[f->second + 21] = 2; },
       "contradicts itself"},
  };
  for (const Case& c : cases) {
    BOOST_TEST_CONTEXT(c.what) {
      Forged forged;
      c.forge(&forged);
      forged.put_right(forged.second);
      BOOST_TEST(forged.refusal().find(c.said) != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_forged_dictionary_or_level_is_refused) {
  {
    Forged forged;
    forged.bytes[format::kSegmentHeaderBytes + 68] ^= 1;
    forged.put_right(format::kSegmentHeaderBytes);
    BOOST_TEST(forged.refusal().find("dictionary is none") != std::string::npos);
  }
  Forged forged;
  SegmentHeader header = header_of(forged.made.files, forged.segment);
  header.feature_level = format::kPlainLevel;
  std::string encoded;
  encode(header, &encoded);
  forged.bytes.replace(0, encoded.size(), encoded);
  BOOST_TEST(forged.refusal().find("contradicts its segment's header") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_dictionary_without_the_frame_behind_it_is_damage) {
  Forged forged;
  forged.bytes.replace(forged.second, forged.bytes.size() - forged.second,
                       forged.bytes.size() - forged.second, '\0');
  BOOST_TEST(forged.refusal().find("first frame is damaged") != std::string::npos);
}

}  // namespace
}  // namespace pawl::log
