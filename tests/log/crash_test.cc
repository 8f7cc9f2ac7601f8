// Power loss at every operation, with every fate of what was not synced yet (by seeds): what was
// completed is there, what was under way is there whole or not at all, and the journal goes on.
#include <boost/test/unit_test.hpp>
#include <map>

#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

constexpr int kBatches = 110;
constexpr std::size_t kPayloadBytes = 2500;

struct Life {
  JournalModel durable;    // completed
  JournalModel under_way;  // and what was handed to the disk last
  std::map<std::uint16_t, std::uint64_t> kept_from;
  bool compressed = false;
};

// Keeps the last ten entries of each group and gives up the segments before them.
void recycle(Journal* journal, Life* life) {
  std::uint64_t needed = journal->current_segment();
  for (const auto& [group, content] : life->durable.groups) {
    const std::uint64_t last = life->durable.last(group);
    const std::uint64_t from = last > 10 ? last - 10 : 1;
    life->kept_from[group] = std::max(life->kept_from[group], from);
    needed = std::min(needed, journal->segment_of(GroupId(group), Index(from)));
  }
  journal->recycle_below(needed);
}

// Writes until all batches are through or the disk stops. Returns whether it got through.
bool live(MemoryFileSystem* files, Journal* journal, Random* random, int batches, Life* life) {
  if (life->compressed) journal->allow_compression();
  for (int i = 0; i < batches; ++i) {
    queue_random(random, journal, &life->under_way, kPayloadBytes);
    // Many records a batch, so that segments fill though they shrink.
    if (life->compressed) queue_records(random, journal, &life->under_way, 16);
    for (;;) {
      const absl::StatusOr<bool> went = flush(*files, journal);
      if (!went.ok()) return false;
      if (!journal->pending()) life->durable = life->under_way;
      if (!*went) break;
    }
    if (life->compressed) train(journal);
    if (i % 7 == 6) recycle(journal, life);
  }
  return true;
}

JournalOptions options() {
  JournalOptions made = small_options();
  made.segment_bytes = limits::kSegmentBytesMin;
  return made;
}

// Everything that must be there is there, and can be read back by place.
void check_places(MemoryFileSystem* files, const Journal& journal, const Life& life) {
  const JournalModel needed = life.durable.from(life.kept_from);
  for (const auto& [group, content] : needed.groups) {
    for (const auto& [index, entry] : content.entries) {
      const auto place = journal.place(GroupId(group), Index(index));
      BOOST_REQUIRE(place.has_value());
      const auto read = read_entry(*files, journal.source(), *place, GroupId(group), Index(index));
      BOOST_REQUIRE_MESSAGE(read.ok(), read.status().ToString());
      BOOST_REQUIRE(read->term.v == entry.first && read->payload == entry.second);
    }
  }
}

// One life cut short at operation `stop`, one recovery (also cut short at times), one more life.
// False if the first life got through: there is no such operation.
bool run(std::uint64_t stop, std::uint64_t seed, bool compressed) {
  BOOST_TEST_CONTEXT("stop " << stop << " seed " << seed) {
    MemoryFileSystem files;
    Random workload(1);
    Random fate(seed * 1'000'003 + stop);
    Life life;
    life.compressed = compressed;
    bool through = false;
    {
      files.stop_at(stop);
      JournalModel heard;
      auto journal = Journal::open(files, options(), heard, nullptr);
      if (journal.ok()) through = live(&files, journal->get(), &workload, kBatches, &life);
      if (through) {  // the workload does what it is for
        BOOST_TEST((*journal)->stats().rotations >= 5u);
        BOOST_TEST((*journal)->stats().segments_recycled >= 3u);
        const JournalStats& s = (*journal)->stats();
        BOOST_TEST((s.stored_bytes < s.payload_bytes) == compressed);
      }
    }
    if (through) return false;
    files.crash(&fate);
    if (fate.chance(0.3)) {
      files.stop_at(fate.below(4));
      JournalModel heard;
      (void)Journal::open(files, options(), heard, nullptr);
      files.crash(&fate);
    }
    JournalModel heard;
    auto journal = Journal::open(files, options(), heard, nullptr);
    BOOST_REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
    const JournalModel got = heard.from(life.kept_from);
    const bool without = got.groups == life.durable.from(life.kept_from).groups;
    const bool with = got.groups == life.under_way.from(life.kept_from).groups;
    BOOST_REQUIRE(without || with);
    if (!without) life.durable = life.under_way;
    life.under_way = life.durable;
    check_places(&files, **journal, life);

    BOOST_REQUIRE(live(&files, journal->get(), &workload, 3, &life));
    files.crash(&fate);
    JournalModel again;
    auto reopened = Journal::open(files, options(), again, nullptr);
    BOOST_REQUIRE_MESSAGE(reopened.ok(), reopened.status().ToString());
    BOOST_REQUIRE(again.from(life.kept_from).groups == life.durable.from(life.kept_from).groups);
  }
  return true;
}

void crash_everywhere(bool compressed) {
  std::uint64_t runs = 0;
  for (std::uint64_t stop = 0;; ++stop) {
    bool more = true;
    for (std::uint64_t seed = 0; seed < 6 && more; ++seed) {
      more = run(stop, seed, compressed);
      ++runs;
    }
    if (!more) {
      BOOST_TEST_MESSAGE("crashes: " << runs << " over " << stop << " operations");
      BOOST_TEST(stop > 150u);
      return;
    }
  }
}

BOOST_AUTO_TEST_CASE(crash_at_every_operation) { crash_everywhere(false); }

BOOST_AUTO_TEST_CASE(crash_at_every_operation_of_compressed_segments) { crash_everywhere(true); }

// Each operation fails once; the process stops there, as it must; nothing completed is lost even if
// the page cache pretends otherwise.
BOOST_AUTO_TEST_CASE(each_operation_fails_once) {
  for (std::uint64_t at = 0;; ++at) {
    BOOST_TEST_CONTEXT("operation " << at) {
      MemoryFileSystem files;
      Random workload(2);
      Random fate(at);
      Life life;
      files.fail_operation(at, absl::UnavailableError("EIO"));
      {
        JournalModel heard;
        auto journal = Journal::open(files, options(), heard, nullptr);
        if (journal.ok() && live(&files, journal->get(), &workload, kBatches, &life)) {
          BOOST_TEST(at > 150u);
          return;
        }
      }
      // First the process alone restarts (the cache stays), then the power goes.
      JournalModel restarted;
      {
        auto journal = Journal::open(files, options(), restarted, nullptr);
        BOOST_REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
      }
      files.crash(&fate);
      JournalModel heard;
      auto journal = Journal::open(files, options(), heard, nullptr);
      BOOST_REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
      // What the restarted process saw (and acted on) is what the disk has.
      BOOST_REQUIRE(heard.groups == restarted.groups);
      const JournalModel got = heard.from(life.kept_from);
      BOOST_REQUIRE(got.groups == life.durable.from(life.kept_from).groups ||
                    got.groups == life.under_way.from(life.kept_from).groups);
    }
  }
}

// The harness finds a planted bug: a journal whose fdatasyncs are lies loses what it completed.
BOOST_AUTO_TEST_CASE(harness_notices_missing_sync) {
  struct Liar final : FileSystem {
    explicit Liar(MemoryFileSystem* to) : real(to) {}
    MemoryFileSystem* real;
    absl::StatusOr<std::vector<FileInfo>> list(const std::string& d) override {
      return real->list(d);
    }
    absl::StatusOr<std::size_t> read(const std::string& p, std::uint64_t o, char* out,
                                     std::size_t n) override {
      return real->read(p, o, out, n);
    }
    absl::Status write(const std::string& p, std::uint64_t o, std::string_view b) override {
      return real->write(p, o, b);
    }
    absl::Status allocate(const std::string& p, std::uint64_t o, std::uint64_t n,
                          Preallocate how) override {
      return real->allocate(p, o, n, how);
    }
    absl::Status sync(const std::string&) override { return absl::OkStatus(); }
    absl::Status rename(const std::string& a, const std::string& b) override {
      return real->rename(a, b);
    }
    absl::Status remove(const std::string& p) override { return real->remove(p); }
    absl::Status sync_directory(const std::string& d) override { return real->sync_directory(d); }
  };
  int noticed = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    MemoryFileSystem files;
    Liar liar(&files);
    Random workload(seed);
    JournalModel model;
    JournalModel heard;
    auto journal = Journal::open(liar, options(), heard, nullptr);
    BOOST_REQUIRE(journal.ok());
    for (int i = 0; i < 5; ++i) {
      queue_random(&workload, journal->get(), &model, kPayloadBytes);
      BOOST_REQUIRE(flush(liar, journal->get()).ok());
    }
    files.crash(&workload);
    JournalModel after;
    auto reopened = Journal::open(files, options(), after, nullptr);
    if (!reopened.ok() || after.groups != model.groups) ++noticed;
  }
  BOOST_TEST(noticed > 10);
}

}  // namespace
}  // namespace pawl::log
