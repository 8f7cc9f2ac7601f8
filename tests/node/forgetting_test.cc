// Closed runs are forgotten when their retention is over, neither before nor much later, by an
// entry of their group; and who still asks for one hears that there is none.
#include <boost/test/unit_test.hpp>

#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "tests/log/journal_model.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kHour = 3'600'000;

std::string kept_for(const std::string& name, const std::string& closed) {
  return with_id(name, "[retention]\nclosed = \"" + closed + "\"\n");
}

bool is_there(const Host& host, const std::string& id) {
  GroupId group;
  return host.node->find(RunRef{id, std::nullopt}, &group) != nullptr;
}

RequestId stop(Host* host, const std::string& id) { return host->signal(id, "stop"); }

// How many entries of the journal forget, and how many runs they do.
struct Forgets final : log::RecoverySink {
  std::size_t entries = 0, runs = 0, most = 0;
  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId, Term, Index, std::string_view payload) override {
    if (payload.empty()) return absl::OkStatus();
    codecs::Entry entry;
    std::string error;
    if (!codecs::decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
    entries += entry.forgets.empty() ? 0 : 1;
    runs += entry.forgets.size();
    most = std::max(most, entry.forgets.size());
    BOOST_TEST((entry.forgets.empty() || entry.level >= kJournalLevel));
    return absl::OkStatus();
  }
};

Forgets forgets(const Host& host) {
  log::MemoryFileSystem copy = host.files.copy();
  Forgets seen;
  BOOST_REQUIRE(log::Journal::open(copy, log::small_options(), seen, nullptr).ok());
  return seen;
}

BOOST_AUTO_TEST_SUITE(forgetting)

BOOST_AUTO_TEST_CASE(a_closed_run_is_kept_as_long_as_its_definition_says) {
  Host host;
  host.boot();
  host.deploy(kept_for("short", "100s"));
  host.deploy(kept_for("long", "10d"));
  host.start("s", "short");
  host.start("l", "long");
  host.start("open", "short");
  stop(&host, "s");
  stop(&host, "l");
  host.advance(99'000);
  BOOST_TEST(is_there(host, "s"));
  host.advance(3'000);  // a hundredth later at most
  BOOST_TEST(!is_there(host, "s"));
  BOOST_TEST(is_there(host, "l"));
  BOOST_TEST(is_there(host, "open"));
  BOOST_TEST(host.node->stats().runs_forgotten == 1u);
  const RequestId signalled = stop(&host, "s");
  BOOST_TEST(host.status(signalled) == 404);
  BOOST_TEST(host.type(signalled) == "run-unknown");
  BOOST_TEST(host.answer(signalled).body.find("forgotten once its retention") != std::string::npos);
  BOOST_TEST(host.status(host.start("s", "short")) == 201);  // the id is free
  host.advance(10 * 24 * kHour - 102'001);
  BOOST_TEST(is_there(host, "l"));
  host.advance(kHour + 1);
  BOOST_TEST(!is_there(host, "l"));
  BOOST_TEST(is_there(host, "open"));
  BOOST_TEST(host.audit() == "");
  // Nothing is left that would wake the box again.
  BOOST_TEST(host.node->next_wake_mono_ms() == INT64_MAX);
}

BOOST_AUTO_TEST_CASE(without_a_word_of_the_definition_the_store_decides) {
  Host host;
  host.boot();
  host.deploy(with_id("w", ""));
  host.start("a");
  stop(&host, "a");
  host.advance(limits::kRetentionMsDefault - 1);
  BOOST_TEST(is_there(host, "a"));
  host.advance(kHour + 1);
  BOOST_TEST(!is_there(host, "a"));
  host.node->keep_closed(std::nullopt);
  host.start("b");
  stop(&host, "b");
  host.advance(1000 * limits::kRetentionMsDefault);
  BOOST_TEST(is_there(host, "b"));
  // A shorter time holds at once, also for what is there.
  host.node->keep_closed(kHour);
  host.advance(1);
  BOOST_TEST(!is_there(host, "b"));
}

BOOST_AUTO_TEST_CASE(the_next_older_run_of_the_id_is_found_then) {
  Host host;
  host.boot();
  host.deploy(kept_for("long", "10d"));
  host.deploy(kept_for("short", "1h"));
  host.start("r", "long");
  stop(&host, "r");
  const RunUid older = host.run("r").uid();
  host.start("r", "short");
  stop(&host, "r");
  const RunUid newer = host.run("r").uid();
  BOOST_TEST((older != newer));
  host.advance(2 * kHour);
  BOOST_TEST((host.run("r").uid() == older));
  RunRef gone{"r", newer};
  const RequestId by_uid = host.ask(CommandRun{gone, engine::Terminate{""}});
  host.drain();
  BOOST_TEST(host.status(by_uid) == 404);
  host.advance(11 * 24 * kHour);
  BOOST_TEST(!is_there(host, "r"));
}

BOOST_AUTO_TEST_CASE(many_go_with_few_entries) {
  Host host(1);
  host.boot();
  host.deploy(kept_for("w", "10d"));
  host.advance(1);  // not just when an hour begins
  const int runs = static_cast<int>(limits::kForgottenPerEntryMax) + 500;
  for (int i = 0; i < runs; ++i) {
    host.ask(start_of("r" + std::to_string(i)));
    if (i % 100 == 99) host.drain();
  }
  host.drain();
  for (int i = 0; i < runs; ++i) {
    host.ask(signal_of("r" + std::to_string(i), "stop"));
    if (i % 100 == 99) {
      host.drain();
      host.advance(10'000);
    }
  }
  host.advance(10 * 24 * kHour + kHour);
  const Forgets seen = forgets(host);
  BOOST_TEST(seen.runs == static_cast<std::size_t>(runs));
  BOOST_TEST(seen.entries == 2u);
  BOOST_TEST(seen.most == limits::kForgottenPerEntryMax);
  BOOST_TEST(host.node->group(GroupId(1)).tables().run_count() == 0u);
  BOOST_TEST(!host.node->group(GroupId(1)).tables().oldest_needed().has_value());
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_stays_so_over_crashes_and_snapshots) {
  Host host(2);
  host.boot();
  host.deploy(kept_for("w", "1h"));
  for (int i = 0; i < 20; ++i) host.start("r" + std::to_string(i));
  for (int i = 0; i < 10; ++i) stop(&host, "r" + std::to_string(i));
  host.advance(2 * kHour);
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 20; ++i) BOOST_TEST(is_there(host, "r" + std::to_string(i)) == (i >= 10));
    BOOST_TEST(host.audit() == "");
    for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
      const GroupSnapshot taken = snapshot_of(host.node.get(), GroupId(g));
      host.snapshots.push_back(taken.bytes);
      host.snapshot_places.emplace_back(taken.index, taken.term);
    }
    host.crash();
    if (life == 1) host.snapshots.clear();
    host.boot();
  }
  // What closes is due after a start as it was before.
  stop(&host, "r19");
  host.crash();
  host.snapshots.clear();
  host.boot();
  host.advance(2 * kHour);
  BOOST_TEST(!is_there(host, "r19"));
  BOOST_TEST(is_there(host, "r18"));
}

BOOST_AUTO_TEST_CASE(who_comes_while_it_is_being_forgotten_waits_and_hears_of_it) {
  Host host(1);
  host.boot();
  host.deploy(kept_for("w", "1h"));
  host.start("r");
  stop(&host, "r");
  host.stall(2 * kHour);
  host.tick();
  BOOST_REQUIRE(host.begin());  // the entry is with the disk
  BOOST_TEST(is_there(host, "r"));
  const RequestId late = host.ask(signal_of("r", "stop"));
  const RequestId anew = host.ask(start_of("r"));
  BOOST_TEST(!host.answered(late));
  host.drain();
  BOOST_TEST(host.status(late) == 404);
  BOOST_TEST(host.status(anew) == 201);
  BOOST_TEST(!host.run("r").closed());
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_busy_id_is_passed_over_and_tried_again) {
  Host host(1);
  host.boot();
  host.deploy(kept_for("w", "1h"));
  host.start("r");
  stop(&host, "r");
  host.start("other");
  stop(&host, "other");
  host.stall(2 * kHour);
  host.ask(start_of("r"));  // its entry waits for the disk
  host.tick();
  host.drain();
  BOOST_TEST(!is_there(host, "other"));
  BOOST_TEST(host.node->group(GroupId(1)).tables().run_count() == 2u);
  host.advance(2 * limits::kForgetRetryMs);
  BOOST_TEST(host.node->group(GroupId(1)).tables().run_count() == 1u);
  BOOST_TEST(!host.run("r").closed());
}

BOOST_AUTO_TEST_CASE(a_withdrawn_task_of_a_forgotten_run_is_unknown) {
  Host host(1);
  host.boot();
  host.deploy(std::string(kTask) + "[retention]\nclosed = \"5s\"\n");
  host.start("r", "job");
  const RequestId poll = host.poll();
  const std::string token = host.answer(poll).tokens.at(0);
  host.signal("r", "leave");  // the worker still has the task
  host.stall(10'000);
  host.tick();
  host.drain();
  BOOST_TEST(!is_there(host, "r"));
  const RequestId report = host.ask(complete_of(token));
  host.drain();
  BOOST_TEST(host.status(report) == 404);
  host.advance(kHour);  // its lease ends, and nobody minds
  BOOST_TEST(host.audit() == "");
  BOOST_TEST(host.node->next_wake_mono_ms() == INT64_MAX);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_cold_run_that_is_forgotten_hears_that_there_is_none) {
  Host host(1);
  host.boot();
  host.deploy(std::string(kCounter) + "[retention]\nclosed = \"1h\"\n");
  host.start("r");
  host.signal("r", "blob", "{\"text\": \"" + std::string(20'000, 'x') + "\"}");
  stop(&host, "r");
  host.advance(1);
  const RequestId read = host.ask(Barrier{RunRef{"r", std::nullopt}});
  const RequestId command = host.ask(signal_of("r", "stop"));
  BOOST_REQUIRE(host.loads.size() == 1u);
  const RunLoaded loaded = host.load(host.loads.at(0));
  host.advance(2 * kHour);
  BOOST_TEST(!is_there(host, "r"));
  BOOST_TEST(host.reads.count(read) == 0u);
  host.give(loaded);
  host.drain();
  BOOST_TEST(host.reads.count(read) == 1u);
  BOOST_TEST((host.status(command) == 404 || host.status(command) == 504));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
