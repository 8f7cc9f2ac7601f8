// A generation that begins with run.renewed: it is read by itself, and may go by another version.
#include <boost/test/unit_test.hpp>

#include "base/limits_permits.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "loop"
start = "inner"
[vars]
n = 0
[signal.go]
[signal.stop]
[state.inner]
flow = "two"
save.n = "= vars.n + 1"
next = "wait"
[state.wait]
on.go = { next = "anew" }
on.stop = { next = "end" }
[state.anew]
continue = { with = { n = "= vars.n" }, version = "latest" }
[flow.two.state.one]
task = "t"
save.r = "= result"
next = "end"
)toml";

// Begins the next generation, by this version.
Decision begin_anew(World* world, std::uint32_t version) {
  const Run before = world->run();
  Context context = world->context();
  context.latest = context.definition;
  context.latest_version = version;
  Decision decision = decide(before, Checkpoint{}, context);
  world->commit(decision, &before);
  return decision;
}

BOOST_AUTO_TEST_SUITE(renewal)

// However long the names and keys of limits are: what does not fit into a run is refused to the
// item that asks for it, and what is in the run fits into an entry, also of a reset.
BOOST_AUTO_TEST_CASE(all_permits_of_a_run_fit_into_a_generation) {
  const auto name = [](char letter) { return std::string(90, letter); };
  std::string text = R"toml(
dsl = 1
name = "wide"
start = "all"
[history]
max_events = 10
[state.all]
map = "= lists.range(1900)"
concurrency = 900
tolerate = 1900
next = "end"
do = { task = "t", timeout.queue = "9h", limits = [)toml";
  for (const char letter : {'a', 'b', 'c', 'd'}) text += "\"" + name(letter) + "\", ";
  text += "] }\n";
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    text += "[limit." + name(letter) + "]\nconcurrency = 10000\nkey = \"" + std::string(199, 'k') +
            "\"\n";
  }
  World world(text);
  world.checks = false;
  world.start();
  world.advance(60'000);
  const RunPermits& permits = *world.run().tree->permits;
  BOOST_TEST(permits.tasks.size() > 100u);
  BOOST_TEST(permits.tasks.size() < 1'000u);
  BOOST_TEST(permit_bytes(permits) <= limits::kRunPermitBytesMax);
  const Gather* gather = world.run().gather(0);
  BOOST_REQUIRE(gather != nullptr);
  BOOST_TEST(gather->failed > 900u);
  const auto past = std::make_shared<Run>(world.run());
  world.send(Checkpoint{});
  BOOST_TEST(world.run().generation == 2u);
  // Again and again: what the present has is to be given back, what the past had is asked for.
  Decision last;
  for (int i = 0; i < 12 && last.refusal == Refusal::none; ++i) {
    last = world.send(Reset{past->seq, "again", past});
  }
  BOOST_TEST((last.refusal == Refusal::none || last.refusal == Refusal::too_big));
  BOOST_TEST(run_problem(world.run()) == "");
}

BOOST_AUTO_TEST_CASE(a_reader_of_a_generation_needs_nothing_before_it) {
  World world(kWorkflow);
  world.start("{}");
  world.complete(world.hand_out(), "7");
  world.signal("go");
  const Decision decision = begin_anew(&world, 1);
  BOOST_REQUIRE(!decision.events.empty());
  BOOST_REQUIRE(std::holds_alternative<RunRenewed>(decision.events[0]));
  const Run& known = world.run();
  BOOST_CHECK_EQUAL(known.generation, 2u);
  std::string bytes;
  encode_events(decision.events, &bytes);
  std::vector<Event> read;
  const Seq first(known.seq.v - decision.events.size() + 1);
  BOOST_REQUIRE(decode_events(bytes, nullptr, first, &read).ok());
  Run run;
  HashScratch scratch;
  for (const Event& event : read) BOOST_REQUIRE(evolve(&run, event, world.now, &scratch));
  run.last_entry = known.last_entry;
  run.first_entry = known.first_entry;
  run.older = known.older;
  BOOST_CHECK_EQUAL(first_difference(run, known), "");
  BOOST_CHECK(run.hash == known.hash);
}

BOOST_AUTO_TEST_CASE(runs_are_counted_by_the_version_they_go_by) {
  World world(kWorkflow);
  world.start("{}");
  for (const std::uint32_t version : {1u, 2u, 2u, 3u, 1u}) {
    world.complete(world.hand_out(), "7");
    world.signal("go");
    begin_anew(&world, version);
    BOOST_CHECK_EQUAL(world.run().version(), version);
    const auto& open = world.tables.open_by_version();
    BOOST_REQUIRE_EQUAL(open.size(), 1u);
    BOOST_CHECK(open.begin()->first == std::make_pair(std::string("loop"), version));
    BOOST_CHECK_EQUAL(open.begin()->second, 1u);
    BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
    BOOST_CHECK_EQUAL(world.tables.generations().by_version().size(), 1u);
  }
  world.complete(world.hand_out(), "7");
  world.signal("stop");
  BOOST_CHECK(world.run().closed());
  BOOST_CHECK(world.tables.open_by_version().empty());
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
