// Runs that continue as new by themselves (node/checkpoint.h): when, and what is left of the
// generations before.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/residency.h"
#include "node/needed.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

// `spin` goes round 500 times at once; `work` is a task.
constexpr char kLoop[] = R"(
dsl = 1
name = "loop"
start = "idle"
[history]
max_events = 1000
[retention]
closed = "10d"
[vars]
n = 0
[signal.spin]
[signal.work]
[signal.stop]
[signal.fill]
payload.text = "string"
[on.fill]
save.text = "= signal.text"
[state.idle]
on.spin = { next = "round" }
on.work = { next = "work" }
on.stop = { next = "end" }
[state.round]
set.n = "= vars.n + 1"
choose = [{ if = "vars.n % 500 == 0", next = "idle" }, { next = "round" }]
[state.work]
task = "do"
timeout = { attempt = "10m" }
on.spin = { next = "round" }
next = "idle"
)";

struct Loop : Host {
  Loop() : Host(1) {
    boot();
    deploy(kLoop);
    start("r", "loop");
  }
  void spin(int times) {
    for (int i = 0; i < times; ++i) signal("r", "spin");
  }
  const engine::Tables& tables() const { return node->group(GroupId(1)).tables(); }
  std::size_t generations() const { return run("r").older->size(); }
};

BOOST_AUTO_TEST_SUITE(checkpoint)

BOOST_AUTO_TEST_CASE(a_run_of_100000_rounds_stays_small) {
  Loop host;
  host.spin(4);
  const std::size_t small = snapshot_of(host.node.get(), GroupId(1)).bytes.size();
  host.spin(196);
  BOOST_TEST(host.var("r", "n").as_int() == 100'000);
  BOOST_TEST(host.run("r").generation > 90u);
  BOOST_TEST(host.run("r").seq.v - host.run("r").checkpoint.v < 3'000u);
  // A generation that is kept is a few numbers; the answers by key and the run do not grow.
  const std::size_t large = snapshot_of(host.node.get(), GroupId(1)).bytes.size();
  BOOST_TEST(large < small + 40 * host.generations());
  BOOST_TEST(host.audit() == "");
  host.crash();
  host.boot();
  BOOST_TEST(host.var("r", "n").as_int() == 100'000);
  BOOST_TEST(host.audit() == "");
  host.spin(1);
  BOOST_TEST(host.var("r", "n").as_int() == 100'500);
}

BOOST_AUTO_TEST_CASE(a_reader_of_the_newest_generation_needs_nothing_before_it) {
  Loop host;
  host.spin(7);
  const engine::Run& run = host.run("r");
  BOOST_TEST(run.generation > 2u);
  const RunLoaded read = host.load(LoadRun{GroupId(1), run.uid().index, run.last_entry});
  // Where the generations are is not the history's to say.
  read.run->first_entry = run.first_entry;
  read.run->older = run.older;
  BOOST_TEST(engine::first_difference(*read.run, run) == "");
}

BOOST_AUTO_TEST_CASE(a_task_that_is_out_keeps_its_token) {
  Loop host;
  host.deploy(kLoop);
  host.signal("r", "work");
  const std::string token = host.answer(host.poll()).tokens.at(0);
  // Signals to another run of the workflow do not matter; this one's history grows by pauses.
  const std::uint32_t before = host.run("r").generation;
  for (int i = 0; i < 600; ++i) {
    host.ask(command_of("r", engine::Pause{""}));
    host.ask(command_of("r", engine::Resume{""}));
    host.drain();
  }
  BOOST_TEST(host.run("r").generation > before);
  const RequestId done = host.ask(complete_of(token));
  host.drain();
  BOOST_TEST(host.status(done) == 200);
  BOOST_TEST(host.run("r").state() == "idle");
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(older_generations_are_forgotten_when_their_retention_is_over) {
  Loop host;
  host.spin(5);
  const std::size_t first = host.generations();
  BOOST_TEST(first >= 2u);
  const Index begins = host.run("r").uid().index;
  BOOST_TEST((host.tables().oldest_needed() == begins));
  host.advance(5LL * 24 * 3'600'000);
  host.spin(5);
  BOOST_TEST(host.generations() > first);
  host.advance(5LL * 24 * 3'600'000 + 3'600'000);
  const std::size_t left = host.generations();
  BOOST_TEST(left >= 2u);
  BOOST_TEST(left < first + 5);
  BOOST_TEST((*host.tables().oldest_needed() > begins));
  BOOST_TEST((host.run("r").uid().index == begins));  // the run itself is open
  BOOST_TEST(host.audit() == "");
  host.crash();
  host.boot();
  BOOST_TEST(host.generations() == left);
  host.signal("r", "stop");
  host.advance(11LL * 24 * 3'600'000);
  BOOST_TEST(host.tables().run_count() == 0u);
  BOOST_TEST(!host.tables().oldest_needed().has_value());
  BOOST_TEST(host.audit() == "");
}

// A large run that has closed is read back from its last generation alone.
BOOST_AUTO_TEST_CASE(a_cold_run_of_a_later_generation_is_loaded) {
  Loop host;
  host.spin(5);
  host.signal("r", "fill", R"({"text": ")" + std::string(10'000, 'x') + "\"}");
  host.signal("r", "stop");
  const std::size_t kept = host.generations();
  BOOST_TEST(kept >= 2u);
  host.tick();
  host.drain();
  BOOST_REQUIRE(engine::is_cold(host.run("r")));
  const RequestId read = host.ask(Barrier{RunRef{"r", std::nullopt}});
  host.drain();
  BOOST_REQUIRE(host.loads.size() == 1u);
  const LoadRun wanted = host.loads[0];
  host.loads.clear();
  host.give(host.load(wanted));
  BOOST_TEST(host.reads.contains(read));
  BOOST_TEST(host.var("r", "text").as_string().size() == 10'000u);
  BOOST_TEST(host.generations() == kept);
  BOOST_TEST(host.audit() == "");
}

// What no kept generation needs is given up, though the run itself is older than all of it.
BOOST_AUTO_TEST_CASE(a_run_that_goes_on_for_ever_does_not_hold_the_journal) {
  Loop host;
  const auto give_up = [&] {
    std::vector<Index> covered;
    for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
      covered.push_back(host.node->group(GroupId(g)).applied());
    }
    host.journal->recycle_below(first_segment_needed(*host.node, *host.journal, covered));
    host.spin(1);
    return host.journal->oldest_segment();
  };
  host.spin(40);
  BOOST_TEST(give_up() == 1u);  // all its generations are kept
  host.advance(11LL * 24 * 3'600'000);
  host.spin(5);
  BOOST_TEST(host.generations() < 6u);
  BOOST_TEST(give_up() > 1u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(who_comes_meanwhile_is_decided_after_it) {
  Loop host;
  host.spin(1);
  host.ask(signal_of("r", "spin"));
  BOOST_REQUIRE(host.begin());
  // Both wait for the entry that brings the history past its bounds.
  const RequestId second = host.ask(signal_of("r", "spin"));
  const RequestId third = host.ask(signal_of("r", "spin"));
  host.drain();
  BOOST_TEST(host.status(second) == 200);
  BOOST_TEST(host.status(third) == 200);
  BOOST_TEST(host.var("r", "n").as_int() == 2'000);
  BOOST_TEST(host.run("r").generation >= 2u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
