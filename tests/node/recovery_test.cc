// What outlives a process: definitions, messages between groups, snapshots, levels; and the time
// entries are stamped with.
#include <boost/test/unit_test.hpp>

#include "base/bytes.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "dsl/definition.h"
#include "tests/log/journal_model.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

// Counts of the entries that are not a run's.
struct Systemic final : log::RecoverySink {
  int raises = 0, sends = 0, receives = 0, acks = 0;
  absl::Status on_hard_state(GroupId, const log::HardState&) override { return absl::OkStatus(); }
  absl::Status on_entry(GroupId group, Term, Index, std::string_view payload) override {
    if (payload.empty()) return absl::OkStatus();
    codecs::Entry entry;
    std::string error;
    if (!codecs::decode_entry(payload, &entry, &error)) return absl::DataLossError(error);
    raises += entry.raise_level > 0 ? 1 : 0;
    sends += static_cast<int>(entry.sends.size());
    receives += entry.receive.number > 0 ? 1 : 0;
    acks += entry.ack_through > 0 ? 1 : 0;
    BOOST_TEST((entry.receive.number == 0 || group.v == 0));
    return absl::OkStatus();
  }
};

Systemic read_journal(const Host& host) {
  log::MemoryFileSystem copy = host.files.copy();
  Systemic seen;
  BOOST_REQUIRE(log::Journal::open(copy, log::small_options(), seen, nullptr).ok());
  return seen;
}

std::string tables(const Host& host, std::uint16_t group) {
  std::string bytes;
  host.node->group(GroupId(group)).tables().encode(&bytes);
  return bytes;
}

BOOST_AUTO_TEST_SUITE(recovery)

BOOST_AUTO_TEST_CASE(the_feature_level_is_raised_once_in_each_group) {
  Host host;
  for (int life = 0; life < 3; ++life) {
    host.boot();
    for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
      BOOST_TEST(host.node->group(GroupId(g)).tables().feature_level() == kFeatureLevel);
    }
    host.crash();
  }
  BOOST_TEST(read_journal(host).raises == 4);
}

BOOST_AUTO_TEST_CASE(the_group_of_a_run_never_changes) {
  Host host(8);
  host.boot();
  // As every store made so far has it: a change would lose runs.
  BOOST_TEST(host.node->group_of("order-42").v == host.node->group_of("order-42/invoice").v);
  BOOST_TEST(host.node->group_of("order-42/a").v == host.node->group_of("order-42/b").v);
  std::set<std::uint16_t> groups;
  std::uint64_t sum = 0;
  for (int i = 0; i < 200; ++i) {
    const GroupId group = host.node->group_of("run-" + std::to_string(i));
    BOOST_TEST((group.v >= 1 && group.v <= 8));
    groups.insert(group.v);
    sum = sum * 31 + group.v;
  }
  BOOST_TEST(groups.size() == 8u);
  BOOST_TEST(sum == 12001408130161701970u);
}

BOOST_AUTO_TEST_CASE(a_deployment_is_new_or_known_and_outlives_a_crash) {
  Host host;
  host.boot();
  const std::string first = with_id("a", ""), second = with_id("a", "reuse = \"reject\"");
  const RequestId deployed = host.ask(DeployWorkflow{"a", first, true});
  BOOST_TEST(!host.answered(deployed));
  const RequestId stored = host.ask(DeployWorkflow{"a", second, false});  // waits for the first
  const RequestId known = host.ask(DeployWorkflow{"a", second, false});
  host.drain();
  BOOST_TEST(host.status(deployed) == 201);
  BOOST_TEST((host.member(deployed, "default_changed") == json("true")));
  BOOST_TEST(host.status(stored) == 201);
  BOOST_TEST(host.member(stored, "version").as_int() == 2);
  BOOST_TEST((host.member(stored, "default_changed") == json("false")));
  BOOST_TEST(host.status(known) == 200);
  host.crash();
  host.boot();
  BOOST_TEST(host.member(host.start("r", "a"), "version").as_int() == 1);
  // Deploying what is known makes it the default again.
  const RequestId activated = host.ask(DeployWorkflow{"a", second, true});
  host.drain();
  BOOST_TEST(host.status(activated) == 200);
  BOOST_TEST((host.member(activated, "default_changed") == json("true")));
  BOOST_TEST(host.member(host.start("s", "a"), "version").as_int() == 2);
  BOOST_TEST(host.run("r").version() == 1u);
}

BOOST_AUTO_TEST_CASE(the_default_is_set_to_a_version_that_is_there) {
  Host host;
  host.boot();
  host.deploy(with_id("a", ""));
  host.deploy(with_id("a", "reuse = \"reject\""));
  const RequestId set = host.ask(SetDefault{"a", 1, "back"});
  host.drain();
  BOOST_TEST(host.status(set) == 200);
  BOOST_TEST(host.member(host.start("r", "a"), "version").as_int() == 1);
  BOOST_TEST(host.status(host.ask(SetDefault{"a", 3, ""})) == 404);
  BOOST_TEST(host.status(host.ask(SetDefault{"b", 1, ""})) == 404);
  BOOST_TEST(host.status(host.ask(SetDefault{"a", 1, "still"})) == 200);  // nothing to commit
}

BOOST_AUTO_TEST_CASE(a_keyed_deployment_is_replayed) {
  Host host;
  host.boot();
  Asking asking;
  asking.key = "k";
  const DeployWorkflow deploy{"a", with_id("a", ""), true};
  const RequestId first = host.ask(deploy, asking);
  const RequestId under_way = host.ask(deploy, asking);
  host.drain();
  host.crash();
  host.boot();
  const RequestId again = host.ask(deploy, asking);
  BOOST_TEST(host.status(again) == 201);
  BOOST_TEST(host.answer(again).body == host.answer(first).body);
  BOOST_TEST(host.answer(under_way).body == host.answer(first).body);
  asking.body = "another";
  BOOST_TEST(host.status(host.ask(deploy, asking)) == 422);
}

// What group 0 knew was lost, and the number given to another definition since: the run is not
// decided by that one, but by its own once that is there.
BOOST_AUTO_TEST_CASE(a_number_that_was_given_to_another_definition) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  host.kill();
  host.boot();
  const std::string text = std::string(kCounter) + "\n[history]\nmax_events = 77\n";
  engine::VersionStored other;
  other.name = "w";
  other.version = 1;
  other.text = text;
  other.hash = dsl::parse_definition(text).definition->hash;
  engine::Catalog given_again;
  BOOST_REQUIRE(given_again.apply(other));
  host.node->definitions().catalog() = given_again;
  const RequestId refused = host.signal("r", "add", R"({"id": 1})");
  BOOST_TEST(host.status(refused) == 503);
  BOOST_TEST(host.type(refused) == "definition-missing");
  host.kill();
  host.boot();
  BOOST_TEST(host.status(host.signal("r", "add", R"({"id": 1})")) == 200);
}

// They are due before all others, and stay so.
BOOST_AUTO_TEST_CASE(timers_that_can_not_be_decided_hold_up_no_other) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  constexpr int kRuns = 2 * static_cast<int>(limits::kTimersFiredPerTurnMax) + 10;
  for (int i = 0; i < kRuns; ++i) {
    const std::string id = id_in_group(*host.node, 1, i);
    host.start(id);
    host.signal(id, "nap");
  }
  host.stall(1'000);
  host.deploy(R"toml(
dsl = 1
name = "sleeper"
start = "asleep"
[state.asleep]
after = [ { in = "1m", next = "done" } ]
[state.done]
end = "completed"
)toml");
  const std::string sleeper = id_in_group(*host.node, 1, kRuns);
  host.start(sleeper, "sleeper");
  host.kill();
  host.boot();
  engine::Catalog& catalog = host.node->definitions().catalog();
  engine::Catalog lacking;
  for (const char* name : {"w", "sleeper"}) {
    engine::VersionStored version;
    version.name = name;
    version.version = 1;
    version.text = catalog.find(name, 1)->text;
    if (version.name == "w") version.text += "\n[history]\nmax_events = 77\n";
    version.hash = dsl::parse_definition(version.text).definition->hash;
    BOOST_REQUIRE(lacking.apply(version));
  }
  catalog = lacking;
  host.stall(120'000);
  host.advance(10);
  BOOST_TEST(host.run(sleeper).closed());
  BOOST_TEST(host.run(id_in_group(*host.node, 1, 0)).state() == "nap");
  // Those are not tried again and again meanwhile.
  BOOST_TEST(host.node->stats().timers_fired == kRuns + 1u);
  host.advance(limits::kTimersRetryMs);
  BOOST_TEST(host.node->stats().timers_fired == 2u * kRuns + 1u);
}

BOOST_AUTO_TEST_CASE(a_pin_reaches_the_catalog_once) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  for (int i = 0; i < 5; ++i) host.start(id_in_group(*host.node, 2, i));
  const auto* version = host.node->definitions().catalog().find("w", 1);
  BOOST_REQUIRE(version != nullptr);
  BOOST_TEST(version->pinned_by.size() == 1u);
  BOOST_TEST(version->pinned_by.contains(GroupId(2)));
  const Systemic seen = read_journal(host);
  BOOST_TEST((seen.sends == 1 && seen.receives == 1 && seen.acks == 1));
}

// Power loss after each batch: the start with its message, the receipt, the acknowledgement.
BOOST_AUTO_TEST_CASE(a_pin_reaches_the_catalog_once_across_crashes) {
  for (int batches = 1; batches <= 3; ++batches) {
    for (int mid = 0; mid < 2; ++mid) {
      BOOST_TEST_CONTEXT("after " << batches << " batches, " << mid) {
        Host host;
        host.boot();
        host.deploy(kCounter);
        host.ask(start_of(id_in_group(*host.node, 2, 1)));
        for (int i = 0; i < batches; ++i) {
          if (host.begin()) host.finish();
        }
        if (mid == 1) host.begin();
        host.crash();
        host.boot();
        BOOST_TEST(host.node->definitions().catalog().find("w", 1)->pinned_by.size() == 1u);
        const auto& sender = host.node->group(GroupId(2)).tables().channels();
        BOOST_TEST(sender.destinations().empty());
        const Systemic seen = read_journal(host);
        BOOST_TEST(seen.sends == 1);
        BOOST_TEST(seen.receives == 1);
        BOOST_TEST(seen.acks >= 1);
      }
    }
  }
}

struct Lived : Host {
  Lived() {
    boot();
    deploy(kCounter);
    deploy(kTask);
    for (int i = 0; i < 6; ++i) {
      const std::string id = "r" + std::to_string(i);
      Asking asking;
      asking.key = "key of " + id;
      start(id, "w", asking);
      signal(id, "add", R"({"id": 1})");
      signal(id, i % 2 == 0 ? "work" : "nap");
    }
    start("j", "job");
    poll(2);
  }
};

BOOST_AUTO_TEST_CASE(replay_gives_equal_tables) {
  Lived host;
  std::vector<std::string> before;
  for (std::uint16_t g = 0; g < 4; ++g) before.push_back(tables(host, g));
  const engine::Catalog catalog = host.node->definitions().catalog();
  host.crash();
  host.boot(/*only_open=*/true);
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST(tables(host, g) == before[g]);
  BOOST_TEST((host.node->definitions().catalog() == catalog));
  host.drain();
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_snapshot_gives_equal_tables_and_the_rest_is_replayed) {
  Lived host;
  for (std::uint16_t g = 0; g < 4; ++g) {
    const auto taken = snapshot_of(host.node.get(), GroupId(g));
    host.snapshots.push_back(taken.bytes);
    host.snapshot_places.emplace_back(taken.index, taken.term);
  }
  host.signal("r0", "add", R"({"id": 2})");
  host.advance(20'000);
  std::vector<std::string> before;
  for (std::uint16_t g = 0; g < 4; ++g) before.push_back(tables(host, g));
  host.crash();
  host.boot(/*only_open=*/true);
  for (std::uint16_t g = 0; g < 4; ++g) BOOST_TEST(tables(host, g) == before[g]);
  host.drain();
  BOOST_TEST((host.var("r0", "log") == json("[1,2]")));
  BOOST_TEST(host.audit() == "");
  host.advance(120'000);
  BOOST_TEST((host.var("r1", "ticks") == json("1")));
  Asking asking;
  asking.key = "key of r1";
  BOOST_TEST(host.status(host.start("r1", "w", asking)) == 201);
}

// The journal's old segments are given up; without the snapshots the store does not open.
BOOST_AUTO_TEST_CASE(a_snapshot_replaces_the_journals_beginning) {
  Lived host;
  const std::string blob = R"({"text": ")" + std::string(30 * 1024, 'x') + R"("})";
  for (int i = 0; i < 6; ++i) host.signal("r0", "blob", blob);
  BOOST_TEST(host.journal->current_segment() > host.journal->oldest_segment());
  for (std::uint16_t g = 0; g < 4; ++g) {
    const auto taken = snapshot_of(host.node.get(), GroupId(g));
    host.snapshots.push_back(taken.bytes);
    host.snapshot_places.emplace_back(taken.index, taken.term);
  }
  host.journal->recycle_below(host.journal->current_segment());
  host.signal("r0", "add", R"({"id": 3})");
  BOOST_TEST(host.journal->current_segment() == host.journal->oldest_segment());
  host.crash();
  const auto snapshots = std::exchange(host.snapshots, {});
  BOOST_TEST(host.boot_refused().find("was given up") != std::string::npos);
  host.snapshots = snapshots;
  host.boot();
  BOOST_TEST((host.var("r0", "log") == json("[1,3]")));
  BOOST_TEST(host.status(host.start("new")) == 201);
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_another_history_stops_the_process) {
  Lived host;
  for (std::uint16_t g = 0; g < 4; ++g) {
    const auto taken = snapshot_of(host.node.get(), GroupId(g));
    host.snapshots.push_back(taken.bytes);
    host.snapshot_places.emplace_back(taken.index, taken.term);
  }
  host.snapshot_places[1].second = host.snapshot_places[1].second.next();
  host.crash();
  BOOST_CHECK_EXCEPTION(host.boot(), std::runtime_error, [](const std::runtime_error& e) {
    return std::string_view(e.what()).find("is not the journal's") != std::string_view::npos;
  });
}

// Why a snapshot is refused, or "".
std::string refusal(GroupId group, const std::string& bytes) {
  try {
    for (const std::size_t piece : {1, 7, 4096}) thawed(group, bytes, piece);
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "";
}

BOOST_AUTO_TEST_CASE(rubbish_is_no_snapshot) {
  Host host;
  host.boot();
  const auto taken = snapshot_of(host.node.get(), GroupId(1));
  const auto system = snapshot_of(host.node.get(), GroupId(0));
  BOOST_TEST(refusal(GroupId(1), taken.bytes) == "");
  BOOST_TEST(refusal(GroupId(0), system.bytes) == "");
  for (const std::string& bytes :
       {std::string(), std::string("rubbish"), taken.bytes + "x", taken.bytes + taken.bytes,
        taken.bytes.substr(1), system.bytes}) {
    BOOST_TEST(refusal(GroupId(1), bytes) != "");
  }
  for (std::size_t n = 0; n < taken.bytes.size(); ++n) {
    BOOST_TEST(refusal(GroupId(1), taken.bytes.substr(0, n)) != "");
  }
  BOOST_TEST(refusal(GroupId(2), taken.bytes) != "");  // of another group
  BOOST_TEST(refusal(GroupId(0), taken.bytes) != "");
  std::string newer = taken.bytes;
  ++newer[1];
  BOOST_TEST(refusal(GroupId(1), newer).find("format this pawl does not know") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_number_of_groups_is_refused) {
  Host host(3);
  host.boot();
  host.crash();
  Host narrow(2);
  narrow.files = host.files.copy();
  BOOST_TEST(narrow.boot_refused().find("fixed when a store is made") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_entry_that_can_not_be_understood_refuses_the_store) {
  for (const int bad : {0, 1, 2}) {
    Host host(3);
    host.boot();
    host.crash();
    codecs::Entry entry;
    entry.time = TimeMs(kEpochMs);
    if (bad == 1) entry.level = kFeatureLevel + 1;
    if (bad == 2) {  // events of a run that is not there
      entry.run = Index(99);
      entry.first_seq = Seq(5);
      entry.events = std::string("\x02\x00", 2);
    }
    log::JournalModel model;
    {
      auto journal = log::Journal::open(host.files, log::small_options(), model, nullptr).value();
      codecs::EntryEncoder encoder;
      const std::string bytes = bad == 0 ? "rubbish" : std::string(encoder.encode(entry));
      journal->append(GroupId(1), Term(1), Index(model.last(1) + 1), bytes);
      BOOST_REQUIRE(log::flush(host.files, journal.get()).ok());
    }
    BOOST_TEST(host.boot_refused().find("group 1, index 3") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(node_time)

struct Clock {
  NodeTime time;
  Now now{500, kEpochMs, false};
  std::int64_t stamp() { return time.stamp(now, now.wall_trusted).v - kEpochMs; }
  void run(std::int64_t mono_ms, std::int64_t wall_ms) {
    now.mono_ms += mono_ms;
    now.wall_ms += wall_ms;
  }
};

BOOST_AUTO_TEST_CASE(a_new_store_believes_the_wall_clock) {
  Clock clock;
  BOOST_TEST(clock.stamp() == 0);
  clock.run(10, 10);
  BOOST_TEST(clock.stamp() == 10);
  BOOST_TEST(clock.time.mono_ms_of(TimeMs(kEpochMs + 60)) == 560);
  clock.run(0, limits::kClockJumpMsMax);  // a correction, not a jump
  BOOST_TEST(clock.stamp() == 10 + limits::kClockJumpMsMax);
  BOOST_TEST(!clock.time.held());
}

BOOST_AUTO_TEST_CASE(time_never_goes_back) {
  Clock clock;
  BOOST_TEST(clock.stamp() == 0);
  clock.run(10, -3'600'000);
  BOOST_TEST(clock.stamp() == 10);
  clock.run(10, 10);
  BOOST_TEST(clock.stamp() == 20);
  clock.run(-5, 0);  // nor with a monotonic clock that is none
  BOOST_TEST(clock.stamp() == 20);
}

BOOST_AUTO_TEST_CASE(a_jump_is_held_until_it_is_trusted) {
  Clock clock;
  clock.time.restore(TimeMs(kEpochMs));
  clock.run(0, limits::kClockJumpMsMax + 1);
  BOOST_TEST(clock.stamp() == 0);
  BOOST_TEST(clock.time.held());
  clock.run(1'000, 1'000);
  BOOST_TEST(clock.stamp() == 1'000);
  BOOST_TEST(clock.time.mono_ms_of(TimeMs(kEpochMs + 3'000)) == clock.now.mono_ms + 2'000);
  clock.now.wall_trusted = true;
  BOOST_TEST(clock.stamp() == 1'000 + limits::kClockJumpMsMax + 1);
  BOOST_TEST(!clock.time.held());
}

BOOST_AUTO_TEST_CASE(a_stamp_that_was_vouched_for_is_where_time_goes_on) {
  Clock clock;
  clock.time.restore(TimeMs(kEpochMs));
  const std::int64_t year = 365LL * 86'400'000;
  clock.run(0, year);
  BOOST_TEST(clock.stamp() == 0);
  clock.time.observe(TimeMs(clock.now.wall_ms), clock.now.mono_ms);
  BOOST_TEST(clock.stamp() == year);
  BOOST_TEST(!clock.time.held());
  clock.run(0, year);
  BOOST_TEST(clock.stamp() == year);
  BOOST_TEST(clock.time.held());
}

// A box without a clock battery wakes in another year: nothing fires until somebody vouches for it.
BOOST_AUTO_TEST_CASE(a_held_clock_fires_nothing) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  host.signal("r", "nap");
  host.now.wall_trusted = false;
  host.now.wall_ms += 73LL * 365 * 86'400'000;
  host.advance(0);
  BOOST_TEST(host.node->time_held());
  BOOST_TEST(host.run("r").state() == "nap");
  host.crash();
  host.now.mono_ms = 10;  // of the next boot
  host.boot();
  host.advance(30'000);
  BOOST_TEST(host.run("r").state() == "nap");
  const AcceptTime wall{TimeMs(host.now.wall_ms)};
  for (int n = 0; n < 2; ++n) {  // under its key it has the same answer twice
    const RequestId accept = host.ask(wall, {.key = "k"});
    host.drain();
    BOOST_TEST((host.member(accept, "changed") == json("true")));
  }
  host.advance(0);
  BOOST_TEST(host.run("r").state() == "idle");
  BOOST_TEST(host.run("r").updated_at.v > kEpochMs + 72LL * 365 * 86'400'000);
  host.now.wall_ms = kEpochMs;  // corrected at last: time goes on from where it was
  const RequestId again = host.ask(AcceptTime{TimeMs(host.now.wall_ms)});
  host.drain();
  BOOST_TEST((host.member(again, "changed") == json("false")));
  host.signal("r", "nap");
  host.advance(60'000);
  BOOST_TEST((host.var("r", "ticks") == json("2")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
