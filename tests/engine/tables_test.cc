// A group's tables: what they refuse to fold, their indexes, and the small parts beside the runs.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/tables.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "flow"
start = "work"
[input]
priority = { type = "int", default = 3 }
wait = { type = "string", default = "1h" }
[signal.stop]
[state.work]
task = "t"
queue = "q"
priority = "= input.priority"
timeout = { queue = "30d" }
after = [ { in = "= duration(input.wait)", next = "done" } ]
on.stop = { next = "done" }
next = "done"
[state.done]
end = "completed"
)toml";

Decision start(World* world, const std::string& id, std::string_view input) {
  Start command;
  command.id = id;
  command.version = 3;
  command.input = value(input);
  return world->start(std::move(command));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_changes_nothing) {
  World world(kWorkflow);
  start(&world, "a", "{}");
  const std::string before = bytes_of(world.tables);
  Applied applied;
  const auto refused = [&](Index entry, Index run, TimeMs time, std::vector<Event> events) {
    const bool fits = world.tables.apply_run(entry, run, time, events, &applied);
    return !fits && bytes_of(world.tables) == before && world.tables.check_invariants().empty();
  };
  const Index run = world.index;
  BOOST_CHECK(refused(Index(9), run, world.now, {}));
  BOOST_CHECK(refused(Index(9), run, TimeMs(world.now.v - 1), {RunPaused{}}));
  BOOST_CHECK(refused(Index(9), Index(5), world.now, {RunPaused{}}));          // no such run
  BOOST_CHECK(refused(Index(9), run, world.now, {RunResumed{}}));              // not paused
  BOOST_CHECK(refused(Index(9), run, world.now, {RunPaused{}, RunPaused{}}));  // the second
  BOOST_CHECK(refused(Index(9), run, world.now, {TaskStarted{StepId(1), 2, "w", "", 1, {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {TaskStarted{StepId(2), 1, "w", "", 1, {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {TaskCompleted{StepId(1), 1, {}, {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {SignalTaken{1}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {TimerFired{TimerId(9), TimerKind::after, {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {IncidentClosed{IncidentId(1), {}, "", {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {StateEntered{0, "work", 7, {}, "", {}, {}}}));
  BOOST_CHECK(refused(Index(9), run, world.now, {VarsSet{1, {}}}));
  RunStarted twice = std::get<RunStarted>(world.history[0]);
  BOOST_CHECK(refused(run, run, world.now, {twice}));
  BOOST_CHECK(refused(Index(9), Index(9), world.now, {twice}));  // another's uid
  twice.index = Index(9);
  BOOST_CHECK(refused(Index(9), Index(9), world.now, {twice}));  // the id's run is open
  twice.id = "b";
  twice.group = GroupId(2);
  BOOST_CHECK(refused(Index(9), Index(9), world.now, {twice}));
  world.send(Terminate{""});
  Applied late;
  BOOST_CHECK(!world.tables.apply_run(Index(9), run, world.now, {RunPaused{}}, &late));
}

BOOST_AUTO_TEST_CASE(queues_order_by_priority_then_age) {
  World world(kWorkflow);
  start(&world, "old", "{'priority': 3}");
  world.now = TimeMs(world.now.v + 1);
  start(&world, "young", "{'priority': 3}");
  start(&world, "urgent", "{'priority': 5}");
  start(&world, "idle", "{'priority': 1}");
  const Queue& queue = world.tables.queues().at("q");
  std::vector<std::string> order;
  for (const QueuedTask& task : queue.waiting) order.push_back(world.tables.find(task.run)->id());
  const std::vector<std::string> expected = {"urgent", "old", "young", "idle"};
  BOOST_CHECK(order == expected);
  world.send(Pause{""});
  BOOST_CHECK_EQUAL(world.tables.queues().at("q").waiting.size(), 3u);
  world.send(Resume{""});
  world.hand_out();
  BOOST_CHECK_EQUAL(world.tables.queues().at("q").waiting.size(), 3u);
  BOOST_CHECK_EQUAL(world.tables.queues().at("q").started, 1u);
  world.signal("stop");
  BOOST_CHECK_EQUAL(world.tables.queues().at("q").started, 1u);  // withdrawn, still with its worker
  world.send(LoseLease{StepId(1), 1});
  BOOST_CHECK_EQUAL(world.tables.queues().at("q").started, 0u);
}

BOOST_AUTO_TEST_CASE(closed_runs_are_forgotten_and_their_ids_lead_to_older_ones) {
  World world(kWorkflow);
  std::vector<Index> runs;
  for (int i = 0; i < 4; ++i) {
    start(&world, i == 2 ? "b" : "a", "{}");
    runs.push_back(world.index);
    world.now = TimeMs(world.now.v + 1);
    if (i < 3) world.send(Terminate{""});
  }
  Tables tables{world.tables.group()};
  BOOST_REQUIRE(Tables::decode(bytes_of(world.tables), &tables));
  BOOST_CHECK(tables.oldest_needed() == runs[0]);
  const std::string before = bytes_of(tables);
  BOOST_CHECK(!tables.forget({runs[0], runs[3]}));  // an open one
  BOOST_CHECK(!tables.forget({runs[1], runs[0]}));  // not ascending
  BOOST_CHECK(!tables.forget({runs[0], runs[0]}));
  BOOST_CHECK(!tables.forget({runs[0], Index(runs[0].v + 1000)}));
  BOOST_CHECK(bytes_of(tables) == before && tables.check_invariants().empty());
  const auto& closed = tables.closed_by_version().at({"flow", 3});
  BOOST_CHECK_EQUAL(closed.size(), 3u);
  BOOST_CHECK(closed.begin()->run == runs[0]);
  // One in the middle of its id's, then the oldest.
  BOOST_CHECK(tables.forget({runs[1], runs[2]}));
  BOOST_CHECK_EQUAL(tables.check_invariants(), "");
  BOOST_CHECK(tables.find(runs[1]) == nullptr && tables.find_id("b") == nullptr);
  BOOST_CHECK(tables.find_id("a") == tables.find(runs[3]));
  BOOST_CHECK(tables.oldest_needed() == runs[0]);
  BOOST_CHECK(tables.forget({runs[0]}));
  BOOST_CHECK_EQUAL(tables.check_invariants(), "");
  BOOST_CHECK(tables.oldest_needed() == runs[3]);
  BOOST_CHECK(tables.closed_by_version().empty());
  Tables decoded{tables.group()};
  BOOST_CHECK(Tables::decode(bytes_of(tables), &decoded));
  BOOST_CHECK_EQUAL(decoded.check_invariants(), "");
  BOOST_CHECK(decoded.find_id("a") == decoded.find(runs[3]));
}

BOOST_AUTO_TEST_CASE(the_newest_of_an_id_may_be_forgotten_first) {
  World world(kWorkflow);
  std::vector<Index> runs;
  for (int i = 0; i < 3; ++i) {
    start(&world, "a", "{}");
    runs.push_back(world.index);
    world.send(Terminate{""});
  }
  Tables tables{world.tables.group()};
  BOOST_REQUIRE(Tables::decode(bytes_of(world.tables), &tables));
  for (int i = 2; i >= 0; --i) {
    const Index run = runs[static_cast<std::size_t>(i)];
    BOOST_CHECK(tables.find_id("a") == tables.find(run));
    BOOST_CHECK(tables.forget({run}));
    BOOST_CHECK_EQUAL(tables.check_invariants(), "");
  }
  BOOST_CHECK(tables.find_id("a") == nullptr && !tables.oldest_needed());
}

BOOST_AUTO_TEST_CASE(due_runs_in_order_of_their_timers) {
  World world(kWorkflow);
  start(&world, "c", "{'wait': '3m'}");
  start(&world, "a", "{'wait': '1m'}");
  start(&world, "b", "{'wait': '2m'}");
  const auto due = [&](std::int64_t ms, std::size_t max) {
    std::string ids;
    DueTimer after;
    for (const Index run : world.tables.runs_due(TimeMs(kEpoch.v + ms), max, &after)) {
      ids += world.tables.find(run)->id();
    }
    return ids;
  };
  BOOST_CHECK_EQUAL(due(59'999, 9), "");
  BOOST_CHECK_EQUAL(due(60'000, 9), "a");
  BOOST_CHECK_EQUAL(due(180'000, 9), "abc");
  BOOST_CHECK_EQUAL(due(180'000, 2), "ab");
  DueTimer after;
  world.tables.runs_due(TimeMs(kEpoch.v + 180'000), 2, &after);
  BOOST_CHECK(after.fire_at == TimeMs(kEpoch.v + 120'000));
  const auto behind = world.tables.runs_due(TimeMs(kEpoch.v + 180'000), 2, &after);
  BOOST_CHECK(behind.size() == 1 && world.tables.find(behind[0])->id() == "c");
  BOOST_CHECK(world.tables.runs_due(TimeMs(kEpoch.v + 180'000), 2, &after).empty());
  BOOST_CHECK(world.tables.earliest_timer()->fire_at == TimeMs(kEpoch.v + 60'000));
  world.send(Pause{""});  // b
  BOOST_CHECK_EQUAL(due(180'000, 9), "ac");
}

BOOST_AUTO_TEST_CASE(applied_tells_what_an_entry_did) {
  World world(kWorkflow);
  world.checks = false;
  Decision decision = decide_start({GroupId(1), Index(1)}, {"a", 3, {}, {}, {}}, world.context());
  Applied applied;
  BOOST_REQUIRE(world.tables.apply_run(Index(1), Index(1), world.now, decision.events, &applied));
  BOOST_CHECK(applied.started && !applied.closed && applied.tasks_queued && applied.timers_changed);
  decision = decide(*world.tables.find(Index(1)), HandOut{StepId(1), "w"}, world.context());
  BOOST_REQUIRE(world.tables.apply_run(Index(2), Index(1), world.now, decision.events, &applied));
  BOOST_CHECK(!applied.started && !applied.closed && !applied.tasks_queued);
  decision = decide(*world.tables.find(Index(1)), Terminate{""}, world.context());
  BOOST_REQUIRE(world.tables.apply_run(Index(3), Index(1), world.now, decision.events, &applied));
  BOOST_CHECK(applied.closed && applied.timers_changed);
  BOOST_CHECK(world.tables.find(Index(1))->last_entry == Index(3));
  BOOST_CHECK(!world.tables.earliest_timer());
}

BOOST_AUTO_TEST_CASE(ids_and_versions) {
  World world(kWorkflow);
  start(&world, "a", "{}");
  const auto key = std::make_pair(std::string("flow"), std::uint32_t{3});
  BOOST_CHECK_EQUAL(world.tables.open_by_version().at(key), 1u);
  world.signal("stop");
  BOOST_CHECK(world.tables.open_by_version().empty());
  const Index first = world.index;
  start(&world, "a", "{}");
  BOOST_CHECK(world.tables.find_id("a") == world.tables.find(world.index));
  BOOST_CHECK(world.tables.find(first) != nullptr && world.index != first);
  BOOST_CHECK(world.tables.find_id("b") == nullptr);
}

// The answers as a snapshot gives them back, whose bytes are none once one is missing.
Dedupe through_snapshot(const Dedupe& dedupe) {
  Tables tables{GroupId(1)}, copy{GroupId(1)};
  tables.dedupe() = dedupe;
  const std::string bytes = bytes_of(tables);
  BOOST_REQUIRE(Tables::decode(bytes, &copy));
  BOOST_CHECK(bytes_of(copy) == bytes);
  for (std::size_t n = 0; n < bytes.size() && bytes.size() < 10'000; ++n) {
    BOOST_CHECK(!Tables::decode(bytes.substr(0, n), &tables));
  }
  return copy.dedupe();
}

BOOST_AUTO_TEST_CASE(dedupe_forgets_what_is_old_or_too_many) {
  Dedupe dedupe;
  const auto answer = [](const std::string& key, std::int64_t at) {
    KeyedAnswer a;
    a.key = key;
    a.at = TimeMs(at);
    a.status = 201;
    a.body = "body of " + key;
    return a;
  };
  dedupe.remember(answer("a", 0));
  dedupe.remember(answer("b", 1000));
  BOOST_REQUIRE(dedupe.find("a") != nullptr);
  BOOST_CHECK_EQUAL(dedupe.find("a")->body, "body of a");
  dedupe.remember(answer("c", limits::kRememberedMs + 500));
  BOOST_CHECK(dedupe.find("a") == nullptr && dedupe.find("b") != nullptr);
  BOOST_CHECK(through_snapshot(dedupe).find("c")->status == 201);
  const std::int64_t later = limits::kRememberedMs + 600;
  for (int i = 0; i < limits::kDedupeKeysPerGroupMax; ++i) {
    dedupe.remember(answer("k" + std::to_string(i), later));
  }
  BOOST_CHECK_EQUAL(dedupe.size(), static_cast<std::size_t>(limits::kDedupeKeysPerGroupMax));
  BOOST_CHECK(dedupe.find("c") == nullptr && dedupe.find("k0") != nullptr);
}

KeyedAnswer forwarded(std::uint64_t process, std::uint64_t number, std::uint64_t open_from) {
  KeyedAnswer a;
  a.forwarded = {process, number, open_from};
  a.at = TimeMs(5);
  a.status = 200;
  a.body = "body of " + std::to_string(number);
  return a;
}

BOOST_AUTO_TEST_CASE(dedupe_knows_a_boxs_requests_until_it_says_that_they_are_over) {
  Dedupe dedupe;
  for (std::uint64_t n = 1; n <= 5; ++n) dedupe.remember(forwarded(7, n, 1));
  dedupe.remember(forwarded(9, 3, 1));  // another process counts for itself
  BOOST_CHECK_EQUAL(dedupe.find({7, 3, 1})->body, "body of 3");
  BOOST_CHECK(dedupe.find({7, 6, 1}) == nullptr && !dedupe.is_over({7, 6, 1}));
  BOOST_CHECK(dedupe.find({8, 3, 1}) == nullptr && !dedupe.is_over({8, 3, 1}));
  dedupe.remember(forwarded(7, 6, 4));
  BOOST_CHECK(dedupe.find({7, 3, 1}) == nullptr && dedupe.is_over({7, 3, 1}));
  BOOST_CHECK(dedupe.find({7, 4, 1}) != nullptr && !dedupe.is_over({7, 4, 1}));
  BOOST_CHECK(dedupe.find({9, 3, 1}) != nullptr);
  // One that told its oldest before others did, and came in after them, opens nothing again.
  dedupe.remember(forwarded(7, 5, 2));
  BOOST_CHECK(dedupe.is_over({7, 3, 2}) && dedupe.find({7, 4, 2}) != nullptr);
  dedupe.remember(forwarded(7, 2, 1));
  BOOST_CHECK(dedupe.is_over({7, 2, 1}) && dedupe.find({7, 2, 1}) == nullptr);

  const Dedupe copy = through_snapshot(dedupe);
  BOOST_CHECK(copy.is_over({7, 3, 1}) && copy.find({7, 6, 1})->body == "body of 6");
}

BOOST_AUTO_TEST_CASE(dedupe_forgets_a_box_that_is_not_heard_of_again) {
  Dedupe dedupe;
  dedupe.remember(forwarded(7, 1, 1));
  dedupe.remember(forwarded(7, 2, 1));
  KeyedAnswer later = forwarded(9, 1, 1);
  later.at = TimeMs(5 + limits::kForwardedRememberedMs);
  dedupe.remember(later);
  BOOST_CHECK(dedupe.find({7, 1, 1}) != nullptr);
  later.forwarded.number = 2;
  later.at.v += 1;
  dedupe.remember(later);
  BOOST_CHECK(dedupe.find({7, 2, 1}) == nullptr && dedupe.is_over({7, 2, 1}));
  BOOST_CHECK(dedupe.find({9, 1, 1}) != nullptr);
}

BOOST_AUTO_TEST_CASE(dedupe_bounds_what_boxes_make_it_remember) {
  Dedupe dedupe;
  for (std::uint64_t n = 1; n <= limits::kForwardedAnswersMax + 2; ++n) {
    dedupe.remember(forwarded(7, n, 1));
  }
  // What was given up for room is over: it must not be done again.
  BOOST_CHECK(dedupe.is_over({7, 2, 1}) && dedupe.find({7, 3, 1}) != nullptr);
  for (std::uint64_t p = 100; p < 100 + limits::kForwardingProcessesMax - 1; ++p) {
    dedupe.remember(forwarded(p, 1, 1));
  }
  dedupe.remember(forwarded(7, limits::kForwardedAnswersMax + 3, 1));
  dedupe.remember(forwarded(200, 1, 1));  // the one that was silent for longest goes
  BOOST_CHECK(dedupe.find({100, 1, 1}) == nullptr && dedupe.find({101, 1, 1}) != nullptr);
  BOOST_CHECK(dedupe.is_over({7, 2, 1}) && dedupe.find({200, 1, 1}) != nullptr);
  BOOST_CHECK(through_snapshot(dedupe).is_over({7, 2, 1}));
}

BOOST_AUTO_TEST_CASE(channels_deliver_once) {
  Channels sender, receiver;
  sender.send(GroupId(0), {0, MessageKind::pin, "flow", 1});
  sender.send(GroupId(0), {0, MessageKind::pin, "flow", 2});
  BOOST_REQUIRE(sender.outbox(GroupId(0)) != nullptr);
  const auto messages = *sender.outbox(GroupId(0));
  BOOST_CHECK_EQUAL(messages.size(), 2u);
  BOOST_CHECK(receiver.receive(GroupId(3), messages.at(1)));
  BOOST_CHECK(!receiver.receive(GroupId(3), messages.at(1)));  // delivered again
  BOOST_CHECK(receiver.receive(GroupId(3), messages.at(2)));
  BOOST_CHECK_EQUAL(receiver.watermark(GroupId(3)), 2u);
  BOOST_CHECK_EQUAL(receiver.watermark(GroupId(4)), 0u);
  sender.acknowledged(GroupId(0), 1);
  BOOST_CHECK_EQUAL(sender.outbox(GroupId(0))->size(), 1u);
  for (Channels* channels : {&sender, &receiver}) {
    std::string bytes;
    channels->encode(&bytes);
    Channels copy;
    BOOST_REQUIRE(copy.decode(bytes));
    BOOST_CHECK(copy == *channels);
    for (std::size_t n = 0; n < bytes.size(); ++n) BOOST_CHECK(!copy.decode(bytes.substr(0, n)));
  }
  sender.acknowledged(GroupId(0), 2);
  BOOST_CHECK(sender.outbox(GroupId(0)) == nullptr && sender.destinations().empty());
  sender.send(GroupId(0), {});
  BOOST_CHECK_EQUAL(sender.outbox(GroupId(0))->begin()->first, 3u);  // numbers are never reused
}

}  // namespace
}  // namespace pawl::engine
