// Kept files: what is committed reads back by group and index, what is damaged or half-written is
// never trusted, and of files that replace one another only the last is left.
#include "log/kept_file.h"

#include <boost/test/unit_test.hpp>
#include <set>

#include "base/limits.h"
#include "log/kept_files.h"
#include "log/names.h"
#include "log/old_entries.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

constexpr std::uint64_t kFirst = format::kKeptNumberBase + 1;

struct Entry {
  GroupId group;
  Term term;
  Index index;
  std::string payload;
};

// Of four groups, with gaps, in an order like a journal's.
std::vector<Entry> some_entries(int count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Entry> made;
  std::uint64_t last[4] = {};
  for (int i = 0; i < count; ++i) {
    const std::uint64_t group = random.below(4);
    last[group] += 1 + random.below(3);
    made.push_back({GroupId(static_cast<std::uint16_t>(group)), Term(1 + last[group] / 20),
                    Index(last[group]), test_record(&random)});
  }
  return made;
}

std::vector<KeptSpan> spans_of(const std::vector<Entry>& entries) {
  std::map<GroupId, Index> last;
  for (const Entry& entry : entries) last[entry.group] = entry.index;
  std::vector<KeptSpan> spans;
  for (const auto& [group, index] : last) spans.push_back({group, Index(0), index});
  return spans;
}

absl::StatusOr<KeptFile> write(MemoryFileSystem* files, std::uint64_t number,
                               const std::vector<Entry>& entries,
                               std::vector<std::uint64_t> replaces = {},
                               std::shared_ptr<const Dictionary> dictionary = nullptr) {
  KeptWriter writer(*files, kDirectory, test_store(), number, std::move(dictionary));
  for (const Entry& entry : entries) {
    absl::Status s = writer.append(entry.group, entry.term, entry.index, entry.payload);
    if (!s.ok()) return s;
  }
  return writer.commit(spans_of(entries), std::move(replaces), 5);
}

absl::StatusOr<KeptFile> read(MemoryFileSystem* files, std::uint64_t number) {
  const std::string path = join(kDirectory, segment_name(number));
  return read_kept_file(*files, kDirectory, test_store(), kFeatureLevel, number,
                        files->contents(path).size());
}

Source source() { return {kDirectory, test_store()}; }

// Ok, or why an entry can't be read; a wrong one is a failed check.
absl::Status check_entries(MemoryFileSystem* files, const KeptFile& file,
                           const std::vector<Entry>& entries) {
  const Source from = source();
  for (const Entry& entry : entries) {
    const auto place = file.places.find(file.number, entry.group, entry.index);
    if (!place) return absl::DataLossError("no place");
    const auto stored = read_entry(*files, from, *place, entry.group, entry.index);
    if (!stored.ok()) return stored.status();
    BOOST_REQUIRE((stored->term == entry.term && stored->payload == entry.payload));
  }
  return absl::OkStatus();
}

std::shared_ptr<const Dictionary> a_dictionary() {
  Random random(9);
  Sampler sampler(16 * limits::KiB);
  while (!sampler.full()) sampler.note(test_record(&random));
  TrainingSet samples = sampler.take();
  samples.dictionary_id = 40'000;
  samples.dictionary_bytes = 2 * limits::KiB;
  auto made = Dictionary::make(train_dictionary(samples));
  BOOST_REQUIRE(made != nullptr);
  return made;
}

BOOST_AUTO_TEST_SUITE(kept_file)

BOOST_AUTO_TEST_CASE(reads_back) {
  BOOST_TEST(segment_name(kFirst) == "kept-0000000000000001.seg");
  BOOST_TEST((parse_kept_name("kept-0000000000000001.seg") == kFirst));
  BOOST_TEST(!parse_kept_name("kept-0000000000000000.seg"));
  BOOST_TEST(!parse_kept_name("0000000000000001.seg"));
  BOOST_TEST(!parse_segment_name("kept-0000000000000001.seg"));
  for (const bool with_dictionary : {false, true}) {
    for (const int count : {0, 1, 40, 3'000}) {
      MemoryFileSystem files;
      const auto entries = some_entries(count, static_cast<std::uint64_t>(count));
      const auto made =
          write(&files, kFirst, entries, {}, with_dictionary ? a_dictionary() : nullptr);
      BOOST_REQUIRE_MESSAGE(made.ok(), made.status().ToString());
      const auto got = read(&files, kFirst);
      BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
      BOOST_TEST(got->entries == entries.size());
      BOOST_TEST(got->runs == 5u);
      BOOST_TEST((got->spans == made->spans));
      BOOST_TEST(got->bytes == made->bytes);
      BOOST_TEST(got->frames_end == made->frames_end);
      for (const KeptFile* file : {&*made, &*got}) {
        const absl::Status all = check_entries(&files, *file, entries);
        BOOST_TEST(all.ok(), all.ToString());
      }
      BOOST_TEST(files.paths().size() == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_was_replaced_is_not_found) {
  MemoryFileSystem files;
  const GroupId g(2);
  std::vector<Entry> entries;
  // Long enough for several frames before the log forks.
  for (std::uint64_t i = 1; i <= 40; ++i) {
    entries.push_back({g, Term(1), Index(i), std::string(9'000, static_cast<char>(i))});
  }
  entries.push_back({g, Term(2), Index(12), "twelve"});
  entries.push_back({g, Term(2), Index(14), "fourteen"});
  BOOST_REQUIRE(write(&files, kFirst, entries).ok());
  const auto file = read(&files, kFirst);
  BOOST_REQUIRE(file.ok());
  const auto place = file->places.find(kFirst, g, Index(14));
  BOOST_REQUIRE(place.has_value());
  const auto stored = read_entry(files, source(), *place, g, Index(14));
  BOOST_REQUIRE(stored.ok());
  BOOST_TEST(stored->payload == "fourteen");
  const auto gone = file->places.find(kFirst, g, Index(13));
  BOOST_TEST(!read_entry(files, source(), *gone, g, Index(13)).ok());
}

BOOST_AUTO_TEST_CASE(every_damaged_byte_is_refused_or_does_not_matter) {
  MemoryFileSystem files;
  const auto entries = some_entries(60, 3);
  BOOST_REQUIRE(write(&files, kFirst, entries, {}, a_dictionary()).ok());
  const std::string path = join(kDirectory, segment_name(kFirst));
  const std::string whole = files.contents(path);
  int refused = 0, harmless = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x24);
    files.set_contents(path, damaged);
    const auto file = read(&files, kFirst);
    const absl::Status found = file.ok() ? check_entries(&files, *file, entries) : file.status();
    if (found.ok()) {
      ++harmless;
      continue;
    }
    ++refused;
    BOOST_TEST_CONTEXT("byte " << at) {
      BOOST_TEST(found.message().find("kept-0000000000000001.seg") != std::string::npos,
                 found.message());
    }
  }
  BOOST_TEST(harmless == 0);
  BOOST_TEST_MESSAGE("damaged bytes refused: " << refused);
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    files.set_contents(path, whole.substr(0, bytes));
    BOOST_TEST_CONTEXT("cut to " << bytes) { BOOST_TEST(!read(&files, kFirst).ok()); }
  }
}

BOOST_AUTO_TEST_CASE(of_another_store_or_newer_is_refused) {
  MemoryFileSystem files;
  BOOST_REQUIRE(write(&files, kFirst, some_entries(9, 1)).ok());
  const auto bytes = files.contents(join(kDirectory, segment_name(kFirst))).size();
  const auto other = read_kept_file(files, kDirectory, test_store(9), kFeatureLevel, kFirst, bytes);
  BOOST_TEST(absl::IsFailedPrecondition(other.status()));
  const auto older = read_kept_file(files, kDirectory, test_store(), 4, kFirst, bytes);
  BOOST_TEST(absl::IsFailedPrecondition(older.status()));
  files.set_contents(join(kDirectory, segment_name(kFirst + 1)),
                     files.contents(join(kDirectory, segment_name(kFirst))));
  BOOST_TEST(absl::IsDataLoss(read(&files, kFirst + 1).status()));
}

// One file is made into another: at every operation the power goes, and at every one the disk fails
// once.
BOOST_AUTO_TEST_CASE(a_crash_leaves_the_old_or_the_new) {
  const auto entries = some_entries(30, 7);
  int stops = 0, old_left = 0, new_left = 0;
  for (const bool power : {true, false}) {
    for (std::uint64_t stop = 0, through = 0; through == 0; ++stop) {
      MemoryFileSystem files;
      BOOST_REQUIRE(write(&files, kFirst, entries).ok());
      files.reset_operations();
      if (power) {
        files.stop_at(stop);
      } else {
        files.fail_operation(stop, absl::UnavailableError("EIO"));
      }
      const auto made = write(&files, kFirst + 1, entries, {kFirst});
      if (made.ok()) (void)files.remove(join(kDirectory, segment_name(kFirst)));
      through = files.operations() <= stop ? 1 : 0;
      Random fate(stop);
      files.stop_at(~std::uint64_t{0});
      files.crash(&fate);
      KeptFiles kept;
      const absl::Status loaded = kept.load(files, kDirectory, test_store(), kFeatureLevel);
      BOOST_REQUIRE_MESSAGE(loaded.ok(), loaded.ToString());
      BOOST_REQUIRE(kept.files().size() == 1u);
      (kept.files().front().number == kFirst ? old_left : new_left) += 1;
      const absl::Status all = check_entries(&files, kept.files().front(), entries);
      BOOST_TEST(all.ok(), all.ToString());
      BOOST_TEST(files.paths().size() == 1u);
      ++stops;
    }
  }
  BOOST_TEST(old_left > 0);
  BOOST_TEST(new_left > 0);
  BOOST_TEST_MESSAGE("crashes and failures: " << stops);
}

BOOST_AUTO_TEST_CASE(what_came_with_a_snapshot_that_is_not_there_is_left_alone) {
  MemoryFileSystem files;
  KeptWriter writer(files, kDirectory, test_store(), kFirst, nullptr);
  BOOST_REQUIRE(writer.append(GroupId(1), Term(1), Index(3), "three").ok());
  BOOST_REQUIRE(writer.commit({{GroupId(1), Index(0), Index(9), true}}, {}, 0).ok());
  for (const std::uint64_t snapshot : {0, 8, 9, 12}) {
    KeptFiles kept;
    const std::vector<Index> snapshots{Index(0), Index(snapshot)};
    const bool there = snapshot >= 9;
    BOOST_REQUIRE(kept.load(files, kDirectory, test_store(), kFeatureLevel, &snapshots).ok());
    BOOST_TEST(kept.files().size() == (there ? 1u : 0u));
    BOOST_TEST(kept.installed_through(GroupId(1)).v == (there ? 9u : 0u));
    BOOST_TEST(kept.take_number() == kFirst + 1);
    BOOST_TEST(files.paths().size() == 1u);
  }
}

// As builds of before made them: passes over deleted data have to know of it.
BOOST_AUTO_TEST_CASE(a_file_that_holds_more_than_it_speaks_for_is_known) {
  const GroupId group(1), other(2);
  const std::pair<KeptSpan, bool> cases[] = {{{group, Index(0), Index(9)}, false},
                                             {{group, Index(2), Index(9)}, false},
                                             {{group, Index(3), Index(9)}, true},
                                             {{other, Index(0), Index(9)}, true}};
  for (const auto& [span, more] : cases) {
    MemoryFileSystem files;
    KeptWriter writer(files, kDirectory, test_store(), kFirst, nullptr);
    for (const std::uint64_t i : {3, 5}) {
      BOOST_REQUIRE(writer.append(group, Term(1), Index(i), "an entry").ok());
    }
    BOOST_REQUIRE(writer.commit({span}, {}, 0).ok());
    KeptFiles kept;
    BOOST_REQUIRE(kept.load(files, kDirectory, test_store(), kFeatureLevel).ok());
    BOOST_REQUIRE(kept.files().size() == 1u);
    BOOST_TEST(kept.files().front().has_void == more);
  }
}

BOOST_AUTO_TEST_CASE(the_newest_file_that_speaks_for_an_index_has_it) {
  MemoryFileSystem files;
  KeptFiles kept;
  BOOST_TEST(kept.take_number() == kFirst);
  const auto entries = some_entries(30, 7);
  kept.add(*write(&files, kFirst, entries));
  const KeptSpan span = kept.files().front().spans.front();
  BOOST_TEST(kept.through(span.group).v == span.through.v);
  BOOST_TEST(kept.holder(span.group, span.through) == kFirst);
  BOOST_TEST(kept.holder(span.group, span.through.next()) == 0u);
  BOOST_TEST(kept.through(GroupId(60)).v == 0u);
  kept.add(*write(&files, kept.take_number(), entries, {kFirst}));
  BOOST_TEST(kept.files().size() == 1u);
  BOOST_TEST(kept.holder(span.group, span.through) == kFirst + 1);
}

// What came with a snapshot may be taken over late: meanwhile a file with a later number was made
// of a log that ends before the snapshot, or behind which the snapshot's runs are not known.
BOOST_AUTO_TEST_CASE(what_came_with_a_snapshot_speaks_for_all_before_it) {
  const GroupId group(1), other(2);
  for (const std::uint64_t own : {4, 9}) {
    MemoryFileSystem files;
    KeptFiles kept;
    const auto make = [&](std::uint64_t number, std::vector<KeptSpan> spans) {
      KeptWriter writer(files, kDirectory, test_store(), number, nullptr);
      BOOST_REQUIRE(writer.append(group, Term(1), Index(3), "three").ok());
      auto made = writer.commit(std::move(spans), {}, 0);
      BOOST_REQUIRE(made.ok());
      return *std::move(made);
    };
    const KeptFile installed = make(kFirst, {{group, Index(0), Index(9), true}});
    kept.add(make(kFirst + 1, {{group, Index(0), Index(own)}, {other, Index(0), Index(7)}}));
    kept.add(make(kFirst + 2, {{group, Index(9), Index(12)}}));
    kept.add(installed);
    KeptFiles loaded;
    BOOST_REQUIRE(loaded.load(files, kDirectory, test_store(), kFeatureLevel).ok());
    for (const KeptFiles* each : {&kept, &loaded}) {
      BOOST_TEST_CONTEXT("through " << own << (each == &loaded ? " after a start" : "")) {
        for (std::uint64_t i = 1; i <= 9; ++i) BOOST_TEST(each->holder(group, Index(i)) == kFirst);
        BOOST_TEST(each->find(group, Index(3))->segment == kFirst);
        for (const std::uint64_t i : {10, 12}) {
          BOOST_TEST(each->holder(group, Index(i)) == kFirst + 2);
        }
        BOOST_TEST(each->holder(other, Index(7)) == kFirst + 1);
      }
    }
  }
}

// The disk thread renames the files before the loop hears of it: a place in them is of no use.
BOOST_AUTO_TEST_CASE(segments_that_are_to_go_are_not_read_from) {
  MemoryFileSystem files;
  JournalModel model;
  auto opened = Journal::open(files, small_options(), model, nullptr);
  BOOST_REQUIRE(opened.ok());
  Journal& journal = **opened;
  Random random(5);
  while (journal.current_segment() < 4) {
    queue_records(&random, &journal, &model, 40);
    while (*flush(files, &journal)) continue;
  }
  const GroupId group(1);
  const Index through(journal.first_index_in(group, 3).v - 1);
  BOOST_REQUIRE(through.v > 1);
  KeptWriter writer(files, kDirectory, test_store(), journal.take_kept_number(), nullptr);
  BOOST_REQUIRE(writer.append(group, Term(1), through, "kept").ok());
  auto kept = writer.commit({{group, Index(0), through}}, {}, 0);
  BOOST_REQUIRE(kept.ok());
  journal.add_kept(*std::move(kept));
  BOOST_TEST(journal.place(group, through)->segment < 3u);
  journal.recycle_below(3);
  BOOST_TEST(journal.place(group, through)->segment == kFirst);
  BOOST_TEST(!journal.place(group, Index(1)).has_value());
  BOOST_TEST(journal.first_index(group).v == through.v + 1);
  BOOST_TEST(journal.place(group, through.next())->segment == 3u);
}

// A journal's old segments looked at in steps of every size give all entries in order.
BOOST_AUTO_TEST_CASE(segments_are_walked_in_steps) {
  MemoryFileSystem files;
  JournalModel heard;
  auto opened = Journal::open(files, small_options(), heard, nullptr);
  BOOST_REQUIRE(opened.ok());
  Journal& journal = **opened;
  journal.allow_compression();
  Random random(5);
  JournalModel model;
  while (journal.current_segment() < 4) {
    queue_records(&random, &journal, &model, 8);
    while (*flush(files, &journal)) train(&journal);
  }
  for (const std::size_t bytes_max : {std::size_t{1}, std::size_t{5'000}, limits::MiB}) {
    JournalModel walked;
    for (std::uint64_t segment = 1; segment <= 4; ++segment) {
      WalkStep step{segment, format::kSegmentHeaderBytes, journal.segment_end(segment), 7,
                    bytes_max};
      while (step.from < step.until) {
        const auto looked = look(files, journal.source(), step, [](auto) { return Index(1); });
        BOOST_REQUIRE_MESSAGE(looked.ok(), looked.status().ToString());
        BOOST_REQUIRE(looked->next > step.from);
        for (const OldEntry& entry : looked->entries) {
          BOOST_TEST(journal.is_current(entry.frame, entry.group, entry.index));
          (void)walked.on_entry(entry.group, entry.term, entry.index,
                                looked->payloads.substr(entry.at, entry.bytes));
        }
        step.from = looked->next;
      }
    }
    BOOST_TEST((walked.groups == model.groups));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::log
