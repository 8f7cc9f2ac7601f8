// Requests from first to last: when they are answered, what a repeat gets, what is refused.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

struct Counter : Host {
  Counter() {
    boot();
    deploy(kCounter);
  }
};

Asking keyed(std::string key, std::string body = "body") {
  Asking asking;
  asking.key = std::move(key);
  asking.body = std::move(body);
  return asking;
}

BOOST_AUTO_TEST_SUITE(request)

BOOST_AUTO_TEST_CASE(nothing_is_taken_before_the_first_entries_are_on_the_disk) {
  Host host;
  host.boot(/*only_open=*/true);
  const RequestId early = host.ask(start_of("r"));
  BOOST_TEST(host.status(early) == 503);
  const RequestId read = host.ask(Barrier{});
  BOOST_TEST(host.status(read) == 503);
  host.drain();
  BOOST_TEST(host.node->ready());
}

BOOST_AUTO_TEST_CASE(a_start_is_answered_when_its_batch_is_on_the_disk) {
  Counter host;
  const RequestId start = host.ask(start_of("a/b"));
  BOOST_TEST(!host.answered(start));
  BOOST_TEST(host.begin());
  BOOST_TEST(!host.answered(start));
  host.finish();
  BOOST_TEST(host.status(start) == 201);
  BOOST_TEST(host.answer(start).location == "/v1/runs/a%2Fb");
  BOOST_TEST(host.answer(start).etag == to_string(host.run("a/b").uid()) + ".2");
  BOOST_TEST(host.member(start, "status").as_string() == "running");
}

BOOST_AUTO_TEST_CASE(an_id_is_derived_from_the_key_or_the_minted_one) {
  Counter host;
  StartRun start = start_of("");
  const RequestId first = host.ask(start, keyed("k"));
  const RequestId minted = host.ask(start);
  host.drain();
  BOOST_TEST(host.status(first) == 201);
  BOOST_TEST(host.member(first, "id").as_string() != host.member(minted, "id").as_string());
}

BOOST_AUTO_TEST_CASE(the_unknown_is_404) {
  Counter host;
  BOOST_TEST(host.type(host.start("r", "nosuch")) == "workflow-unknown");
  StartRun start = start_of("r");
  start.version = 9;
  BOOST_TEST(host.type(host.ask(start)) == "workflow-unknown");
  BOOST_TEST(host.type(host.signal("nosuch", "add", R"({"id": 1})")) == "run-unknown");
  CommandRun by_uid = signal_of("", "stop");
  by_uid.run.uid = RunUid{GroupId(1), Index(99)};
  BOOST_TEST(host.type(host.ask(by_uid)) == "run-unknown");
  by_uid.run.uid = RunUid{GroupId(77), Index(1)};
  BOOST_TEST(host.type(host.ask(by_uid)) == "run-unknown");
  BOOST_TEST(host.type(host.ask(complete_of("rubbish"))) == "task-unknown");
  BOOST_TEST(host.type(host.ask(complete_of("1-63.1.1"))) == "task-unknown");
  BOOST_TEST(host.type(host.ask(HeartbeatTask{"rubbish", {}})) == "task-unknown");
  BOOST_TEST(!host.under_way());
}

BOOST_AUTO_TEST_CASE(a_refused_payload_changes_nothing) {
  Counter host;
  host.start("r");
  const RequestId bad = host.signal("r", "add", R"({"id": "seven"})");
  BOOST_TEST(host.status(bad) == 422);
  BOOST_TEST(host.status(host.signal("r", "nosuch")) == 409);
  BOOST_TEST(host.run("r").seq.v == 2u);
  host.deploy(kTask);
  const RequestId input = host.ask(start_of("s", "job", R"({"surplus": 1})"));
  BOOST_TEST(host.status(input) == 422);
}

BOOST_AUTO_TEST_CASE(a_key_replays_its_answer_also_after_a_crash) {
  Counter host;
  const RequestId start = host.start("r", "w", keyed("k1"));
  const RequestId signal = host.signal("r", "add", R"({"id": 1})", keyed("k2"));
  host.signal("r", "add", R"({"id": 2})");
  for (int life = 0; life < 2; ++life) {
    const RequestId again = host.start("r", "w", keyed("k1"));
    BOOST_TEST(host.status(again) == 201);
    BOOST_TEST(host.answer(again).body == host.answer(start).body);
    const RequestId once = host.signal("r", "add", R"({"id": 1})", keyed("k2"));
    BOOST_TEST(host.answer(once).body == host.answer(signal).body);
    const RequestId other = host.signal("r", "add", R"({"id": 1})", keyed("k2", "another"));
    BOOST_TEST(host.status(other) == 422);
    BOOST_TEST(host.type(other) == "idempotency-key-reused");
    host.crash();
    host.boot();
  }
  BOOST_TEST((host.var("r", "log") == json("[1,2]")));
}

BOOST_AUTO_TEST_CASE(a_key_under_way_waits_for_the_first) {
  Counter host;
  host.start("r");
  const auto add = signal_of("r", "add", R"({"id": 1})");
  const RequestId first = host.ask(add, keyed("k"));
  const RequestId second = host.ask(add, keyed("k"));
  const RequestId other = host.ask(add, keyed("k", "another"));
  BOOST_TEST((!host.answered(first) && !host.answered(second) && !host.answered(other)));
  host.drain();
  BOOST_TEST(host.answer(second).body == host.answer(first).body);
  BOOST_TEST(host.status(other) == 422);
  BOOST_TEST((host.var("r", "log") == json("[1]")));
}

// Both wait in the run's mailbox before either is decided.
BOOST_AUTO_TEST_CASE(a_key_twice_in_one_mailbox_is_done_once) {
  Counter host;
  host.start("r");
  host.ask(signal_of("r", "add", R"({"id": 1})"));
  const auto add = signal_of("r", "add", R"({"id": 2})");
  const RequestId first = host.ask(add, keyed("k"));
  const RequestId second = host.ask(add, keyed("k"));
  const RequestId other = host.ask(add, keyed("k", "another"));
  host.drain();
  BOOST_TEST((host.var("r", "log") == json("[1,2]")));
  BOOST_TEST(host.answer(second).body == host.answer(first).body);
  BOOST_TEST(host.status(other) == 422);
}

// One key, two runs of one group: the second is another request, and refused.
BOOST_AUTO_TEST_CASE(a_key_under_way_with_another_run_is_not_used_again) {
  Counter host;
  const std::string a = id_in_group(*host.node, 1, 1), b = id_in_group(*host.node, 1, 2);
  host.start(a);
  host.start(b);
  host.ask(signal_of(a, "add", R"({"id": 1})"));
  BOOST_TEST(host.begin());
  const RequestId waits = host.ask(signal_of(a, "add", R"({"id": 2})"), keyed("k", "of a"));
  const RequestId first = host.ask(signal_of(b, "add", R"({"id": 3})"), keyed("k", "of b"));
  host.finish();  // of a's first signal: its mailbox opens while the key is under way for b
  host.drain();
  BOOST_TEST(host.status(first) == 200);
  BOOST_TEST(host.status(waits) == 422);
  BOOST_TEST((host.var(a, "log") == json("[1]")));
}

BOOST_AUTO_TEST_CASE(if_match_is_compare_and_set) {
  Counter host;
  host.start("r");
  Asking match;
  match.if_match = IfMatch{host.run("r").uid(), host.run("r").seq};
  BOOST_TEST(host.status(host.signal("r", "add", R"({"id": 1})", match)) == 200);
  const RequestId stale = host.signal("r", "add", R"({"id": 2})", match);
  BOOST_TEST(host.status(stale) == 412);
  match.if_match = IfMatch{RunUid{host.run("r").uid().group, Index(1)}, host.run("r").seq};
  BOOST_TEST(host.status(host.signal("r", "add", R"({"id": 3})", match)) == 412);
  BOOST_TEST((host.var("r", "log") == json("[1]")));
}

// The key is looked up before If-Match: a repeat is not told that the run has changed, by itself.
BOOST_AUTO_TEST_CASE(a_replay_precedes_if_match) {
  Counter host;
  host.start("r");
  Asking asking = keyed("k");
  asking.if_match = IfMatch{host.run("r").uid(), host.run("r").seq};
  BOOST_TEST(host.status(host.signal("r", "add", R"({"id": 1})", asking)) == 200);
  BOOST_TEST(host.status(host.signal("r", "add", R"({"id": 1})", asking)) == 200);
}

// A refusal speaks of the state its predecessors in the entry leave: it waits for their commit.
BOOST_AUTO_TEST_CASE(a_refusal_waits_for_what_it_depends_on) {
  Counter host;
  host.start("r");
  Asking match;
  match.if_match = IfMatch{host.run("r").uid(), host.run("r").seq};
  host.ask(signal_of("r", "add", R"({"id": 1})"));
  const RequestId second = host.ask(signal_of("r", "stop"));
  const RequestId stale = host.ask(signal_of("r", "add", R"({"id": 3})"), match);
  const RequestId closed = host.ask(signal_of("r", "add", R"({"id": 4})"));
  BOOST_TEST(host.begin());
  host.finish();  // of the first; the others are decided now
  BOOST_TEST(!host.answered(second));
  BOOST_TEST(!host.answered(stale));
  BOOST_TEST(!host.answered(closed));
  host.drain();
  BOOST_TEST(host.status(second) == 200);
  BOOST_TEST(host.status(stale) == 412);
  BOOST_TEST(host.type(closed) == "run-closed");
}

BOOST_AUTO_TEST_CASE(past_the_deadline_the_outcome_is_unknown_and_said_once) {
  Counter host;
  host.node->keep_closed(std::nullopt);  // what closes wakes nobody
  host.start("r");
  host.start("gone");
  host.signal("gone", "stop");
  const RequestId first = host.ask(signal_of("r", "add", R"({"id": 1})"), keyed("k"));
  const RequestId waits = host.ask(signal_of("r", "stop"));
  const RequestId refused = host.ask(signal_of("r", "add", R"({"id": 2})"));
  const RequestId repeat = host.ask(signal_of("r", "add", R"({"id": 1})"), keyed("k"));
  const RequestId deploy = host.ask(DeployWorkflow{"a", with_id("a", ""), true});
  const RequestId again = host.ask(DeployWorkflow{"a", with_id("a", ""), true});
  BOOST_TEST(host.begin());
  BOOST_TEST(host.node->next_wake_mono_ms() == host.now.mono_ms + 15'000);
  host.stall(14'999);
  host.tick();
  BOOST_TEST(!host.answered(first));
  host.stall(1);
  host.tick();
  for (const RequestId id : {first, waits, refused, repeat, deploy, again}) {
    BOOST_TEST(host.status(id) == 504);
  }
  host.drain();  // the host refuses a second answer
  BOOST_TEST((host.var("r", "log") == json("[1]")));
  BOOST_TEST((host.run("r").status == engine::RunStatus::completed));
  BOOST_TEST(host.node->next_wake_mono_ms() == INT64_MAX);
}

BOOST_AUTO_TEST_CASE(too_much_for_the_disk_is_429) {
  Counter host;
  host.start("r");
  const std::string blob = R"({"text": ")" + std::string(200 * 1024, 'x') + R"("})";
  int refused = 0, asked = 0;
  for (; asked < 400 && refused == 0; ++asked) {
    const std::string id = "b" + std::to_string(asked);
    StartRun start = start_of(id);
    start.tags = {{"t", std::string(500 * 1024, 'x')}};
    const RequestId request = host.ask(start);
    refused += host.answered(request) && host.status(request) == 429 ? 1 : 0;
  }
  BOOST_TEST(refused == 1);
  BOOST_TEST(host.journal->queued_bytes() < 2 * limits::kJournalQueuedBytesMax);
  host.drain();
  BOOST_TEST(host.status(host.start("late")) == 201);
}

BOOST_AUTO_TEST_CASE(a_barrier_is_ready_at_once) {
  Counter host;
  const RequestId read = host.ask(Barrier{});
  BOOST_TEST(host.reads.count(read) == 1u);
  BOOST_TEST(!host.answered(read));
}

BOOST_AUTO_TEST_CASE(a_taken_id_is_refused) {
  Host host;
  host.boot();
  host.deploy(with_id("f", "conflict = \"fail\"\nreuse = \"reject\""));
  host.start("r", "f");
  BOOST_TEST(host.type(host.start("r", "f")) == "run-id-taken");
  host.signal("r", "stop");
  BOOST_TEST(host.type(host.start("r", "f")) == "run-id-taken");
}

BOOST_AUTO_TEST_CASE(a_taken_id_is_used) {
  Host host;
  host.boot();
  host.deploy(with_id("u", "conflict = \"use_existing\""));
  const RequestId first = host.start("r", "u");
  const RequestId second = host.start("r", "u");
  BOOST_TEST(host.status(second) == 200);
  BOOST_TEST(host.member(second, "uid").as_string() == host.member(first, "uid").as_string());
  // The first start under way: the second waits for it.
  const RequestId third = host.ask(start_of("s", "u"));
  const RequestId fourth = host.ask(start_of("s", "u"));
  host.drain();
  BOOST_TEST(host.status(third) == 201);
  BOOST_TEST(host.status(fourth) == 200);
}

BOOST_AUTO_TEST_CASE(a_taken_id_is_terminated) {
  Host host;
  host.boot();
  host.deploy(with_id("t", "conflict = \"terminate_existing\""));
  const RequestId first = host.start("r", "t");
  const RequestId second = host.ask(start_of("r", "t"));
  const RequestId signal = host.ask(signal_of("r", "stop"));
  host.drain();
  BOOST_TEST(host.status(second) == 201);
  BOOST_TEST(host.status(signal) == 200);
  BOOST_TEST(host.member(signal, "uid").as_string() == host.member(second, "uid").as_string());
  GroupId group;
  RunUid uid;
  BOOST_TEST(parse_run_uid(host.member(first, "uid").as_string(), &uid));
  const engine::Run* old = host.node->find(RunRef{"", uid}, &group);
  BOOST_REQUIRE(old != nullptr);
  BOOST_TEST((old->status == engine::RunStatus::terminated));
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(the_id_of_a_failed_run_is_free_again) {
  Host host;
  host.boot();
  host.deploy(with_id("o", "reuse = \"failed_only\""));
  host.start("r", "o");
  host.signal("r", "fail");
  BOOST_TEST(host.status(host.start("r", "o")) == 201);
  host.signal("r", "stop");
  BOOST_TEST(host.status(host.start("r", "o")) == 409);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
