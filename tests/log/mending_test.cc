// A damaged journal is surveyed and mended, or cut: every byte of a small one in turn; the power
// goes, and the disk fails, at every operation. Nothing that can still be read is lost, nothing
// that can't is taken for something else, and what may be missing is named.
#include <boost/test/unit_test.hpp>
#include <set>

#include "log/format.h"
#include "log/legible_files.h"
#include "log/mending.h"
#include "log/names.h"
#include "log/place_reader.h"
#include "tests/log/journal_model.h"

namespace pawl::log {
namespace {

constexpr std::size_t kGroups = 4;

std::string path_of(std::uint64_t segment) { return join(kDirectory, segment_name(segment)); }

struct Made {
  MemoryFileSystem files;
  JournalModel model;
  std::uint64_t segments = 0;
};

// Of three segments, each with a few frames; the last frame is an empty one.
Made make(bool compressed) {
  Made made;
  Random random(5);
  JournalModel heard;
  auto journal = Journal::open(made.files, small_options(), heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  if (compressed) (*journal)->allow_compression();
  while ((*journal)->current_segment() < 3) {
    if (compressed) {
      queue_records(&random, journal->get(), &made.model, 60);
    } else {
      queue_random(&random, journal->get(), &made.model, 4'000);
    }
    while (*flush(made.files, journal->get())) continue;
    train(journal->get());
  }
  for (int i = 0; i < 3; ++i) {
    queue_random(&random, journal->get(), &made.model, 300);
    while (*flush(made.files, journal->get())) continue;
  }
  (*journal)->mark_synced();
  while (*flush(made.files, journal->get())) continue;
  made.segments = (*journal)->current_segment();
  return made;
}

absl::StatusOr<Survey> look(MemoryFileSystem* files) {
  return survey(*files, kDirectory, test_store(), format::kCompressedLevel, kGroups, {}, nullptr);
}

absl::StatusOr<JournalModel> reopen(MemoryFileSystem* files, RecoveryReport* report = nullptr) {
  JournalModel heard;
  auto journal = Journal::open(*files, small_options(), heard, report);
  if (!journal.ok()) return journal.status();
  return heard;
}

// Cuts, and what is left ends in each group where the survey said.
void check_cut(MemoryFileSystem* files, const Survey& found) {
  BOOST_REQUIRE(cut(*files, kDirectory, found).ok());
  const auto got = reopen(files);
  BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
  for (const auto& [group, has] : got->groups) {
    BOOST_TEST(got->last(group) == found.groups[group].before_damage.index.v);
  }
}

bool is_within(const std::vector<IndexHole>& holes, std::uint64_t index) {
  for (const IndexHole& hole : holes) {
    if (hole.from.v < index && index <= hole.through.v) return true;
  }
  return false;
}

// What was read after the mending is what was written, without what the survey says is missing.
void check_rest(const JournalModel& got, const JournalModel& written, const Survey& survey) {
  for (const auto& [group, wanted] : written.groups) {
    const SurveyedGroup& surveyed = survey.groups[group];
    const auto found = got.groups.find(group);
    const JournalModel::Group has =
        found == got.groups.end() ? JournalModel::Group{} : found->second;
    std::uint64_t missing_at_end = 0;
    for (const auto& [index, entry] : wanted.entries) {
      const auto here = has.entries.find(index);
      if (here != has.entries.end()) {
        const bool is_older = here->second.first < entry.first && is_within(surveyed.holes, index);
        const bool may_be = is_older || (surveyed.end_unknown && here->second.first <= entry.first);
        BOOST_TEST((here->second == entry || may_be));
      } else {
        ++missing_at_end;
        BOOST_TEST((is_within(surveyed.holes, index) || surveyed.end_unknown),
                   "entry " << index << " of group " << group << " is missing and nobody says so");
      }
    }
    for (const auto& [index, entry] : has.entries) {
      BOOST_TEST((wanted.entries.contains(index) || surveyed.touched()));
    }
    if (!surveyed.touched()) BOOST_TEST(missing_at_end == 0u);
    if (!surveyed.state_unknown) BOOST_TEST((has.state == wanted.state));
    // What was promised at last is known, or it is known that it is not.
    if (!surveyed.end_unknown && !wanted.entries.empty()) {
      const auto last = wanted.entries.rbegin();
      const LogEnd end{Term(last->second.first), Index(last->first)};
      BOOST_TEST((surveyed.last >= end));
    }
  }
}

struct Outcomes {
  int whole = 0, mended = 0, unmendable = 0, votes_lost = 0;
};

// One byte is another one.
void flip(const Made& made, std::uint64_t segment, std::size_t offset, Outcomes* outcomes) {
  BOOST_TEST_CONTEXT("segment " << segment << " offset " << offset) {
    MemoryFileSystem files = made.files;
    std::string bytes = files.contents(path_of(segment));
    bytes[offset] = static_cast<char>(bytes[offset] ^ 0x10);
    files.set_contents(path_of(segment), bytes);
    const auto refused = reopen(&files);
    if (refused.ok()) {  // a seal, or room
      ++outcomes->whole;
      BOOST_TEST((refused->groups == made.model.groups));
      return;
    }
    if (!absl::IsDataLoss(refused.status())) {  // a newer format, another store
      ++outcomes->unmendable;
      return;
    }
    const auto found = look(&files);
    if (!found.ok()) {
      ++outcomes->unmendable;
      return;
    }
    BOOST_REQUIRE(found->damages());
    BOOST_REQUIRE(mend(files, kDirectory, *found).ok());
    RecoveryReport report;
    const auto got = reopen(&files, &report);
    BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
    check_rest(*got, made.model, *found);
    bool unknown = false;
    for (const SurveyedGroup& group : found->groups) unknown = unknown || group.state_unknown;
    BOOST_TEST((report.lost_frames > 0) == found->loses());
    ++(unknown ? outcomes->votes_lost : outcomes->mended);
    BOOST_TEST(files.exists(path_of(segment) + ".damaged"));
    // Nothing is left to be mended, and what is there can be looked at again.
    const auto after = look(&files);
    BOOST_REQUIRE_MESSAGE(after.ok(), after.status().ToString());
    BOOST_TEST(!after->damages());
  }
}

Outcomes flip_all(bool compressed, std::size_t step) {
  const Made made = make(compressed);
  Outcomes outcomes;
  for (std::uint64_t segment = 1; segment <= made.segments; ++segment) {
    const std::string& bytes = made.files.contents(path_of(segment));
    const std::size_t used = bytes.find_last_not_of('\0') + 1;
    // Headers one by one; of what they head not every byte.
    for (std::size_t at = 0; at < used; at += at < 600 ? 1 : step) {
      flip(made, segment, at, &outcomes);
    }
    for (std::size_t at = bytes.find("PwrF"); at != bytes.npos; at = bytes.find("PwrF", at + 1)) {
      for (std::size_t n = 0; n < 72 && at + n < used; n += 3) {
        flip(made, segment, at + n, &outcomes);
      }
    }
  }
  return outcomes;
}

BOOST_AUTO_TEST_CASE(every_byte_flipped) {
  for (const bool compressed : {false, true}) {
    BOOST_TEST_CONTEXT("compressed " << compressed) {
      const Outcomes outcomes = flip_all(compressed, 97);
      BOOST_TEST_MESSAGE("whole " << outcomes.whole << " mended " << outcomes.mended
                                  << " votes lost " << outcomes.votes_lost << " unmendable "
                                  << outcomes.unmendable);
      BOOST_TEST(outcomes.mended > 500);
      BOOST_TEST(outcomes.votes_lost > 50);
      BOOST_TEST(outcomes.unmendable < outcomes.mended / 10);
    }
  }
}

// --- bytes that the disk does not give back ---

constexpr std::uint64_t kPage = LegibleFiles::kPageBytes;

BOOST_AUTO_TEST_CASE(what_can_not_be_read_is_zeros_and_known) {
  MemoryFileSystem files;
  files.set_contents("f", std::string(5 * kPage - 9, 'x'));
  files.make_unreadable("f", kPage + 600, kPage + 601);
  files.make_unreadable("f", 2 * kPage, 2 * kPage + 1);
  LegibleFiles legible(files);
  std::string got(5 * kPage, '?');
  BOOST_TEST(legible.read("f", 3 * kPage, got.data(), 10).value() == 10u);
  BOOST_TEST(legible.unreadable_end("f", 0, 5 * kPage) == 0u);
  BOOST_TEST(legible.read("f", 7, got.data(), got.size()).value() == 5 * kPage - 16);
  BOOST_TEST(got == std::string(kPage - 7, 'x') + std::string(2 * kPage, '\0') +
                        std::string(2 * kPage - 9, 'x') + std::string(16, '?'));
  BOOST_TEST(legible.unreadable_end("f", 0, kPage) == 0u);
  BOOST_TEST(legible.unreadable_end("f", 0, kPage + 1) == 3 * kPage);
  BOOST_TEST(legible.unreadable_end("f", 3 * kPage - 1, 5 * kPage) == 3 * kPage);
  BOOST_TEST(legible.unreadable_end("f", 3 * kPage, 5 * kPage) == 0u);
  // It stays so, even where the disk would give it back.
  files.set_contents("f", std::string(5 * kPage, 'y'));
  BOOST_TEST(legible.read("f", kPage, got.data(), kPage + 3).value() == kPage + 3);
  BOOST_TEST(got.substr(0, kPage + 3) == std::string(kPage + 3, '\0'));
  BOOST_TEST(absl::IsNotFound(legible.read("g", 0, got.data(), 1).status()));
}

// Pages from `from` up to `to` of the segment can't be read.
void make_unreadable(const Made& made, std::uint64_t segment, std::uint64_t from, std::uint64_t to,
                     Outcomes* outcomes) {
  BOOST_TEST_CONTEXT("segment " << segment << " pages from " << from << " to " << to) {
    MemoryFileSystem files = made.files;
    files.make_unreadable(path_of(segment), from * kPage, to * kPage);
    const auto refused = reopen(&files);
    BOOST_TEST(absl::IsDataLoss(refused.status()));
    BOOST_TEST(refused.status().message().find("give bytes back") != std::string_view::npos);
    const auto found = look(&files);
    BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
    BOOST_REQUIRE(found->damages());
    BOOST_REQUIRE(mend(files, kDirectory, *found).ok());
    RecoveryReport report;
    const auto got = reopen(&files, &report);
    BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
    check_rest(*got, made.model, *found);
    BOOST_TEST((report.lost_frames > 0) == found->loses());
    if (!found->loses()) BOOST_TEST((got->groups == made.model.groups));
    bool unknown = false;
    for (const SurveyedGroup& group : found->groups) unknown = unknown || group.state_unknown;
    ++(!found->loses() ? outcomes->whole : unknown ? outcomes->votes_lost : outcomes->mended);
    const auto after = look(&files);
    BOOST_REQUIRE_MESSAGE(after.ok(), after.status().ToString());
    BOOST_TEST(!after->damages());
    // What was there is kept as far as it is.
    const std::string& aside = files.contents(path_of(segment) + ".damaged");
    std::string wanted = made.files.contents(path_of(segment));
    wanted.replace(from * kPage, (to - from) * kPage, (to - from) * kPage, '\0');
    BOOST_TEST((aside == wanted));
  }
}

BOOST_AUTO_TEST_CASE(every_page_unreadable) {
  for (const bool compressed : {false, true}) {
    const Made made = make(compressed);
    Outcomes outcomes;
    for (std::uint64_t segment = 1; segment <= made.segments; ++segment) {
      const std::uint64_t pages = made.files.contents(path_of(segment)).size() / kPage;
      for (std::uint64_t from = 0; from < pages; ++from) {
        for (const std::uint64_t to : {from + 1, from + 3, pages}) {
          if (to <= pages) make_unreadable(made, segment, from, to, &outcomes);
        }
      }
    }
    BOOST_TEST_MESSAGE("whole " << outcomes.whole << " mended " << outcomes.mended << " votes lost "
                                << outcomes.votes_lost);
    BOOST_TEST(outcomes.whole > 10);
    BOOST_TEST(outcomes.mended > 10);
    BOOST_TEST(outcomes.votes_lost > 5);
  }
}

// The end of the newest segment, where nothing follows that would say what was there.
BOOST_AUTO_TEST_CASE(an_unreadable_end_may_have_held_anything) {
  Made made = make(false);
  const std::string bytes = made.files.contents(path_of(made.segments));
  const std::size_t end = bytes.find_last_not_of('\0') + 1;
  // Before the last frames: all behind is lost, for it is of no use without what is missing.
  made.files.make_unreadable(path_of(made.segments), 0, bytes.size());
  const auto all = look(&made.files);
  BOOST_REQUIRE_MESSAGE(all.ok(), all.status().ToString());
  for (const SurveyedGroup& group : all->groups) {
    BOOST_TEST(group.end_unknown);
    BOOST_TEST(group.state_unknown);
  }
  // A page behind the end, which can be read itself: nothing was there.
  const std::size_t behind = (end / kPage + 1) * kPage;
  BOOST_REQUIRE(behind < bytes.size());
  made.files.set_contents(path_of(made.segments), bytes);
  made.files.make_unreadable(path_of(made.segments), behind, bytes.size());
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST(found->damages());
  BOOST_TEST(!found->loses());
}

// What may pass is no damage.
BOOST_AUTO_TEST_CASE(what_can_not_be_read_now_is_refused_and_not_mended) {
  struct Busy final : MemoryFileSystem {
    absl::StatusOr<std::size_t> read(const std::string&, std::uint64_t, char*,
                                     std::size_t) override {
      return absl::UnavailableError("too many open files");
    }
  };
  Made made = make(false);
  Busy busy;
  for (const std::string& path : made.files.paths()) {
    busy.set_contents(path, made.files.contents(path));
  }
  const auto found =
      survey(busy, kDirectory, test_store(), format::kCompressedLevel, kGroups, {}, nullptr);
  BOOST_TEST(absl::IsUnavailable(found.status()));
}

BOOST_AUTO_TEST_CASE(what_loses_nothing_before_a_cut_is_mended) {
  Made made = make(false);
  std::string bytes = made.files.contents(path_of(1));
  bytes[20] = static_cast<char>(bytes[20] ^ 1);  // of the header alone
  made.files.set_contents(path_of(1), bytes);
  const std::uint64_t middle = bytes.size() / kPage / 2 * kPage;
  made.files.make_unreadable(path_of(2), middle, middle + kPage);
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST(found->first.segment == 2u);
  check_cut(&made.files, *found);
}

// A damaged header alone makes nothing else of its segment void: the cut is where it is said to be.
BOOST_AUTO_TEST_CASE(a_cut_within_a_segment_without_its_header) {
  Made made = make(false);
  std::string bytes = made.files.contents(path_of(2));
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  const std::size_t at = bytes.find("PwrF", bytes.size() / 3);
  bytes[at + 30] = static_cast<char>(bytes[at + 30] ^ 1);
  made.files.set_contents(path_of(2), bytes);
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST((end_of_cut(*found) == Mark{2, static_cast<std::uint32_t>(at)}));
  check_cut(&made.files, *found);
}

BOOST_AUTO_TEST_CASE(nothing_is_changed_where_a_cut_would_leave_nothing) {
  Made made = make(false);
  std::string bytes = made.files.contents(path_of(1));
  bytes[bytes.find("PwrF") + 30] ^= 1;
  made.files.set_contents(path_of(1), bytes);
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST(!end_of_cut(*found).has_value());
  const std::vector<std::string> before = made.files.paths();
  BOOST_TEST(absl::IsFailedPrecondition(cut(made.files, kDirectory, *found)));
  BOOST_TEST(made.files.paths() == before);
  BOOST_TEST(made.files.contents(path_of(1)) == bytes);
}

// --- bytes that changed ---

// Where a frame of the segment begins that has entries, past the middle.
std::size_t middle_frame(const std::string& bytes) { return bytes.find("PwrF", bytes.size() / 3); }

void damage_middle(MemoryFileSystem* files, std::uint64_t segment, std::size_t within) {
  std::string bytes = files->contents(path_of(segment));
  bytes[middle_frame(bytes) + within] ^= 0x40;
  files->set_contents(path_of(segment), bytes);
}

BOOST_AUTO_TEST_CASE(a_missing_segment_is_a_stretch) {
  Made made = make(false);
  made.files.forget(path_of(2));
  BOOST_TEST(!reopen(&made.files).ok());
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST((found->first == Mark{2, format::kSegmentHeaderBytes}));
  BOOST_REQUIRE(mend(made.files, kDirectory, *found).ok());
  const auto got = reopen(&made.files);
  BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
  check_rest(*got, made.model, *found);
}

BOOST_AUTO_TEST_CASE(a_segment_cut_short_is_a_stretch) {
  Made made = make(false);
  std::string bytes = made.files.contents(path_of(1));
  bytes.resize(bytes.size() / 2);
  made.files.set_contents(path_of(1), bytes);
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_REQUIRE(mend(made.files, kDirectory, *found).ok());
  const auto got = reopen(&made.files);
  BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
  check_rest(*got, made.model, *found);
}

BOOST_AUTO_TEST_CASE(segments_that_were_given_up_are_put_aside) {
  Made made = make(false);
  {
    JournalModel heard;
    auto journal = Journal::open(made.files, small_options(), heard, nullptr);
    BOOST_REQUIRE(journal.ok());
    const std::string first = made.files.contents(path_of(1));
    (*journal)->recycle_below(2);
    while (*flush(made.files, journal->get())) continue;
    BOOST_REQUIRE(!made.files.exists(path_of(1)));
    made.files.set_contents(path_of(1), "x" + first);  // the rename was not durable
  }
  BOOST_TEST(!reopen(&made.files).ok());
  const auto found = look(&made.files);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  BOOST_TEST(!found->loses());
  BOOST_REQUIRE(mend(made.files, kDirectory, *found).ok());
  BOOST_TEST(reopen(&made.files).ok());
}

// What is void is not told, has no place, and counts for no hole.
BOOST_AUTO_TEST_CASE(what_is_void_is_not_there) {
  Made made = make(false);
  damage_middle(&made.files, 2, 100);
  auto found = look(&made.files);
  BOOST_REQUIRE(found.ok());
  const Rebuild rebuild{
      GroupId(1), found->end, format::kKeptNumberBase + 1, Term(9), {Term(8), Index(77)}};
  BOOST_REQUIRE(write_rebuild(made.files, kDirectory, test_store(), rebuild).ok());
  BOOST_REQUIRE(mend(made.files, kDirectory, *found).ok());
  const auto read = read_rebuilds(made.files, kDirectory, test_store());
  BOOST_REQUIRE(read.ok());
  BOOST_REQUIRE((*read == std::vector<Rebuild>{rebuild}));
  JournalOptions options = small_options();
  options.rebuilds = *read;
  JournalModel heard;
  auto journal = Journal::open(made.files, options, heard, nullptr);
  BOOST_REQUIRE(journal.ok());
  BOOST_TEST(heard.groups[1].entries.empty());
  BOOST_TEST((heard.groups[1].state == made.model.groups.at(1).state));
  BOOST_TEST((heard.groups[2].state == made.model.groups.at(2).state));
  BOOST_TEST(!(*journal)->place(GroupId(1), Index(1)).has_value());
  BOOST_TEST((*journal)->last_index(GroupId(1)).v == 0u);
  // It begins anew, and that is not void.
  (*journal)->append(GroupId(1), Term(10), Index(1), "new");
  while (*flush(made.files, journal->get())) continue;
  journal->reset();
  JournalModel again;
  BOOST_REQUIRE(Journal::open(made.files, options, again, nullptr).ok());
  BOOST_TEST(again.groups[1].entries.size() == 1u);

  for (std::size_t at = 0; at < 92; ++at) {
    MemoryFileSystem files = made.files;
    std::string bytes = files.contents("j/rebuild-0001");
    bytes[at] ^= 1;
    files.set_contents("j/rebuild-0001", bytes);
    BOOST_TEST(absl::IsDataLoss(read_rebuilds(files, kDirectory, test_store()).status()));
  }
}

// The journal ends before the damage, in all groups.
BOOST_AUTO_TEST_CASE(a_journal_is_cut) {
  for (const std::size_t within : {4, 100}) {
    for (const std::uint64_t segment : {1, 2, 3}) {
      BOOST_TEST_CONTEXT("segment " << segment << " within " << within) {
        Made made = make(false);
        JournalModel before;
        {
          // What a survey hears before the first stretch is what is left.
          MemoryFileSystem files = made.files;
          std::string bytes = files.contents(path_of(segment));
          const std::size_t at = segment == 3 ? bytes.find("PwrF", 65) : middle_frame(bytes);
          bytes[at + within % 72] ^= 0x40;
          made.files.set_contents(path_of(segment), bytes);
        }
        const auto found = look(&made.files);
        BOOST_REQUIRE_MESSAGE(found.ok(), found.status().ToString());
        BOOST_REQUIRE(cut(made.files, kDirectory, *found).ok());
        const auto got = reopen(&made.files);
        BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
        for (const auto& [group, has] : got->groups) {
          BOOST_TEST(got->last(group) == found->groups[group].before_damage.index.v);
        }
        BOOST_TEST(!made.files.exists(path_of(segment + 1)));
        BOOST_TEST(made.files.exists(path_of(segment) + ".damaged"));
      }
    }
  }
}

// At every operation: the power goes, or one operation fails. What is there then can be mended.
template <class Work>
int interrupt_everywhere(const Made& made, bool power, const Work& work) {
  int operations = 0;
  for (std::uint64_t stop = 0;; ++stop) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      BOOST_TEST_CONTEXT("stop " << stop << " seed " << seed << " power " << power) {
        MemoryFileSystem files = made.files;
        Random fate(seed * 7919 + stop);
        files.reset_operations();
        if (power) {
          files.stop_at(stop);
        } else {
          files.fail_operation(stop, absl::UnavailableError("planted"));
        }
        const absl::Status worked = work(&files);
        if (worked.ok()) return operations;
        ++operations;
        files.crash(&fate);
        const absl::Status again = work(&files);
        BOOST_REQUIRE_MESSAGE(again.ok(), again.ToString());
        const auto got = reopen(&files);
        BOOST_REQUIRE_MESSAGE(got.ok(), got.status().ToString());
      }
    }
  }
}

Made made_damaged() {
  Made made = make(false);
  damage_middle(&made.files, 1, 100);  // a payload
  damage_middle(&made.files, 2, 30);   // a header
  Random fate(1);
  // What set_contents() put there is durable.
  made.files.crash(&fate);
  return made;
}

BOOST_AUTO_TEST_CASE(mending_interrupted_everywhere) {
  const Made made = made_damaged();
  const auto wanted = look(&const_cast<MemoryFileSystem&>(made.files));
  BOOST_REQUIRE(wanted.ok());
  for (const bool power : {true, false}) {
    const int operations = interrupt_everywhere(made, power, [&](MemoryFileSystem* files) {
      const auto found = look(files);
      if (!found.ok()) return found.status();
      if (absl::Status s = mend(*files, kDirectory, *found); !s.ok()) return s;
      const auto got = reopen(files);
      if (!got.ok()) return got.status();
      check_rest(*got, made.model, *wanted);
      return absl::OkStatus();
    });
    BOOST_TEST(operations > 20);
  }
}

BOOST_AUTO_TEST_CASE(cutting_interrupted_everywhere) {
  const Made made = made_damaged();
  const auto wanted = look(&const_cast<MemoryFileSystem&>(made.files));
  BOOST_REQUIRE(wanted.ok());
  for (const bool power : {true, false}) {
    const int operations = interrupt_everywhere(made, power, [&](MemoryFileSystem* files) {
      const auto found = look(files);
      if (!found.ok()) return found.status();
      if (found->loses()) {
        if (absl::Status s = cut(*files, kDirectory, *found); !s.ok()) return s;
      }
      const auto got = reopen(files);
      if (!got.ok()) return got.status();
      for (const auto& [group, has] : got->groups) {
        BOOST_TEST(got->last(group) == wanted->groups[group].before_damage.index.v);
      }
      return absl::OkStatus();
    });
    BOOST_TEST(operations > 20);
  }
}

}  // namespace
}  // namespace pawl::log
