// Hand-outs, outcomes, leases and timers.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

struct Working : Host {
  Working() {
    boot();
    deploy(kCounter);
    deploy(kTask);
  }
  // A run with its task queued.
  void work(const std::string& id) {
    start(id);
    signal(id, "work");
  }
  std::string token(RequestId poll, std::size_t n = 0) const { return answer(poll).tokens.at(n); }
  RequestId complete(const std::string& token, std::string_view result = "1") {
    const RequestId id = ask(complete_of(token, result));
    drain();
    return id;
  }
  dsl::Value task(RequestId poll, std::size_t n = 0) const {
    return member(poll, "tasks").as_list().at(n);
  }
  const engine::Step& step(const std::string& id) const { return *run(id).steps.at(0); }
};

Asking keyed(std::string key) {
  Asking asking;
  asking.key = std::move(key);
  return asking;
}

BOOST_AUTO_TEST_SUITE(task)

BOOST_AUTO_TEST_CASE(an_empty_poll_waits_and_is_answered_empty) {
  Working host;
  BOOST_TEST(host.answer(host.poll(1, 0)).body == R"({"tasks":[]})");
  const RequestId waiting = host.poll(1, 5'000);
  BOOST_TEST(!host.answered(waiting));
  BOOST_TEST(host.node->polls().parked("default") == 1u);
  host.advance(4'999);
  BOOST_TEST(!host.answered(waiting));
  host.advance(1);
  BOOST_TEST(host.answer(waiting).body == R"({"tasks":[]})");
  BOOST_TEST(host.node->polls().empty());
}

BOOST_AUTO_TEST_CASE(a_parked_poll_gets_the_task_in_the_entry_that_schedules_it) {
  Working host;
  host.start("r");
  const RequestId poll = host.poll(1, 60'000);
  const std::uint64_t entries = host.node->stats().entries_proposed;
  const RequestId signal = host.ask(signal_of("r", "work"));
  BOOST_TEST(!host.answered(poll));
  host.drain();
  BOOST_TEST(host.node->stats().entries_proposed == entries + 1);
  BOOST_TEST(host.status(signal) == 200);
  BOOST_TEST(host.token(poll) == "1-" + host.token(poll).substr(2));
  BOOST_TEST(host.task(poll).field("attempt")->as_int() == 1);
  BOOST_TEST(host.task(poll).field("run")->as_string() == "r");
  BOOST_TEST((host.step("r").status == engine::StepStatus::started));
  BOOST_TEST(host.status(host.complete(host.token(poll), "42")) == 200);
  BOOST_TEST((host.var("r", "results") == json("[42]")));
  BOOST_TEST(host.run("r").state() == "idle");
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_poll_that_came_while_the_run_was_busy_gets_its_task) {
  Working host;
  host.work("r");
  host.ask(signal_of("r", "add", R"({"id": 1})"));
  BOOST_TEST(host.begin());
  const RequestId poll = host.ask(poll_of(1, 60'000));  // the run's entry is under way
  host.drain();
  BOOST_TEST(host.answer(poll).tokens.size() == 1u);
}

// Another queue, other types, and a run that is closed get nothing.
BOOST_AUTO_TEST_CASE(a_poll_takes_only_what_it_asked_for) {
  Working host;
  host.work("r");
  BOOST_TEST(host.answer(host.ask(poll_of(1, 0, "other"))).tokens.empty());
  PollTasks others = poll_of();
  others.types = {"dig"};
  BOOST_TEST(host.answer(host.ask(others)).tokens.empty());
  others.types = {"dig", "do"};
  const RequestId poll = host.ask(others);
  host.drain();
  BOOST_TEST(host.answer(poll).tokens.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_poll_takes_the_most_urgent_of_all_groups) {
  Working host;
  // Two of each priority, one in each of two groups; the older first.
  std::vector<std::string> expected;
  for (int priority = 1; priority <= 3; ++priority) {
    for (std::uint16_t group : {std::uint16_t{2}, std::uint16_t{1}}) {
      const std::string id = id_in_group(*host.node, group, priority);
      const std::string input = R"({"priority": )" + std::to_string(priority) + "}";
      host.ask(start_of(id, "job", input));
      host.advance(10);
    }
  }
  for (int priority : {3, 2, 1}) {
    for (std::uint16_t group : {2, 1}) {
      expected.push_back(id_in_group(*host.node, group, priority));
    }
  }
  std::vector<std::string> got;
  for (const std::uint32_t max : {4u, 1u, 5u}) {
    const RequestId poll = host.poll(max);
    const dsl::Value tasks = host.member(poll, "tasks");
    BOOST_TEST(tasks.as_list().size() == std::min<std::size_t>(max, 6 - got.size()));
    std::vector<std::string> runs;
    for (const dsl::Value& task : tasks.as_list()) {
      runs.push_back(task.field("run")->as_string());
    }
    got.insert(got.end(), runs.begin(), runs.end());
  }
  // Within one answer the order is that of commits; what each answer holds is by priority.
  std::sort(got.begin(), got.begin() + 4);
  std::sort(expected.begin(), expected.begin() + 4);
  BOOST_TEST(got == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_cancelled_poll_gives_its_tasks_back) {
  Working host;
  host.start("r");
  const RequestId gone = host.poll(1, 60'000);
  host.ask(signal_of("r", "work"));
  BOOST_TEST(host.begin());
  host.give(Cancelled{gone});
  host.drain();
  BOOST_TEST(!host.answered(gone));
  BOOST_TEST(host.node->polls().empty());
  const RequestId poll = host.poll();
  BOOST_TEST(host.task(poll).field("attempt")->as_int() == 1);
  BOOST_TEST(host.task(poll).field("fence")->as_int() == 2);
  BOOST_TEST(host.node->stats().tasks_returned == 1u);
}

BOOST_AUTO_TEST_CASE(a_parked_poll_can_be_cancelled) {
  Working host;
  const RequestId gone = host.poll(1, 60'000);
  host.give(Cancelled{gone});
  BOOST_TEST(host.node->polls().empty());
  host.work("r");
  BOOST_TEST((host.step("r").status == engine::StepStatus::queued));
  host.give(Cancelled{RequestId(999)});
}

BOOST_AUTO_TEST_CASE(an_undelivered_answer_gives_its_tasks_back) {
  Working host;
  host.work("r");
  host.work("s");
  const RequestId poll = host.poll(5);
  BOOST_TEST(host.answer(poll).tokens.size() == 2u);
  std::vector<std::string> tokens = host.answer(poll).tokens;
  tokens.push_back("rubbish");
  host.give(Undelivered{tokens});
  host.drain();
  BOOST_TEST((host.step("r").status == engine::StepStatus::queued));
  BOOST_TEST(host.step("r").attempts_used() == 0u);
  const RequestId late = host.complete(tokens[0]);
  BOOST_TEST(host.status(late) == 409);
  BOOST_TEST(host.answer(host.poll(5)).tokens.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_poll_repeated_by_key_gets_the_same_tasks) {
  Working host;
  host.work("r");
  const RequestId first = host.poll(1, 0, keyed("p"));
  for (int life = 0; life < 2; ++life) {
    const RequestId again = host.poll(1, 0, keyed("p"));
    BOOST_TEST(host.answer(again).tokens == host.answer(first).tokens);
    BOOST_TEST(host.task(again).field("attempt")->as_int() == 1);
    host.crash();
    host.boot();
  }
  host.complete(host.token(first));
  BOOST_TEST(host.answer(host.poll(1, 0, keyed("p"))).tokens.empty());
}

BOOST_AUTO_TEST_CASE(a_stopping_process_answers_its_polls) {
  Working host;
  const RequestId poll = host.poll(1, 60'000);
  host.give(AnswerPolls{});
  BOOST_TEST(host.answer(poll).body == R"({"tasks":[]})");
}

BOOST_AUTO_TEST_CASE(too_many_polls_are_429) {
  Working host;
  for (int i = 0; i < limits::kParkedPollsMax; ++i) host.ask(poll_of(1, 60'000));
  const RequestId one_more = host.ask(poll_of(1, 60'000));
  BOOST_TEST(host.status(one_more) == 429);
}

BOOST_AUTO_TEST_CASE(an_outcome_repeats_safely) {
  Working host;
  host.work("r");
  const std::string token = host.token(host.poll());
  BOOST_TEST(host.status(host.complete(token, "1")) == 200);
  BOOST_TEST(host.status(host.complete(token, "1")) == 200);
  BOOST_TEST(host.status(host.complete(token, "2")) == 409);
  BOOST_TEST((host.var("r", "results") == json("[1]")));
  BOOST_TEST(host.count_events("r", "task.completed") == 1);
  host.crash();
  host.boot();
  BOOST_TEST(host.status(host.complete(token, "1")) == 200);
  BOOST_TEST((host.var("r", "results") == json("[1]")));
}

BOOST_AUTO_TEST_CASE(a_lost_lease_uses_an_attempt_and_is_retried) {
  Working host;
  host.work("r");
  const RequestId poll = host.poll();
  host.advance(9'999);
  BOOST_TEST((host.step("r").status == engine::StepStatus::started));
  host.advance(1);
  BOOST_TEST(host.node->stats().leases_lost == 1u);
  BOOST_TEST((host.step("r").status == engine::StepStatus::backoff));
  BOOST_TEST(host.type(host.complete(host.token(poll))) == "lease-lost");
  host.advance(1'000);
  const RequestId second = host.poll();
  BOOST_TEST(host.task(second).field("attempt")->as_int() == 2);
  BOOST_TEST(host.type(host.ask(HeartbeatTask{host.token(poll), {}})) == "lease-lost");
  BOOST_TEST(host.status(host.complete(host.token(second))) == 200);
}

BOOST_AUTO_TEST_CASE(heartbeats_renew_the_lease_without_an_entry) {
  Working host;
  host.work("r");
  const std::string token = host.token(host.poll());
  const std::uint64_t entries = host.node->stats().entries_proposed;
  for (int i = 0; i < 10; ++i) {
    host.advance(9'000);
    const RequestId beat = host.ask(HeartbeatTask{token, {}});
    BOOST_TEST(host.status(beat) == 200);
    BOOST_TEST(host.answer(beat).body.find("lease_until") != std::string::npos);
  }
  BOOST_TEST(host.node->stats().entries_proposed == entries);
  BOOST_TEST(host.status(host.complete(token)) == 200);
  BOOST_TEST(host.type(host.ask(HeartbeatTask{token, {}})) == "task-withdrawn");
}

BOOST_AUTO_TEST_CASE(a_task_never_handed_out_has_no_heartbeat) {
  Working host;
  host.work("r");
  const std::string uid = to_string(host.run("r").uid());
  BOOST_TEST(host.type(host.ask(HeartbeatTask{uid + ".1.0", {}})) == "task-unknown");
  BOOST_TEST(host.type(host.ask(HeartbeatTask{uid + ".1.1", {}})) == "task-unknown");
  BOOST_TEST(host.type(host.ask(HeartbeatTask{uid + ".2.1", {}})) == "task-unknown");
}

BOOST_AUTO_TEST_CASE(progress_is_committed_at_most_every_five_seconds_and_when_the_lease_ends) {
  Working host;
  host.work("r");
  const std::string token = host.token(host.poll());
  for (int second = 0; second < 12; ++second) {
    const RequestId beat = host.ask(HeartbeatTask{token, json(std::to_string(second))});
    BOOST_TEST(host.status(beat) == 200);
    host.advance(1'000);
  }
  BOOST_TEST(host.count_events("r", "task.progress") == 3);  // at 0, 5 and 10 s
  host.advance(10'000);                                      // the lease ends
  BOOST_TEST(host.count_events("r", "task.progress") == 4);
  host.advance(1'000);
  const RequestId second = host.poll();
  BOOST_TEST((*host.task(second).field("progress") == json("11")));
}

// One full lease, counted from the start of the process.
BOOST_AUTO_TEST_CASE(after_a_restart_a_task_has_one_full_lease) {
  Working host;
  host.work("r");
  const std::string token = host.token(host.poll());
  host.advance(9'000);
  host.crash();
  host.boot();
  host.advance(9'999);
  BOOST_TEST(host.node->stats().leases_lost == 0u);
  BOOST_TEST((host.step("r").status == engine::StepStatus::started));
  BOOST_TEST(host.status(host.ask(HeartbeatTask{token, {}})) == 200);
  host.advance(10'000);
  BOOST_TEST(host.node->stats().leases_lost == 1u);
}

// The run leaves the state in the very entry that follows the grant; the poll has two hand-outs on
// their way and is answered after both, without the one that is withdrawn by then.
BOOST_AUTO_TEST_CASE(a_task_withdrawn_before_the_poll_is_answered_is_not_in_the_answer) {
  Working host;
  const std::string first = id_in_group(*host.node, 1, 1), second = id_in_group(*host.node, 2, 2);
  host.ask(start_of(first, "job"));
  host.drain();
  const RequestId poll = host.ask(poll_of(2, 60'000));  // grants first's task
  host.ask(signal_of(first, "leave"));                  // waits in its mailbox
  host.ask(start_of(second, "job"));
  BOOST_TEST(host.begin());
  host.finish();  // the grant is applied; the leave and the second grant are decided
  const bool answered = host.answered(poll);
  const std::string token =
      token_of({GroupId(1), host.run(first).uid().index, engine::StepId(1), 1});
  host.drain();
  const std::vector<std::string> tokens = host.answer(poll).tokens;
  const bool given = std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  // Answered before the withdrawal: the token is there, and its outcome is refused precisely.
  BOOST_TEST(given == answered);
  const RequestId outcome = host.ask(complete_of(token));
  host.drain();
  BOOST_TEST(host.status(outcome) == 409);
  const RequestId beat = host.ask(HeartbeatTask{token, std::nullopt});
  BOOST_TEST(host.status(beat) == 409);
}

// The disk is slow when the process starts: the first entries take longer than the lease.
BOOST_AUTO_TEST_CASE(a_lease_that_ends_while_the_node_opens_is_lost_when_it_is_open) {
  Working host;
  host.work("r");
  host.poll();
  host.crash();
  host.boot(/*only_open=*/true);
  host.stall(60'000);
  host.tick();
  BOOST_TEST(host.node->next_wake_mono_ms() > host.now.mono_ms);
  BOOST_TEST((host.step("r").status == engine::StepStatus::started));
  host.drain();
  BOOST_TEST(host.node->next_wake_mono_ms() <= host.now.mono_ms);
  host.advance(0);
  BOOST_TEST((host.step("r").status == engine::StepStatus::backoff));
  BOOST_TEST(host.node->stats().leases_lost == 1u);
}

BOOST_AUTO_TEST_CASE(a_report_of_many_says_what_became_of_each) {
  Working host;
  host.work("r");
  host.work("s");
  host.work("t");
  const RequestId poll = host.poll(3);
  const auto& tokens = host.answer(poll).tokens;
  ReportTasks reports;
  reports.items = {complete_of(tokens[0], "1"), complete_of("rubbish"),
                   fail_of(tokens[1]),          complete_of(tokens[0], "1"),
                   complete_of(tokens[0], "2"), complete_of(tokens[2], "3")};
  const RequestId report = host.ask(reports);
  BOOST_TEST(!host.answered(report));
  host.drain();
  const dsl::Value items = host.member(report, "items");
  std::vector<int> statuses;
  for (const dsl::Value& item : items.as_list()) {
    statuses.push_back(static_cast<int>(item.field("status")->as_int()));
    BOOST_TEST((item.field("problem") == nullptr) == (statuses.back() == 200));
  }
  const std::vector<int> expected = {200, 404, 200, 200, 409, 200};
  BOOST_TEST(statuses == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_report_of_nothing_is_answered) {
  Working host;
  const RequestId report = host.ask(ReportTasks{});
  BOOST_TEST(host.answer(report).body == R"({"items":[]})");
}

BOOST_AUTO_TEST_CASE(a_report_past_its_deadline_is_answered_once) {
  Working host;
  host.work("r");
  const std::string token = host.token(host.poll());
  ReportTasks reports;
  reports.items = {complete_of(token, "1"), complete_of(token, "2")};
  const RequestId report = host.ask(reports);
  host.stall(15'000);
  host.tick();
  BOOST_TEST(host.status(report) == 504);
  host.drain();
  BOOST_TEST((host.var("r", "results") == json("[1]")));
}

BOOST_AUTO_TEST_CASE(a_timer_fires_when_its_time_comes) {
  Working host;
  host.start("r");
  host.signal("r", "nap");
  host.advance(59'999);
  BOOST_TEST(host.run("r").state() == "nap");
  host.advance(1);
  BOOST_TEST(host.run("r").state() == "idle");
  BOOST_TEST(host.node->stats().timers_fired == 1u);
  host.signal("r", "nap");
  host.crash();
  host.stall(120'000);  // the box was off meanwhile
  host.boot();
  host.advance(0);
  BOOST_TEST((host.var("r", "ticks") == json("2")));
}

BOOST_AUTO_TEST_CASE(a_timer_due_while_its_run_is_busy_fires_after_it) {
  Working host;
  host.start("r");
  host.signal("r", "nap");
  host.ask(signal_of("r", "add", R"({"id": 1})"));
  BOOST_TEST(host.begin());
  host.stall(60'000);
  host.tick();
  BOOST_TEST(host.run("r").state() == "nap");
  host.finish();
  host.advance(0);
  BOOST_TEST(host.run("r").state() == "idle");
  BOOST_TEST((host.var("r", "ticks") == json("1")));
}

// While the disk writes what was fired the next are decided: so many, then it is waited for.
BOOST_AUTO_TEST_CASE(timers_of_one_moment_fire_while_the_disk_writes) {
  Working host;
  constexpr std::size_t kRuns = limits::kTimersUnderWayMax + 100;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kRuns; ++i) {
    ids.push_back(id_in_group(*host.node, 1, static_cast<int>(i)));
    host.start(ids.back());
    host.signal(ids.back(), "nap");
  }
  const auto fired = [&] { return host.node->stats().timers_fired; };
  host.stall(60'000);
  host.tick();
  BOOST_TEST(fired() == limits::kTimersFiredPerTurnMax);
  BOOST_TEST(host.begin());
  for (std::size_t n = 2; n * limits::kTimersFiredPerTurnMax <= limits::kTimersUnderWayMax; ++n) {
    host.tick();
    BOOST_TEST(fired() == n * limits::kTimersFiredPerTurnMax);
  }
  host.tick();
  BOOST_TEST(fired() == limits::kTimersUnderWayMax);
  BOOST_TEST(host.node->next_wake_mono_ms() > host.now.mono_ms);  // and does not spin
  host.finish();
  host.advance(1'000);
  BOOST_TEST(fired() == kRuns);  // each once
  for (const std::string& id : ids) {
    BOOST_TEST(host.run(id).state() == "idle");
    BOOST_TEST((host.var(id, "ticks") == json("1")));
  }
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(a_pause_holds_timers_tasks_and_outcomes) {
  Working host;
  host.start("n");
  host.signal("n", "nap");
  host.work("r");
  const std::string token = host.token(host.poll());
  host.work("q");
  for (const char* id : {"n", "r", "q"}) {
    const RequestId paused = host.ask(command_of(id, engine::Pause{"look"}));
    host.drain();
    BOOST_TEST(host.status(paused) == 200);
  }
  BOOST_TEST(host.status(host.complete(token, "5")) == 200);
  BOOST_TEST(host.answer(host.poll()).tokens.empty());
  const RequestId parked = host.poll(1, 600'000);
  host.advance(120'000);
  BOOST_TEST(host.run("n").state() == "nap");
  BOOST_TEST(host.run("r").state() == "work");
  for (const char* id : {"n", "r", "q"}) {
    const RequestId resumed = host.ask(command_of(id, engine::Resume{"go on"}));
    host.drain();
    BOOST_TEST(host.status(resumed) == 200);
  }
  host.advance(0);
  BOOST_TEST(host.run("n").state() == "idle");
  BOOST_TEST((host.var("r", "results") == json("[5]")));
  BOOST_TEST(host.answer(parked).tokens.size() == 1u);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
