// What is bounded stays bounded: sizes, counts, loops; and the rules that scripts can't say.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/event_bytes.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kSignals = R"toml(
dsl = 1
name = "signals"
start = "a"
[signal.keep]
[signal.wait]
buffer = "30d"
[signal.div]
[vars]
d = 0
[retry.wild]
attempts = 1000
initial = "1s"
factor = 2.0
max_interval = "1m"
jitter = 0.5
[state.a]
on.keep = { save.kept = "= signal" }
on.div = { save.q = "= 1 / vars.d" }
moves = ["work"]
[state.work]
task = "t"
retry = "wild"
next = "a"
)toml";

dsl::Value text(std::size_t bytes) { return dsl::Value::string(std::string(bytes, 'x')); }

Decision send(World* world, std::string name, dsl::Value payload) {
  Signal command;
  command.name = std::move(name);
  command.payload = std::move(payload);
  return world->send(command);
}

dsl::Value nested(int depth) {
  dsl::Value v = dsl::Value::int64(1);
  for (int i = 0; i < depth; ++i) v = dsl::Value::list({v});
  return v;
}

BOOST_AUTO_TEST_CASE(payload_sizes) {
  World world(kSignals);
  world.start();
  BOOST_CHECK(send(&world, "keep", text(limits::kValueBytesMax)).refusal == Refusal::too_big);
  BOOST_CHECK(send(&world, "keep", text(limits::kValueBytesMax - 8)).refusal == Refusal::none);
  BOOST_CHECK(send(&world, "keep", nested(limits::kValueDepthMax + 1)).refusal == Refusal::too_big);
  BOOST_CHECK(send(&world, "keep", nested(limits::kValueDepthMax)).refusal == Refusal::none);
  Start big;
  big.id = "big";
  big.input = dsl::Value::map({{dsl::Value::string("x"), text(limits::kValueBytesMax)}});
  BOOST_CHECK(world.start(big).refusal == Refusal::too_big);
}

BOOST_AUTO_TEST_CASE(state_size_refuses_signals_and_makes_saves_incidents) {
  World world(kSignals);
  world.checks = false;
  world.start();
  const std::size_t big = limits::kValueBytesMax - 100;
  BOOST_CHECK(send(&world, "wait", text(big)).refusal == Refusal::none);
  BOOST_CHECK(send(&world, "wait", text(big)).refusal == Refusal::none);
  BOOST_CHECK(send(&world, "wait", text(big)).refusal == Refusal::too_big);
  const Decision decision = send(&world, "keep", text(big));
  BOOST_CHECK(decision.refusal == Refusal::none);
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().incidents[0]->error.type, "sys.too_big");
  BOOST_CHECK(world.var("kept").is_null());
}

BOOST_AUTO_TEST_CASE(buffer_is_bounded) {
  World world(kSignals);
  world.checks = false;
  world.start();
  for (int i = 0; i < limits::kBufferedSignalsMax; ++i) {
    BOOST_REQUIRE(send(&world, "wait", dsl::Value::int64(i)).refusal == Refusal::none);
  }
  BOOST_CHECK(send(&world, "wait", {}).refusal == Refusal::signal_buffer_full);
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(incidents_are_bounded) {
  World world(kSignals);
  world.checks = false;
  world.start();
  int taken = 0;
  while (world.signal("div").refusal == Refusal::none) ++taken;
  BOOST_CHECK_EQUAL(taken, limits::kIncidentsMax - 1);
  BOOST_CHECK(world.signal("div").refusal == Refusal::signal_buffer_full);
  BOOST_CHECK_EQUAL(world.run().incidents.size(), static_cast<std::size_t>(taken));
  BOOST_CHECK(world.send(RetryIncident{}).refusal == Refusal::none);
  BOOST_CHECK_EQUAL(world.run().incidents.size(), static_cast<std::size_t>(taken));
}

BOOST_AUTO_TEST_CASE(loops_end_in_an_incident) {
  World world(R"toml(
dsl = 1
name = "loop"
start = "a"
on_error = "b"
[input]
n = "int"
[vars]
i = 0
[state.a]
set.i = "= vars.i + 1"
choose = [ { if = "vars.i > input.n", next = "end" }, { next = "a" } ]
[state.b]
choose = [ { if = "input.n == 0", next = "end" }, { next = "a" } ]
)toml");
  world.start("{'n': 900}");
  BOOST_CHECK(world.run().status == RunStatus::completed);
  world.start("{'n': 1000000}");
  BOOST_CHECK(world.run().status == RunStatus::running);
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().incidents[0]->error.type, "sys.loop");
  BOOST_CHECK(world.run().on_error_taken);
  BOOST_CHECK_LT(world.history.size(), static_cast<std::size_t>(limits::kEventsPerEntryMax));
}

// A hundred items of hundreds of steps each, all of them automatic.
BOOST_AUTO_TEST_CASE(one_decision_has_a_bounded_number_of_events) {
  World world(R"toml(
dsl = 1
name = "wide"
[state.each]
map = "= lists.range(900)"
do = { flow = "loop" }
concurrency = 900
next = "end"
[flow.loop]
start = "a"
[flow.loop.vars]
i = 0
[flow.loop.state.a]
set.i = "= vars.i + 1"
choose = [ { if = "vars.i > 600", next = "b" }, { next = "a" } ]
[flow.loop.state.b]
sleep = "1h"
next = "end"
)toml");
  world.checks = false;
  const Decision first = world.start();
  BOOST_CHECK_LT(first.events.size(), static_cast<std::size_t>(limits::kEventsPerEntryMax));
  BOOST_CHECK(world.run().status == RunStatus::running);
  for (int i = 0; i < 200 && world.run().gather(0) != nullptr; ++i) {
    ++world.now.v;
    const Decision more = world.send(FireTimers{});
    BOOST_REQUIRE_LT(more.events.size(), static_cast<std::size_t>(limits::kEventsPerEntryMax));
    if (world.run().incidents.empty()) continue;
    BOOST_CHECK_EQUAL(world.run().incidents.back()->error.type, "sys.loop");
    const Decision again = world.send(RetryIncident{});
    BOOST_REQUIRE_LT(again.events.size(), static_cast<std::size_t>(limits::kEventsPerEntryMax));
  }
  // All are asleep at last.
  BOOST_CHECK_EQUAL(world.run().tree->frames.size(), 900u);
  BOOST_CHECK(world.run().incidents.empty());
  world.advance(3'700'000);
  for (int i = 0; i < 50 && !world.run().closed(); ++i) {
    ++world.now.v;
    world.send(FireTimers{});
  }
  BOOST_CHECK(world.run().status == RunStatus::completed);
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(one_step_moves_a_bounded_amount_of_data) {
  World world(R"toml(
dsl = 1
name = "data"
start = "a"
[input]
text = "string"
[vars]
i = 0
[state.a]
set = { i = "= vars.i + 1", x = "= input.text + string(vars.i)" }
choose = [ { if = "vars.i > 500", next = "end" }, { next = "a" } ]
)toml");
  world.checks = false;
  Start command;
  command.id = "r";
  command.input = dsl::Value::map({{dsl::Value::string("text"), text(100'000)}});
  BOOST_REQUIRE(world.start(command).refusal == Refusal::none);
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().incidents[0]->error.type, "sys.too_big");
  std::string bytes;
  encode_events(world.history, &bytes);
  BOOST_CHECK_LT(bytes.size(), limits::kEntryBytesMax);
}

BOOST_AUTO_TEST_CASE(backoff_grows_is_capped_and_jitters_by_seed) {
  World world(kSignals);
  world.checks = false;
  world.start();
  world.send(Move{"a", "work", "", std::nullopt, {}});
  std::int64_t expected_ms = 1000;
  bool jittered = false;
  for (int i = 0; i < 12; ++i) {
    const StepId step = world.hand_out();
    world.fail(step, "x");
    const std::int64_t ms = world.run().timers.back().fire_at.v - world.now.v;
    BOOST_CHECK_GE(ms, expected_ms / 2);
    BOOST_CHECK_LE(ms, expected_ms * 3 / 2);
    jittered |= ms != expected_ms;
    expected_ms = std::min<std::int64_t>(expected_ms * 2, 60'000);
    world.advance(ms);
  }
  BOOST_CHECK(jittered);
}

BOOST_AUTO_TEST_CASE(the_same_arguments_decide_the_same) {
  World world(kSignals);
  world.start();
  world.send(Move{"a", "work", "", std::nullopt, {}});
  const StepId step = world.hand_out();
  const Context context = world.context();
  const Command command = FailTask{step, 1, {"x", "m", {}}, std::nullopt};
  const Decision a = decide(world.run(), command, context);
  const Decision b = decide(world.run(), command, context);
  BOOST_REQUIRE_EQUAL(a.events.size(), b.events.size());
  for (std::size_t i = 0; i < a.events.size(); ++i) BOOST_CHECK(equal(a.events[i], b.events[i]));
  BOOST_CHECK(*a.after == *b.after);
  BOOST_CHECK(world.run().step(step)->status == StepStatus::started);  // decide changed nothing
}

BOOST_AUTO_TEST_CASE(errors_of_workers_are_cut_to_size) {
  World world(kSignals);
  world.start();
  world.send(Move{"a", "work", "", std::nullopt, {}});
  const StepId step = world.hand_out();
  std::string message(limits::kErrorMessageBytesMax - 4, 'm');
  message += "\xc3\xa4\xc3\xa4\xc3\xa4";
  FailTask fail{step, 1, {std::string(limits::kNameBytesMax + 1, 't'), message, {}}, false};
  BOOST_CHECK(world.send(fail).refusal == Refusal::too_big);
  fail.error.type = "";
  fail.error.data = nested(limits::kValueDepthMax);
  BOOST_CHECK(world.send(fail).refusal == Refusal::too_big);
  fail.error.data = text(limits::kErrorDataBytesMax);
  BOOST_CHECK(world.send(fail).refusal == Refusal::too_big);
  fail.error.data = {};
  BOOST_CHECK(world.send(fail).refusal == Refusal::none);
  const auto& error = world.run().incidents.at(0)->error;
  BOOST_CHECK_EQUAL(error.type, "error");
  BOOST_CHECK_EQUAL(error.message().size(), limits::kErrorMessageBytesMax - 1);  // no half letter
  BOOST_CHECK(error.message().ends_with("m\u2026"));
  BOOST_CHECK(world.send(fail).duplicate);
}

constexpr const char* kErrors = R"toml(
dsl = 1
name = "errors"
start = "a"
[signal.keep]
[on.keep]
save.kept = "= signal"
[vars]
kept = { type = "any", default = "" }
[state.a]
moves = ["doze", "shout", "throw"]
[state.doze]
sleep = "= vars.kept"
next = "a"
[state.shout]
raise = { type = "loud", message = "= vars.kept" }
[state.throw]
raise = { type = "heavy", message = "catch", data = "= vars.kept" }
)toml";

// The error of the incident that a run with this text meets in this state.
ErrorRecord error_in(const std::string& state, std::size_t bytes) {
  World world(kErrors);
  world.start();
  BOOST_REQUIRE(send(&world, "keep", text(bytes)).refusal == Refusal::none);
  BOOST_REQUIRE(world.send(Move{"a", state, "", std::nullopt, {}}).refusal == Refusal::none);
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  return world.run().incidents.at(0)->error;
}

// Whoever makes an error: a worker (above), an expression, a `raise`.
BOOST_AUTO_TEST_CASE(every_recorded_error_is_cut_to_size) {
  for (const char* state : {"doze", "shout"}) {
    const std::string message = error_in(state, 2 * limits::kErrorMessageBytesMax).message();
    BOOST_CHECK_MESSAGE(message.size() == limits::kErrorMessageBytesMax,
                        state << ": " << message.size() << " bytes");
    BOOST_CHECK(message.ends_with("x\u2026"));
  }
}

BOOST_AUTO_TEST_CASE(the_data_of_an_error_is_bounded) {
  BOOST_CHECK_EQUAL(error_in("throw", limits::kErrorDataBytesMax - 8).type, "heavy");
  BOOST_CHECK_EQUAL(error_in("throw", limits::kErrorDataBytesMax).type, "sys.too_big");
  // What no decider refused is cut where the record is made.
  const ErrorRecord cut = ErrorRecord::of({"x", "m", text(limits::kErrorDataBytesMax)});
  BOOST_CHECK(cut.detail.length < 200);
  BOOST_CHECK(cut.data().as_string().starts_with("left out: "));
  BOOST_CHECK_EQUAL(cut.message(), "m");
}

BOOST_AUTO_TEST_CASE(answers_are_remembered_for_a_day_and_bounded) {
  World world(kSignals);
  world.checks = false;
  world.start();
  for (int i = 0; i < limits::kOutcomesRememberedMax + 5; ++i) {
    world.send(Move{"a", "work", "", std::nullopt, {}});
    const StepId step = world.hand_out();
    BOOST_REQUIRE(world.complete(step).refusal == Refusal::none);
  }
  BOOST_CHECK_EQUAL(world.run().outcomes->size(),
                    static_cast<std::size_t>(limits::kOutcomesRememberedMax));
  BOOST_CHECK(world.send(CompleteTask{StepId(1), 1, {}}).refusal == Refusal::task_withdrawn);
  const StepId newest = world.run().last_step;
  BOOST_CHECK(world.send(CompleteTask{newest, 1, {}}).duplicate);
}

BOOST_AUTO_TEST_CASE(hash_costs_no_more_for_a_large_state) {
  World world(kSignals);
  world.checks = false;
  world.start();
  HashScratch scratch;
  const auto hashed_bytes = [&] {
    world.signal("keep", "1");
    const EventContext at{world.run().identity->salt, world.run().seq, world.now};
    chain_event({}, world.history.back(), at, &scratch);
    return scratch.bytes.size();
  };
  const std::size_t small = hashed_bytes();
  for (int i = 0; i < 1; ++i) send(&world, "wait", text(200'000));
  BOOST_CHECK_EQUAL(hashed_bytes(), small);
}

BOOST_AUTO_TEST_CASE(ids_taken_already) {
  World world(kSignals);
  world.start();
  dsl::Definition definition = *world.definition;
  using dsl::IdConflict, dsl::IdReuse;
  const Run open = world.run();
  definition.conflict = IdConflict::fail;
  BOOST_CHECK(resolve_id(open, definition) == IdConflictAction::refuse);
  definition.conflict = IdConflict::use_existing;
  BOOST_CHECK(resolve_id(open, definition) == IdConflictAction::use_existing);
  definition.conflict = IdConflict::terminate_existing;
  BOOST_CHECK(resolve_id(open, definition) == IdConflictAction::terminate_then_start);
  Run closed = open;
  for (const RunStatus status :
       {RunStatus::completed, RunStatus::failed, RunStatus::cancelled, RunStatus::terminated}) {
    closed.status = status;
    const auto unless_completed =
        status == RunStatus::completed ? IdConflictAction::refuse : IdConflictAction::start;
    definition.reuse = IdReuse::allow;
    BOOST_CHECK(resolve_id(closed, definition) == IdConflictAction::start);
    definition.reuse = IdReuse::failed_only;
    BOOST_CHECK(resolve_id(closed, definition) == unless_completed);
    definition.reuse = IdReuse::reject;
    BOOST_CHECK(resolve_id(closed, definition) == IdConflictAction::refuse);
  }
}

BOOST_AUTO_TEST_CASE(commands_that_need_no_definition) {
  World world(kSignals);
  world.start();
  world.send(Move{"a", "work", "", std::nullopt, {}});
  Context context = world.context();
  context.definition = nullptr;
  Run run = world.run();
  const auto apply = [&](const Command& command) {
    const Decision decision = decide(run, command, context);
    BOOST_REQUIRE(decision.refusal == Refusal::none);
    run = *decision.after;
  };
  const StepId step = run.last_step;
  apply(HandOut{step, "w"});
  apply(ProgressTask{step, 1, dsl::Value::int64(1)});
  apply(ReturnTask{step, 1});
  apply(Pause{""});
  apply(Terminate{""});
}

}  // namespace
}  // namespace pawl::engine
