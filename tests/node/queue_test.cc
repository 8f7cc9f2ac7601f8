// Queues that are paused hand out nothing, and go on where they were.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "codecs/entry.h"
#include "tests/log/journal_model.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

// A task that waits for a worker one minute at most.
constexpr char kUrgent[] = R"(
dsl = 1
name = "urgent"
start = "work"
[state.work]
task = "do"
timeout = { queue = "1m" }
catch = [{ errors = ["sys.timeout.queue"], next = "late" }]
next = "end"
[state.late]
end = "completed"
)";

struct Queued : Host {
  Queued() {
    boot();
    deploy(kCounter);
    deploy(kTask);
  }
  RequestId pause(std::string queue = "default", const Asking& asking = {}) {
    const RequestId id = ask(PauseQueue{std::move(queue), "relay is down"}, asking);
    drain();
    return id;
  }
  RequestId resume(std::string queue = "default") {
    const RequestId id = ask(ResumeQueue{std::move(queue), "relay is up"});
    drain();
    return id;
  }
  bool paused(const std::string& queue = "default") const {
    return node->definitions().catalog().is_paused(queue);
  }
  std::size_t tasks(RequestId poll) const { return answer(poll).tokens.size(); }
};

BOOST_AUTO_TEST_SUITE(queue)

BOOST_AUTO_TEST_CASE(a_paused_queue_hands_out_nothing) {
  Queued host;
  host.start("before", "job");
  const RequestId pause = host.pause();
  BOOST_TEST(host.status(pause) == 200);
  BOOST_TEST(host.answer(pause).body == R"({"queue":"default","paused":true,"changed":true})");
  BOOST_TEST(host.tasks(host.poll()) == 0u);  // fill
  const RequestId parked = host.poll(5, 60'000);
  host.start("after", "job");  // offer, in the entry that schedules it
  host.start("r");
  host.ask(signal_of("r", "work"));
  host.ask(signal_of("r", "add", R"({"id": 1})"));  // offer_waiting, once the mailbox is open
  host.drain();
  BOOST_TEST(!host.answered(parked));
  const RequestId resume = host.resume();
  BOOST_TEST(host.answer(resume).body == R"({"queue":"default","paused":false,"changed":true})");
  BOOST_TEST(host.tasks(parked) == 3u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(another_queue_goes_on) {
  Queued host;
  host.pause("mail");
  host.start("j", "job");
  BOOST_TEST(host.tasks(host.poll()) == 1u);
}

// From the moment it is asked for: what was on its way goes out before the answer.
BOOST_AUTO_TEST_CASE(nothing_goes_out_after_the_answer_to_a_pause) {
  Queued host;
  const RequestId parked = host.poll(1, 60'000);
  const RequestId pause = host.ask(PauseQueue{"default", ""});
  host.ask(start_of("j", "job"));
  host.drain();
  BOOST_TEST(host.status(pause) == 200);
  BOOST_TEST(!host.answered(parked));
  BOOST_TEST((host.run("j").steps.at(0)->status == engine::StepStatus::queued));
}

BOOST_AUTO_TEST_CASE(a_pause_asked_for_twice_changes_nothing) {
  Queued host;
  host.pause();
  BOOST_TEST(host.answer(host.pause()).body ==
             R"({"queue":"default","paused":true,"changed":false})");
  host.resume();
  BOOST_TEST(host.answer(host.resume()).body ==
             R"({"queue":"default","paused":false,"changed":false})");
}

BOOST_AUTO_TEST_CASE(a_pause_outlives_a_crash_and_a_snapshot) {
  Queued host;
  host.start("j", "job");
  host.pause();
  host.crash();
  host.boot();
  BOOST_TEST(host.paused());
  BOOST_TEST(host.tasks(host.poll()) == 0u);
  for (std::uint16_t g = 0; g < 4; ++g) {
    const auto taken = snapshot_of(host.node.get(), GroupId(g));
    host.snapshots.push_back(taken.bytes);
    host.snapshot_places.emplace_back(taken.index, taken.term);
  }
  host.crash();
  host.boot();
  BOOST_TEST(host.paused());
  const auto& pause = host.node->definitions().catalog().paused_queues().at("default");
  BOOST_TEST(pause.reason == "relay is down");
  BOOST_TEST(pause.by.uid == 1000u);
  host.resume();
  BOOST_TEST(host.tasks(host.poll()) == 1u);
}

// Lost before it was on the disk: the queue is not paused, and nobody was told so.
BOOST_AUTO_TEST_CASE(a_pause_that_was_lost_holds_nothing) {
  Queued host;
  host.start("j", "job");
  const RequestId pause = host.ask(PauseQueue{"default", ""});
  host.crash();
  host.boot();
  BOOST_TEST(!host.answered(pause));
  BOOST_TEST(!host.paused());
  BOOST_TEST(host.tasks(host.poll()) == 1u);
}

BOOST_AUTO_TEST_CASE(the_times_of_queued_tasks_go_on) {
  Queued host;
  host.deploy(kUrgent);
  host.pause();
  host.start("u", "urgent");
  host.advance(61'000);
  BOOST_TEST(host.run("u").closed());
}

// What is out stays out: its outcome is taken, its lease is kept, it can be given back.
BOOST_AUTO_TEST_CASE(what_is_out_is_answered_during_a_pause) {
  Queued host;
  host.start("j", "job");
  host.start("k", "job");
  const std::vector<std::string> tokens = host.answer(host.poll(2)).tokens;
  host.pause();
  BOOST_TEST(host.status(host.ask(HeartbeatTask{tokens.at(0), std::nullopt})) == 200);
  const RequestId done = host.ask(complete_of(tokens.at(0)));
  host.give(Undelivered{{tokens.at(1)}});
  host.drain();
  BOOST_TEST(host.status(done) == 200);
  BOOST_TEST(host.tasks(host.poll()) == 0u);
  host.resume();
  BOOST_TEST(host.tasks(host.poll()) == 1u);
}

BOOST_AUTO_TEST_CASE(a_keyed_pause_is_replayed) {
  Queued host;
  Asking asking;
  asking.key = "k";
  const RequestId first = host.pause("default", asking);
  host.resume();
  const RequestId again = host.pause("default", asking);
  BOOST_TEST(host.answer(again).body == host.answer(first).body);
  BOOST_TEST(!host.paused());
}

BOOST_AUTO_TEST_CASE(too_many_paused_queues_are_429) {
  Queued host;
  for (int i = 0; i < limits::kQueuesPausedMax; ++i) {
    host.ask(PauseQueue{"q" + std::to_string(i), ""});
    host.drain();
  }
  BOOST_TEST(host.status(host.pause("one-more")) == 429);
  host.resume("q0");
  BOOST_TEST(host.status(host.pause("one-more")) == 200);
}

// A store of level 1 is raised to this build's before anything is decided.
BOOST_AUTO_TEST_CASE(an_older_store_is_raised_before_a_queue_can_be_paused) {
  Host host(3);
  log::JournalModel model;
  {
    auto journal = log::Journal::open(host.files, log::small_options(), model, nullptr).value();
    codecs::EntryEncoder encoder;
    codecs::Entry raise;
    raise.level = 1;
    raise.raise_level = 1;
    raise.time = TimeMs(kEpochMs);
    for (std::uint16_t g = 0; g < 4; ++g) {
      journal->save_hard_state(GroupId(g), {Term(1), NodeId(1)});
      journal->append(GroupId(g), Term(1), Index(1), encoder.encode(raise));
    }
    BOOST_REQUIRE(log::flush(host.files, journal.get()).ok());
  }
  host.boot(/*only_open=*/true);
  BOOST_TEST(host.node->group(GroupId(0)).tables().feature_level() == 1u);
  BOOST_TEST(host.status(host.ask(PauseQueue{"default", ""})) == 503);
  host.drain();
  BOOST_TEST(host.node->group(GroupId(0)).tables().feature_level() == kFeatureLevel);
  const RequestId pause = host.ask(PauseQueue{"default", ""});
  host.drain();
  BOOST_TEST(host.status(pause) == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
