// Runs that are not in memory (engine/residency.h): who needs one waits until it is loaded.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/residency.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

// Runs "r" (closed, cold) and "s" (idle).
struct Cold : Host {
  Cold() {
    boot();
    deploy(kCounter);
    start("s");
    start("r");
    signal("r", "blob", R"({"text": ")" + std::string(engine::kColdBytesMin, 'x') + R"("})");
    stop_it();
  }
  void stop_it() {
    signal("r", "stop");
    tick();
  }
  LoadRun wanted() {
    const std::vector<LoadRun> all = std::exchange(loads, {});
    if (all.size() != 1) throw std::runtime_error(std::to_string(all.size()) + " loads");
    return all[0];
  }
  RequestId read(const std::string& id) { return ask(Barrier{RunRef{id, std::nullopt}}); }
  bool cold() const { return engine::is_cold(run("r")); }
};

BOOST_AUTO_TEST_SUITE(cold)

BOOST_AUTO_TEST_CASE(a_large_closed_run_leaves_memory_and_only_that) {
  Cold host;
  BOOST_TEST(host.cold());
  BOOST_TEST(!engine::is_cold(host.run("s")));
  BOOST_TEST(host.node->stats().unloads == 1u);
  BOOST_TEST(host.loads.empty());
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_read_of_a_cold_run_waits_for_it) {
  Cold host;
  const RequestId read = host.read("r");
  BOOST_TEST(!host.reads.contains(read));
  BOOST_TEST(host.reads.contains(host.read("s")));  // others do not wait
  const LoadRun wanted = host.wanted();
  BOOST_TEST((wanted.run == host.run("r").uid().index));
  host.give(host.load(wanted));
  BOOST_TEST(host.reads.contains(read));
  BOOST_TEST(!host.cold());
  BOOST_TEST(host.var("r", "blob").as_string().size() == engine::kColdBytesMin);
  host.tick();  // it was shown: it leaves memory again
  BOOST_TEST(host.cold());
}

BOOST_AUTO_TEST_CASE(a_signal_to_a_cold_run_is_refused_when_it_is_loaded) {
  Cold host;
  const RequestId signal = host.ask(signal_of("r", "add", R"({"id": 1})"));
  BOOST_TEST(!host.answered(signal));
  host.give(host.load(host.wanted()));
  BOOST_TEST(host.status(signal) == 409);
  BOOST_TEST(host.type(signal).ends_with("run-closed"));
  BOOST_TEST(host.member(signal, "state").as_string() == host.run("r").state());
  BOOST_TEST(host.audit() == "");
}

// The dedupe id was seen while the run was open: a success, with the run as it is, whole.
BOOST_AUTO_TEST_CASE(a_repeated_signal_to_a_cold_run_shows_it_whole) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  CommandRun blob =
      signal_of("r", "blob", R"({"text": ")" + std::string(engine::kColdBytesMin, 'x') + R"("})");
  std::get<engine::Signal>(blob.command).dedupe_id = "once";
  host.ask(blob);
  host.drain();
  blob.run.uid = host.run("r").uid();
  host.signal("r", "stop");
  host.tick();
  BOOST_TEST(engine::is_cold(host.run("r")));
  const RequestId again = host.ask(blob);
  BOOST_TEST(!host.answered(again));
  host.give(host.load(std::exchange(host.loads, {}).at(0)));
  BOOST_TEST(host.status(again) == 200);
  BOOST_TEST(host.member(again, "vars").field("blob")->as_string().size() == engine::kColdBytesMin);
}

// The same while the id's new run has an entry under way, which keeps the mailbox.
BOOST_AUTO_TEST_CASE(a_cold_run_whose_id_is_busy_is_loaded_too) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  CommandRun blob =
      signal_of("r", "blob", R"({"text": ")" + std::string(engine::kColdBytesMin, 'x') + R"("})");
  std::get<engine::Signal>(blob.command).dedupe_id = "once";
  host.ask(blob);
  host.drain();
  blob.run.uid = host.run("r").uid();
  host.signal("r", "stop");
  host.start("r");
  host.tick();
  host.ask(signal_of("r", "add", R"({"id": 1})"));
  const RequestId behind = host.ask(blob);
  BOOST_TEST(!host.answered(behind));
  host.drain();
  BOOST_TEST(!host.answered(behind));
  host.give(host.load(std::exchange(host.loads, {}).at(0)));
  BOOST_TEST(host.status(behind) == 200);
  BOOST_TEST((host.member(behind, "vars").field("blob")->kind() == dsl::Kind::string));
}

BOOST_AUTO_TEST_CASE(many_requests_wait_for_one_load) {
  Cold host;
  std::vector<RequestId> reads, signals;
  for (int i = 0; i < 20; ++i) {
    reads.push_back(host.read("r"));
    signals.push_back(host.ask(signal_of("r", "stop")));
  }
  const LoadRun wanted = host.wanted();  // one for all
  host.give(host.load(wanted));
  for (const RequestId id : reads) BOOST_TEST(host.reads.contains(id));
  for (const RequestId id : signals) BOOST_TEST(host.status(id) == 409);
  BOOST_TEST(host.node->stats().loads == 1u);
}

BOOST_AUTO_TEST_CASE(too_many_that_wait_for_one_load_are_429) {
  Cold host;
  std::vector<RequestId> signals;
  for (int i = 0; i < limits::kMailboxCommandsMax; ++i) {
    signals.push_back(host.ask(signal_of("r", "stop")));
  }
  BOOST_TEST(!host.answered(signals.back()));
  BOOST_TEST(host.status(host.ask(signal_of("r", "stop"))) == 429);
  host.give(host.load(host.wanted()));
  for (const RequestId id : signals) BOOST_TEST(host.status(id) == 409);
}

BOOST_AUTO_TEST_CASE(a_failed_load_is_500_and_tried_anew) {
  Cold host;
  const RequestId read = host.read("r");
  const RequestId signal = host.ask(signal_of("r", "stop"));
  const LoadRun wanted = host.wanted();
  host.give(RunLoaded{wanted.group, wanted.run, nullptr, "EIO"});
  BOOST_TEST(host.status(read) == 500);
  BOOST_TEST(host.status(signal) == 500);
  BOOST_TEST(host.member(read, "detail").as_string().find("EIO") != std::string::npos);
  BOOST_TEST(host.node->stats().loads_failed == 1u);
  BOOST_TEST(host.cold());
  const RequestId again = host.read("r");
  host.give(host.load(host.wanted()));
  BOOST_TEST(host.reads.contains(again));
}

// What was read is another run, or not all of it.
BOOST_AUTO_TEST_CASE(a_run_with_another_hash_is_not_taken) {
  Cold host;
  const RequestId read = host.read("r");
  const LoadRun wanted = host.wanted();
  RunLoaded loaded = host.load(wanted);
  loaded.run->hash[0] ^= 1;
  host.give(std::move(loaded));
  BOOST_TEST(host.status(read) == 500);
  BOOST_TEST(host.cold());
}

BOOST_AUTO_TEST_CASE(a_crash_while_loading_leaves_nothing_behind) {
  Cold host;
  host.read("r");
  host.ask(signal_of("r", "stop"));
  host.wanted();
  host.crash();
  host.boot();
  host.tick();
  BOOST_TEST(host.cold());  // recovery unloads it again
  BOOST_TEST(host.loads.empty());
  const RequestId read = host.read("r");
  host.give(host.load(host.wanted()));
  BOOST_TEST(host.reads.contains(read));
  BOOST_TEST(host.audit() == "");
}

// A worker of the closed run was never heard of again; the load for the end of its lease fails.
BOOST_AUTO_TEST_CASE(a_failed_load_does_not_lose_the_end_of_a_lease) {
  Host host;
  host.boot();
  host.deploy(kCounter);
  host.start("r");
  host.signal("r", "blob", R"({"text": ")" + std::string(engine::kColdBytesMin, 'x') + R"("})");
  host.signal("r", "work");
  BOOST_TEST(host.answer(host.poll()).tokens.size() == 1u);
  host.ask(command_of("r", engine::Terminate{"enough"}));
  host.drain();
  BOOST_TEST((host.run("r").steps.at(0)->status == engine::StepStatus::withdrawn));
  host.advance(10'000);
  const LoadRun wanted = host.loads.at(0);
  host.loads.clear();
  host.give(RunLoaded{wanted.group, wanted.run, nullptr, "EIO"});
  host.advance(60'000);
  for (const LoadRun& again : std::exchange(host.loads, {})) host.give(host.load(again));
  host.drain();
  BOOST_TEST(host.run("r").steps.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
