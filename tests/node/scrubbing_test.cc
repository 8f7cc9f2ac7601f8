// Deleted data is taken off the disk: nothing of it is left in any file once the box says so, at
// whatever point it was interrupted, and what is kept can still be read.
#include "node/scrubbing.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "codecs/entry.h"
#include "log/format.h"
#include "log/names.h"
#include "log/old_entries.h"
#include "log/transfer_file.h"
#include "tests/node/small_host.h"

namespace pawl::node {
namespace {

// Runs with noise, two of them closed, over several segments.
struct Scrubbed : SmallHost {
  Scrubbed() {
    deploy(forgetful("brief"));
    for (const char* id : {"victim", "other"}) fill(id, "w");
    fill("short", "brief");
    signal("victim", "stop");
    signal("other", "stop");
  }
  RequestId remove(const std::string& id) {
    const RequestId removed = ask(command_of(id, engine::DeleteData{"asked for"}));
    drain();
    return removed;
  }
  // Until a pass has ended; false if the disk failed, or it takes too long.
  bool pass() {
    for (int round = 0; round < 40; ++round) {
      if (scrub()) return true;
      while (under_way() || begin()) {
        if (files.stopped() || !finish_or_end()) return false;
      }
      if (files.stopped()) return false;
    }
    return false;
  }
  bool is_scrubbed(const std::string& id) {
    const RequestId asked = remove(id);
    const bool all = member(asked, "bytes_on_disk") == json("false");
    BOOST_TEST(status(asked) == (all ? 200 : 202));
    const dsl::Value boxes = member(asked, "boxes");
    BOOST_TEST(
        (boxes == json(all ? R"([{"id":1,"scrubbed":true}])" : R"([{"id":1,"scrubbed":false}])")));
    return all;
  }
  std::string left() { return remnants.find(files, journal->store_id(), *node); }
  bool any_file_has(const std::string& text) const {
    for (const std::string& path : files.paths()) {
      if (files.contents(path).find(text) != std::string::npos) return true;
    }
    return false;
  }
};

BOOST_AUTO_TEST_SUITE(scrubbing)

BOOST_AUTO_TEST_CASE(a_box_takes_deleted_data_off_its_disk_and_says_so) {
  Scrubbed host;
  BOOST_TEST(!host.scrub());  // nothing was deleted
  BOOST_TEST(host.status(host.remove("victim")) == 202);
  BOOST_TEST(!host.is_scrubbed("victim"));
  // If it were said now it would not be true.
  std::vector<Index> lie;
  for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
    lie.push_back(host.node->group(GroupId(g)).applied());
  }
  host.node->scrubbed(lie);
  BOOST_TEST(host.left() != "");
  host.node->scrubbed(std::vector<Index>(lie.size()));
  BOOST_TEST(host.pass());
  BOOST_TEST(host.is_scrubbed("victim"));
  for (int life = 0; life < 3; ++life) {
    BOOST_TEST(host.left() == "");
    BOOST_TEST(host.is_scrubbed("victim"));
    BOOST_TEST(!Scrubbing::pending(*host.node));
    for (const char* id : {"victim", "other", "short"}) BOOST_TEST(host.history_holds(id), id);
    BOOST_TEST(host.audit() == "");
    life == 0 ? host.crash() : host.kill();
    host.boot();
  }
}

// A dictionary is made of what entries have in common, and what one run says often is that, too.
BOOST_AUTO_TEST_CASE(no_dictionary_remembers_it) {
  Scrubbed host;
  host.start("talker");
  for (int i = 0; i < 300; ++i) host.signal("talker", "blob", R"({"text": "needle-in-the-hay"})");
  host.signal("talker", "stop");
  host.add_noise("short", 12);
  BOOST_REQUIRE(host.any_file_has("needle-in-the-hay"));
  host.remove("talker");
  BOOST_TEST(host.pass());
  BOOST_TEST(!host.any_file_has("needle-in-the-hay"));
  for (int i = 0; i < 300; ++i) host.signal("short", "blob", R"({"text": "something else"})");
  BOOST_TEST(!host.any_file_has("needle-in-the-hay"));
  BOOST_TEST(host.history_holds("talker"));
}

BOOST_AUTO_TEST_CASE(of_kept_files_only_those_are_rewritten_that_may_hold_it) {
  Scrubbed host;
  host.remove("victim");
  BOOST_TEST(host.pass());
  BOOST_REQUIRE(host.journal->kept().files().size() == 1u);
  const std::uint64_t first = host.journal->kept().files().front().number;
  host.fill("later", "w");
  host.signal("later", "stop");
  host.remove("later");
  BOOST_TEST(host.pass());
  BOOST_REQUIRE(host.journal->kept().files().size() == 2u);
  BOOST_TEST(host.journal->kept().files().front().number == first);
  BOOST_TEST(host.is_scrubbed("later"));
  // One that was there all the time is in the first.
  host.remove("other");
  BOOST_TEST(host.pass());
  BOOST_TEST(host.journal->kept().files().front().number > first);
  for (const char* id : {"victim", "other", "later", "short"}) BOOST_TEST(host.history_holds(id));
}

// Which of them have entries that none of their spans covers: nobody would look for them there.
std::vector<std::uint64_t> files_with_more(Host* host) {
  std::vector<std::uint64_t> numbers;
  for (const log::KeptFile& file : host->journal->kept().files()) {
    const log::WalkStep all{file.number, log::format::kSegmentHeaderBytes, file.frames_end,
                            SIZE_MAX, SIZE_MAX};
    auto looked = log::look(host->files, host->journal->source(), all, codecs::run_of_entry);
    BOOST_REQUIRE(looked.ok());
    const auto is_more = [&](const log::OldEntry& entry) {
      const log::KeptSpan* span = file.span(entry.group);
      return span == nullptr || entry.index <= span->from || span->through < entry.index;
    };
    if (std::any_of(looked->entries.begin(), looked->entries.end(), is_more)) {
      numbers.push_back(file.number);
    }
  }
  return numbers;
}

// A snapshot came of what was still on its way to this box's disk: the kept file that came with it
// speaks for an entry that the segments get only then.
BOOST_AUTO_TEST_CASE(what_segments_have_besides_a_kept_file_is_not_copied) {
  Scrubbed sender, host;  // equal ones
  const RunUid last = host.run("short").uid();
  const auto path = [&](const std::string& name) {
    return log::join(host.journal->directory(), name);
  };
  for (Scrubbed* each : {&sender, &host}) {
    each->remove("victim");
    each->ask(signal_of("short", "stop"));
    BOOST_REQUIRE(each->under_way() || each->begin());
  }
  sender.drain();
  const SnapshotReport made = sender.carry_out(MakeTransfer{last.group, Index(0)});
  const raft::Snapshot snapshot = std::get<TransferReady>(made).snapshot;
  BOOST_REQUIRE(snapshot.last.index.v > host.journal->last_index(last.group).v);
  host.files.set_contents(path(log::incoming_name(last.group)),
                          sender.files.contents(path(log::transfer_name(last.group))));
  const SnapshotReport taken = host.carry_out(TakeTransfer{last.group, snapshot});
  const auto came = std::get<TransferTaken>(taken).kept;
  BOOST_REQUIRE(came != nullptr);
  host.journal->add_kept(*came);
  host.drain();
  BOOST_TEST(host.journal->first_index(last.group).v == snapshot.last.index.v);
  BOOST_TEST(host.journal->kept().through(last.group).v == snapshot.last.index.v);
  BOOST_TEST(host.pass());
  BOOST_TEST(host.journal->kept().files().size() == 2u);
  BOOST_TEST(files_with_more(&host).empty());
  BOOST_TEST(host.history_holds("short"));
  host.remove("short");
  BOOST_TEST(host.pass());
  BOOST_TEST(host.is_scrubbed("short"));
  BOOST_TEST(host.left() == "");
  for (const char* id : {"victim", "short"}) BOOST_TEST(host.history_holds(id), id);
}

BOOST_AUTO_TEST_CASE(a_pass_does_for_all_that_was_deleted_meanwhile) {
  Scrubbed host;
  host.scrubbing = Scrubbing(60'000);
  host.remove("victim");
  BOOST_TEST(host.pass());
  host.remove("other");
  host.signal("short", "stop");
  host.remove("short");
  const std::uint64_t segment = host.journal->current_segment();
  BOOST_TEST(!host.pass());
  BOOST_TEST(host.journal->current_segment() == segment);
  BOOST_TEST(host.scrubbing.deadline_ms(*host.node) < INT64_MAX);
  host.stall(60'000);
  BOOST_TEST(host.pass());
  BOOST_TEST(host.is_scrubbed("other"));
  BOOST_TEST(host.is_scrubbed("victim"));
  BOOST_TEST(host.scrubbing.deadline_ms(*host.node) == INT64_MAX);
}

// Nobody knows any more which run it was; that there was one is known, also to a snapshot.
BOOST_AUTO_TEST_CASE(what_was_forgotten_meanwhile_goes_as_well) {
  Scrubbed host;
  host.remove("other");
  BOOST_TEST(host.pass());
  host.signal("short", "stop");
  const GroupId group = host.run("short").uid().group;
  host.remove("short");
  const Index deletion = host.run("short").last_entry;
  host.advance(11'000);
  BOOST_TEST((host.node->group(group).tables().forgotten_deletion() == deletion));
  host.take_snapshots();
  host.crash();
  host.boot();
  BOOST_TEST(Scrubbing::pending(*host.node));
  BOOST_TEST((host.node->group(group).tables().forgotten_deletion() == deletion));
  const std::uint64_t before = host.journal->kept().files().back().number;
  BOOST_TEST(host.pass());
  BOOST_TEST(host.journal->kept().files().front().number > before);
  BOOST_TEST((host.node->group(group).scrubbed_to() >= deletion));
  BOOST_TEST(host.history_holds("victim"));
}

// The mark is of another log, or was torn: all is done again.
BOOST_AUTO_TEST_CASE(a_mark_that_cant_be_read_says_nothing) {
  Scrubbed host;
  host.remove("victim");
  BOOST_TEST(host.pass());
  const std::string path = host.journal->directory() + "/scrubbed";
  std::string bytes = host.files.contents(path);
  for (const std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{20}, bytes.size() - 1}) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    host.files.set_contents(path, wrong);
    host.kill();
    host.boot();
    BOOST_TEST(!host.is_scrubbed("victim"), at);
  }
  BOOST_TEST(host.pass());
  BOOST_TEST(host.is_scrubbed("victim"));
}

// At every operation of the disk: the power goes, or the disk fails once.
BOOST_AUTO_TEST_CASE(an_interrupted_pass_says_nothing_that_is_not_so) {
  int crashes = 0, failures = 0;
  for (const bool power : {true, false}) {
    for (std::uint64_t stop = 0; stop < 200; ++stop) {
      Scrubbed host;
      host.remove("other");
      BOOST_REQUIRE(host.pass());
      host.add_noise("short", 3);
      host.remove("victim");
      host.files.reset_operations();
      if (power) {
        host.files.stop_at(stop);
      } else {
        host.files.fail_operation(stop, absl::UnavailableError("EIO"));
      }
      host.pass();
      const bool through = host.files.operations() <= stop;
      host.files.stop_at(~std::uint64_t{0});
      host.crash();
      host.boot();
      BOOST_TEST_CONTEXT((power ? "power loss" : "failure") << " at operation " << stop) {
        BOOST_TEST(host.left() == "");
        for (int twice = 0; twice < 2; ++twice) {
          for (const char* id : {"victim", "other", "short"})
            BOOST_TEST(host.history_holds(id), id);
          BOOST_TEST(host.audit() == "");
          if (!host.is_scrubbed("victim")) BOOST_TEST(host.pass());
        }
        BOOST_TEST(host.is_scrubbed("victim"));
        BOOST_TEST(host.is_scrubbed("other"));
      }
      if (through) break;
      ++(power ? crashes : failures);
    }
  }
  BOOST_TEST(crashes > 15);
  BOOST_TEST(failures > 15);
  BOOST_TEST_MESSAGE("passes with a power loss: " << crashes << ", with a failure: " << failures);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_kept_aside_is_found) {
  Scrubbed host;
  host.planted.keeps_files = true;
  host.remove("victim");
  BOOST_CHECK_THROW(host.pass(), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
