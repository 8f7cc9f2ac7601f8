// The journal on a healthy disk: what goes in comes out, in one frame a batch, and rotation,
// recycling and reading by place do what their comments say.
#include <boost/test/unit_test.hpp>

#include "log/format.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

struct Opened {
  std::unique_ptr<Journal> journal;
  JournalModel heard;
  RecoveryReport report;
};

Opened open(MemoryFileSystem* files, const JournalOptions& options = small_options()) {
  Opened opened;
  auto journal = Journal::open(*files, options, opened.heard, &opened.report);
  BOOST_REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
  opened.journal = std::move(*journal);
  return opened;
}

void drain(MemoryFileSystem* files, Journal* journal) {
  for (;;) {
    const auto went = flush(*files, journal);
    BOOST_REQUIRE_MESSAGE(went.ok(), went.status().ToString());
    if (!*went) return;
  }
}

template <class Op>
std::size_t count(const Batch& batch) {
  std::size_t n = 0;
  for (const Operation& operation : batch.operations) n += std::holds_alternative<Op>(operation);
  return n;
}

BOOST_AUTO_TEST_CASE(a_new_journal_is_empty_and_small) {
  MemoryFileSystem files;
  JournalOptions options = small_options();
  options.segment_bytes = limits::kSegmentBytesDefault;
  const Opened first = open(&files, options);
  BOOST_TEST(first.report.created);
  BOOST_TEST(!first.journal->pending());
  BOOST_TEST(first.journal->begin_batch() == nullptr);
  BOOST_TEST(first.journal->begin_background() == nullptr);
  BOOST_TEST(files.paths().size() == 1u);
  BOOST_TEST(first.journal->stats().zero_fill_bytes == limits::kSegmentBytesFirst);
  const Opened second = open(&files, options);
  BOOST_TEST(!second.report.created);
  BOOST_TEST(second.report.frames == 1u);
  BOOST_TEST(second.report.torn_bytes_cut == 0u);
}

BOOST_AUTO_TEST_CASE(one_batch_is_one_write_and_one_sync) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  journal.append(GroupId(1), Term(1), Index(1), "a");
  journal.append(GroupId(2), Term(3), Index(1), "b");
  journal.append(GroupId(1), Term(1), Index(2), "c");
  journal.save_hard_state(GroupId(2), HardState{Term(3), NodeId(5)});
  const Batch* batch = journal.begin_batch();
  BOOST_REQUIRE(batch != nullptr);
  BOOST_TEST(count<WriteFile>(*batch) == 1u);
  BOOST_TEST(count<SyncFile>(*batch) == 1u);
  BOOST_TEST(batch->operations.size() == 2u);
  // What queues meanwhile waits for the next one.
  journal.append(GroupId(1), Term(1), Index(3), "d");
  BOOST_TEST(journal.begin_batch() == nullptr);
  BOOST_TEST(journal.begin_background() == nullptr);
  BOOST_TEST(journal.last_index(GroupId(1)).v == 0u);
  BOOST_REQUIRE(execute(files, *batch).ok());
  const auto durable = journal.completed(batch->id);
  BOOST_REQUIRE(durable.size() == 2u);
  BOOST_TEST(durable[0].group.v == 1u);
  BOOST_TEST(durable[0].last.v == 2u);
  BOOST_TEST(durable[0].term.v == 1u);
  BOOST_TEST(!durable[0].hard_state.has_value());
  BOOST_TEST(durable[1].last.v == 1u);
  BOOST_TEST((durable[1].hard_state == HardState{Term(3), NodeId(5)}));
  BOOST_TEST(journal.last_index(GroupId(1)).v == 2u);
  BOOST_TEST(journal.pending());
  drain(&files, &journal);
  BOOST_TEST(journal.last_index(GroupId(1)).v == 3u);

  const Opened again = open(&files);
  BOOST_TEST(again.heard.last(1) == 3u);
  BOOST_TEST(again.heard.groups.at(1).entries.at(3).second == "d");
  BOOST_TEST((again.journal->hard_state(GroupId(2)) == HardState{Term(3), NodeId(5)}));
  BOOST_TEST(again.report.entries == 4u);
}

BOOST_AUTO_TEST_CASE(overwritten_indexes_truncate) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  for (std::uint64_t i = 1; i <= 9; ++i) journal.append(GroupId(0), Term(1), Index(i), "old");
  drain(&files, &journal);
  journal.append(GroupId(0), Term(2), Index(4), "new");
  journal.append(GroupId(0), Term(2), Index(5), "gone too");
  journal.append(GroupId(0), Term(3), Index(5), "newest");
  drain(&files, &journal);
  BOOST_TEST(journal.last_index(GroupId(0)).v == 5u);
  BOOST_TEST(!journal.place(GroupId(0), Index(6)).has_value());
  const auto check = [&](const Journal& j, std::uint64_t index, const char* expected) {
    const auto place = j.place(GroupId(0), Index(index));
    BOOST_REQUIRE(place.has_value());
    const auto entry = read_entry(files, j.source(), *place, GroupId(0), Index(index));
    BOOST_REQUIRE(entry.ok());
    BOOST_TEST(entry->payload == expected);
  };
  const Opened again = open(&files);
  for (const Journal* j : {&journal, again.journal.get()}) {
    check(*j, 3, "old");
    check(*j, 4, "new");
    check(*j, 5, "newest");
  }
  BOOST_TEST(again.heard.last(0) == 5u);
}

BOOST_AUTO_TEST_CASE(large_batches_are_split_in_order) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  const std::string large(limits::kEntryBytesMax, 'x');
  for (std::uint64_t i = 1; i <= 5; ++i) journal.append(GroupId(1), Term(1), Index(i), large);
  BOOST_TEST(journal.queued_bytes() > 5 * large.size());
  drain(&files, &journal);
  BOOST_TEST(journal.stats().frames == 1u + 5u);
  BOOST_TEST(journal.queued_bytes() == 0u);
  for (std::uint64_t i = 6; i < 6u + limits::kBatchEntriesMax + 10; ++i) {
    journal.append(GroupId(1), Term(1), Index(i), "");
  }
  drain(&files, &journal);
  BOOST_TEST(journal.stats().frames == 1u + 5u + 2u);
  const Opened again = open(&files);
  BOOST_TEST(again.heard.last(1) == 15u + limits::kBatchEntriesMax);
  BOOST_TEST((again.heard.groups.at(1).entries.at(5).second == large));
}

BOOST_AUTO_TEST_CASE(hard_states_are_repeated_at_each_head) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  journal.save_hard_state(GroupId(3), HardState{Term(8), NodeId(2)});
  journal.save_hard_state(GroupId(4), HardState{Term(1), NodeId(0)});
  drain(&files, &journal);
  std::uint64_t index = 0;
  while (journal.current_segment() < 4) {
    journal.append(GroupId(1), Term(1), Index(++index), std::string(5000, 'p'));
    drain(&files, &journal);
  }
  journal.recycle_below(4);
  BOOST_TEST(journal.pending());
  drain(&files, &journal);
  BOOST_TEST(!files.exists(join(kDirectory, segment_name(1))));
  BOOST_TEST(!files.exists(join(kDirectory, segment_name(3))));
  const Opened again = open(&files);
  BOOST_TEST((again.heard.groups.at(3).state == HardState{Term(8), NodeId(2)}));
  BOOST_TEST((again.heard.groups.at(4).state == HardState{Term(1), NodeId(0)}));
  BOOST_TEST(again.heard.last(1) == index);
}

BOOST_AUTO_TEST_CASE(recycled_segments_cost_no_zeros) {
  MemoryFileSystem files;
  JournalOptions options = small_options();
  options.segment_bytes = 1 * limits::MiB;
  const Opened opened = open(&files, options);
  Journal& journal = *opened.journal;
  std::uint64_t index = 0;
  std::uint64_t zeros = 0;
  while (journal.current_segment() < 9) {
    journal.append(GroupId(1), Term(1), Index(++index), std::string(9000, 'p'));
    drain(&files, &journal);
    if (journal.current_segment() == 4) zeros = journal.stats().zero_fill_bytes;
    if (journal.current_segment() > 2) journal.recycle_below(journal.current_segment() - 1);
  }
  BOOST_TEST(journal.stats().zero_fill_bytes == zeros);
  BOOST_TEST(journal.stats().segments_recycled >= 5u);
  BOOST_TEST(journal.stats().spares <= static_cast<std::uint64_t>(limits::kSpareSegmentsMax));
  // Stale frames of a segment's former life are not heard again.
  const Opened again = open(&files, options);
  BOOST_TEST(again.heard.last(1) == index);
  BOOST_TEST(again.report.torn_bytes_cut == 0u);
  BOOST_TEST(again.journal->place(GroupId(1), Index(1)).has_value() == false);
  BOOST_TEST(again.journal->segment_of(GroupId(1), Index(index)) == 9u);
  BOOST_TEST(again.journal->segment_of(GroupId(7), Index(1)) == 9u);
}

BOOST_AUTO_TEST_CASE(room_is_made_ahead_so_that_rotation_is_one_write) {
  for (const Preallocate how : {Preallocate::kZero, Preallocate::kFallocate}) {
    MemoryFileSystem files;
    JournalOptions options = small_options();
    options.segment_bytes = 1 * limits::MiB;
    options.preallocate = how;
    const Opened opened = open(&files, options);
    Journal& journal = *opened.journal;
    std::uint64_t index = 0;
    std::size_t allocations_in_rotation = 0;
    while (journal.current_segment() < 4) {
      journal.append(GroupId(1), Term(1), Index(++index), std::string(3000, 'p'));
      const Batch* batch = journal.begin_batch();
      if (count<RenameFile>(*batch) > 0) {
        BOOST_TEST(count<SyncFile>(*batch) == 2u);
        BOOST_TEST(count<SyncDirectory>(*batch) == 1u);
        allocations_in_rotation += count<AllocateFile>(*batch);
      }
      BOOST_REQUIRE(execute(files, *batch).ok());
      journal.completed(batch->id);  // never a quiet moment: no begin_background()
    }
    BOOST_TEST(allocations_in_rotation == 0u);
    BOOST_TEST((journal.stats().allocated_bytes > 0) == (how == Preallocate::kFallocate));
    BOOST_TEST(open(&files, options).heard.last(1) == index);
  }
}

BOOST_AUTO_TEST_CASE(room_that_can_t_be_made_ahead_is_done_without) {
  MemoryFileSystem files;
  JournalOptions options = small_options();
  options.segment_bytes = 1 * limits::MiB;
  const Opened opened = open(&files, options);
  Journal& journal = *opened.journal;
  journal.append(GroupId(1), Term(1), Index(1), std::string(150'000, 'p'));
  BOOST_REQUIRE(*flush(files, &journal));
  files.set_capacity(0);
  const Batch* batch = journal.begin_background();
  BOOST_REQUIRE(batch != nullptr);
  BOOST_TEST(batch->background);
  BOOST_TEST(absl::IsResourceExhausted(execute(files, *batch)));
  BOOST_TEST(journal.lacked_room(batch->id) == nullptr);
  BOOST_TEST(journal.begin_background() == nullptr);
  journal.append(GroupId(1), Term(1), Index(2), "still room here");
  BOOST_REQUIRE(*flush(files, &journal));
  BOOST_TEST(journal.begin_background() == nullptr);  // not before room is expected
  files.set_capacity(MemoryFileSystem::kCapacityBytes);
  journal.expect_room();
  BOOST_TEST(journal.begin_background() != nullptr);
}

// Frames of a full disk: each is tried until there is room, and then is on the disk, whole and
// once.
BOOST_AUTO_TEST_CASE(a_frame_without_room_waits_and_is_written_once_there_is_some) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    MemoryFileSystem files;
    JournalOptions options = small_options();
    Random random(seed);
    options.preallocate = random.chance(0.5) ? Preallocate::kZero : Preallocate::kFallocate;
    const Opened opened = open(&files, options);
    Journal& journal = *opened.journal;
    int lacked = 0;
    std::uint64_t index = 0;
    std::map<std::uint64_t, std::string> written;
    while (lacked < 20) {
      files.set_capacity(files.used_bytes() + random.below(2 * options.segment_bytes));
      const std::string payload(random.between(1, 20'000), static_cast<char>('a' + index % 26));
      journal.append(GroupId(1), Term(1), Index(++index), payload);
      written[index] = payload;
      if (random.chance(0.3)) journal.save_hard_state(GroupId(1), {Term(index), NodeId(1)});
      const Batch* batch = journal.begin_batch();
      BOOST_REQUIRE(batch != nullptr);
      for (absl::Status status = execute(files, *batch); !status.ok();
           status = execute(files, *batch)) {
        BOOST_REQUIRE(absl::IsResourceExhausted(status));
        ++lacked;
        const Batch* again = journal.lacked_room(batch->id);
        BOOST_REQUIRE(again == batch);
        BOOST_TEST(journal.begin_batch() == nullptr);
        BOOST_TEST(journal.begin_background() == nullptr);
        // What is promised is there, whatever happens while it waits.
        MemoryFileSystem meanwhile = files.copy();
        meanwhile.crash(&random);
        BOOST_REQUIRE_EQUAL(open(&meanwhile, options).heard.last(1),
                            journal.last_index(GroupId(1)).v);
        if (random.chance(0.5)) {
          journal.append(GroupId(1), Term(1), Index(++index), "came meanwhile");
          written[index] = "came meanwhile";
        }
        files.set_capacity(files.used_bytes() + random.below(3 * options.segment_bytes));
      }
      journal.completed(batch->id);
      if (random.chance(0.5)) journal.expect_room();
      files.set_capacity(MemoryFileSystem::kCapacityBytes);
      if (random.chance(0.5)) drain(&files, &journal);
    }
    drain(&files, &journal);
    const Opened again = open(&files, options);
    BOOST_REQUIRE_EQUAL(again.heard.last(1), index);
    for (const auto& [at, payload] : written) {
      BOOST_REQUIRE(again.heard.groups.at(1).entries.at(at).second == payload);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_room_for_anything_but_an_allocation_is_a_failure) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  opened.journal->append(GroupId(1), Term(1), Index(1), "a");
  const Batch* batch = opened.journal->begin_batch();
  BOOST_REQUIRE(std::holds_alternative<WriteFile>(batch->operations.at(0)));
  files.reset_operations();
  files.fail_operation(0, absl::ResourceExhaustedError("a file system that copies on write"));
  const absl::Status status = execute(files, *batch);
  BOOST_TEST(absl::IsUnavailable(status));
  BOOST_TEST(status.message().find("made to fail") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(marks_are_written_once) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  journal.mark_synced();
  BOOST_TEST(!journal.pending());  // the first frame is one
  journal.append(GroupId(1), Term(1), Index(1), "a");
  drain(&files, &journal);
  journal.mark_synced();
  BOOST_TEST(journal.pending());
  drain(&files, &journal);
  journal.mark_synced();
  BOOST_TEST(!journal.pending());
  const Opened again = open(&files);
  again.journal->mark_synced();
  BOOST_TEST(!again.journal->pending());
}

BOOST_AUTO_TEST_CASE(a_gap_after_an_installed_snapshot_is_kept) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  opened.journal->append(GroupId(1), Term(1), Index(5), "five");
  drain(&files, opened.journal.get());
  opened.journal->append(GroupId(1), Term(4), Index(100), "hundred");
  drain(&files, opened.journal.get());
  const Opened again = open(&files);
  BOOST_TEST(again.heard.groups.at(1).entries.size() == 2u);
  BOOST_TEST(!again.journal->place(GroupId(1), Index(4)).has_value());
  const auto place = again.journal->place(GroupId(1), Index(50));
  BOOST_REQUIRE(place.has_value());
  BOOST_TEST(absl::IsNotFound(
      read_entry(files, again.journal->source(), *place, GroupId(1), Index(50)).status()));
}

BOOST_AUTO_TEST_CASE(a_log_that_begins_anew_has_nothing_of_before) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  for (std::uint64_t i = 1; i <= 9; ++i) journal.append(GroupId(1), Term(2), Index(i), "old");
  journal.append(GroupId(2), Term(1), Index(1), "other");
  drain(&files, &journal);
  // In one frame with what comes before it in time, there would be no telling.
  journal.append(GroupId(1), Term(2), Index(10), "old");
  journal.begin_log(GroupId(1), {Term(3), Index(7)});
  BOOST_TEST(journal.has_logs_to_begin());
  journal.append(GroupId(1), Term(3), Index(8), "new");
  drain(&files, &journal);
  BOOST_TEST(!journal.has_logs_to_begin());
  const Opened again = open(&files);
  BOOST_TEST(again.heard.groups.at(1).entries.size() == 1u);
  BOOST_TEST((again.heard.groups.at(1).begin == LogEnd{Term(3), Index(7)}));
  BOOST_TEST(again.heard.groups.at(2).entries.size() == 1u);
  for (const Journal* j : {&journal, again.journal.get()}) {
    BOOST_TEST(j->last_index(GroupId(1)).v == 8u);
    BOOST_TEST(j->first_index(GroupId(1)).v == 8u);
    for (const std::uint64_t index : {1, 7, 9, 10}) {
      BOOST_TEST(!j->place(GroupId(1), Index(index)).has_value());
    }
    const auto place = j->place(GroupId(1), Index(8));
    BOOST_REQUIRE(place.has_value());
    const auto entry = read_entry(files, j->source(), *place, GroupId(1), Index(8));
    BOOST_REQUIRE(entry.ok());
    BOOST_TEST(entry->payload == "new");
  }
}

BOOST_AUTO_TEST_CASE(reading_a_recycled_place_finds_nothing) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  journal.append(GroupId(1), Term(1), Index(1), "first");
  drain(&files, &journal);
  const auto place = journal.place(GroupId(1), Index(1));
  BOOST_REQUIRE(place.has_value());
  std::uint64_t index = 1;
  while (journal.current_segment() < 2) {
    journal.append(GroupId(1), Term(1), Index(++index), std::string(5000, 'p'));
    drain(&files, &journal);
  }
  journal.recycle_below(2);
  drain(&files, &journal);
  const auto read = read_entry(files, journal.source(), *place, GroupId(1), Index(1));
  BOOST_TEST(absl::IsNotFound(read.status()));
  // Who asks afterwards is told at once, and what came later is found.
  BOOST_TEST(!journal.place(GroupId(1), Index(1)).has_value());
  BOOST_TEST(journal.place(GroupId(1), Index(index)).has_value());
}

BOOST_AUTO_TEST_CASE(damage_found_while_reading_is_named) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  opened.journal->append(GroupId(1), Term(1), Index(1), std::string(300, 'z'));
  drain(&files, opened.journal.get());
  const auto place = opened.journal->place(GroupId(1), Index(1));
  BOOST_REQUIRE(place.has_value());
  const std::string path = join(kDirectory, segment_name(1));
  std::string damaged = files.contents(path);
  damaged[place->offset + 200] ^= 4;
  files.set_contents(path, damaged);
  const auto read = read_entry(files, opened.journal->source(), *place, GroupId(1), Index(1));
  BOOST_TEST(absl::IsDataLoss(read.status()));
  BOOST_TEST(std::string(read.status().message()).find(path) != std::string::npos);
}

// However much is queued, now and later: what was there before is written before.
BOOST_AUTO_TEST_CASE(what_is_queued_already_goes_into_the_segments_of_before) {
  MemoryFileSystem files;
  const Opened opened = open(&files);
  Journal& journal = *opened.journal;
  const std::string text(2 * limits::MiB, 'q');  // four to a frame
  std::uint64_t index = 0;
  for (const bool under_way : {false, true}) {
    const std::uint64_t segment = journal.current_segment();
    for (int i = 0; i < 6; ++i) journal.append(GroupId(1), Term(1), Index(++index), text);
    const Batch* batch = under_way ? journal.begin_batch() : nullptr;
    const std::uint64_t before = index;
    journal.recycle_below(journal.current_segment());
    journal.begin_afresh();
    for (int i = 0; i < 6; ++i) journal.append(GroupId(1), Term(1), Index(++index), text);
    if (batch != nullptr) {
      BOOST_REQUIRE(execute(files, *batch).ok());
      journal.completed(batch->id);
    }
    drain(&files, &journal);
    const std::uint64_t afresh = journal.afresh_from();
    BOOST_TEST(afresh > segment);
    BOOST_TEST(journal.place(GroupId(1), Index(before))->segment < afresh);
    BOOST_TEST(journal.place(GroupId(1), Index(before + 1))->segment == afresh);
    BOOST_TEST(journal.last_index(GroupId(1)).v == index);
    for (std::uint64_t i = before + 1; i <= index; ++i) {
      const auto place = journal.place(GroupId(1), Index(i));
      BOOST_REQUIRE(place.has_value());
      BOOST_TEST(read_entry(files, journal.source(), *place, GroupId(1), Index(i)).ok());
    }
    for (const std::string& path : files.paths()) {
      const bool is_spare = path.find(format::kSparePrefix) != std::string::npos;
      BOOST_TEST((!is_spare || files.contents(path).find("qqqq") == std::string::npos), path);
    }
  }
}

// Nothing of before is in a file that comes from then on: no spare, no stale end, no dictionary.
BOOST_AUTO_TEST_CASE(a_journal_that_begins_afresh_has_nothing_of_before) {
  MemoryFileSystem files;
  Opened opened = open(&files);
  Journal& journal = *opened.journal;
  journal.allow_compression();
  std::uint64_t index = 0;
  const auto write = [&](const std::string& text) {
    journal.append(GroupId(1), Term(1), Index(++index), text);
    drain(&files, &journal);
    train(&journal);
  };
  const auto any_has = [&files](std::string_view text) {
    for (const std::string& path : files.paths()) {
      if (files.contents(path).find(text) != std::string::npos) return true;
    }
    return false;
  };
  while (journal.current_segment() < 6) {
    write("a needle " + std::to_string(index) + std::string(900, 'p'));
    if (journal.current_segment() > 2) journal.recycle_below(journal.current_segment() - 1);
  }
  journal.recycle_below(journal.current_segment() - 1);
  drain(&files, &journal);
  write("a needle that makes files go");
  BOOST_REQUIRE(any_has("a needle"));
  BOOST_REQUIRE(journal.stats().spares > 0u);
  const std::uint64_t last = journal.current_segment();
  BOOST_TEST(journal.afresh_from() == 0u);
  journal.begin_afresh();
  BOOST_TEST(journal.pending());
  drain(&files, &journal);
  BOOST_TEST(journal.afresh_from() == last + 1);
  BOOST_TEST(journal.current_segment() == last + 1);
  BOOST_TEST(journal.first_file() <= last);
  journal.recycle_below(last + 1);
  drain(&files, &journal);
  for (int i = 0; i < 100; ++i) write("something else, of a kind that is often there");
  BOOST_TEST(journal.first_file() == last + 1);
  BOOST_TEST(!any_has("a needle"));
  MemoryFileSystem copy = files.copy();
  BOOST_TEST(open(&copy).heard.last(1) == index);
  // From now on files are used again.
  while (journal.current_segment() < last + 6) {
    write("one more " + std::to_string(index) + std::string(900, 'p'));
  }
  journal.recycle_below(last + 5);
  write("one more, and files go");
  write("one more, and files go");
  BOOST_TEST(journal.stats().spares > 0u);
}

BOOST_AUTO_TEST_CASE(extra_spares_are_removed_at_open) {
  MemoryFileSystem files;
  open(&files);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    files.set_contents(join(kDirectory, spare_name(i)), "anything");
  }
  const Opened again = open(&files);
  BOOST_TEST(again.journal->stats().spares ==
             static_cast<std::uint64_t>(limits::kSpareSegmentsMax));
  BOOST_TEST(files.paths().size() == 1u + limits::kSpareSegmentsMax);
}

}  // namespace
}  // namespace pawl::log
