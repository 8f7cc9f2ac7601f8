// Replays by definitions that are not the history's own, of histories that are not whole, and of
// events that nobody recorded.
#include "rehearsal/replay.h"

#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "rehearsal/parse_tests.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/report.h"
#include "replay_check.h"

namespace pawl::rehearsal {
namespace {

using Kind = ReplayResult::Kind;

const std::string kDefinition = R"toml(
dsl = 1
name = "order"
start = "created"
[input]
total = "int"
[signal.paid]
groups = ["tellers"]
[signal.paid.payload]
at = "timestamp"
[state.created]
on.paid = { next = "charge", save.at = "= signal.at" }
after."24h" = { next = "expired" }
[state.charge]
task = "card.charge"
queue = "cards"
with = { total = "= input.total" }
timeout.total = "1h"
retry = { attempts = 3, initial = "10s", jitter = 0.5, never = ["card.declined"] }
catch = [{ errors = ["card.*"], next = "refused" }]
save.charge = "= result.id"
next = "done"
moves = ["refused"]
[state.refused]
end = "failed"
[state.done]
end = "completed"
output = { charge = "= vars.charge", at = "= vars.at" }
[state.expired]
end = "failed"
)toml";

const std::string kPaid =
    "[[test.step]]\nsignal = 'paid'\nwith = { at = 2026-01-01T00:00:00+01:00 }\n"
    "actor = { uid = 5, groups = ['tellers'] }\n";

std::shared_ptr<const dsl::Definition> parse(const std::string& toml) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(toml);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "x.toml");
  BOOST_REQUIRE_MESSAGE(parsed.definition != nullptr, problems);
  return parsed.definition;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

// The history of a test of kDefinition.
std::vector<HistoryEvent> history_of(const std::string& test) {
  const auto definition = parse(kDefinition);
  const ParsedTests parsed =
      parse_tests("[[test]]\nname = 'x'\ninput = { total = 5 }\n" + test, *definition);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "x.test.toml");
  BOOST_REQUIRE_MESSAGE(parsed.tests.size() == 1, problems);
  const Outcome outcome = run_test(definition, parsed.tests[0]);
  BOOST_REQUIRE_MESSAGE(outcome.passed(), failures_text(outcome));
  check_replay(outcome.history, definition);
  return outcome.history;
}

const std::string kGood =
    "expect.status = 'completed'\ntask.'card.charge' = [{ error = { type = "
    "'net' } }, { result = { id = 'c-1' } }]\n" +
    kPaid;

// "seq 7, charge:22: WHAT: recorded.type / decided.type", or "same", or "impossible: WHY".
std::string say(const ReplayResult& result) {
  const auto type = [](const dsl::Value& event) {
    const dsl::Value* x = event.field("type");
    return x == nullptr ? std::string("nothing") : x->as_string();
  };
  if (result.kind == Kind::same) return "same";
  if (result.kind == Kind::impossible) return "impossible: " + result.what;
  return "seq " + std::to_string(result.seq.v) + ", " + result.state + ":" +
         std::to_string(result.line) + ": " + result.what + ": " + type(result.recorded) + " / " +
         type(result.decided);
}

struct Change {
  const char* from;
  const char* to;
  const char* said;
};

BOOST_AUTO_TEST_CASE(the_first_difference_is_found) {
  const std::vector<HistoryEvent> history = history_of(kGood);
  const Recording recording = record(history, parse(kDefinition));
  const Change changes[] = {
      {"dsl = 1", "dsl = 1\ndoc = 'nothing else'", "same"},
      {"next = \"expired\" }", "next = \"expired\", save.how = 1 }", "same"},
      {"attempts = 3", "attempts = 2", "same"},
      {"total = \"int\"", "total = \"int\"\nmore = { type = \"int\", default = 1 }",
       "seq 1, :0: its fields differ: run.started / run.started"},
      {"total = \"int\"", "total = \"string\"",
       "seq 1, :0: refused: input-invalid: `total` is an int, must be a string: run.started / "
       "nothing"},
      {"\"24h\"", "\"25h\"", "seq 2, :0: its fields differ: state.entered / state.entered"},
      {"save.at = \"= signal.at\"", "save.at = \"= run.now\"",
       "seq 4, created:11: its fields differ: vars.set / vars.set"},
      {", save.at = \"= signal.at\" }\nafter.\"24h\" = { ", " }\nafter.\"24h\" = { save.at = 1, ",
       "seq 4, created:11: something else comes of it: vars.set / state.entered"},
      {"queue = \"cards\"", "queue = \"other\"",
       "seq 6, created:11: its fields differ: task.scheduled / task.scheduled"},
      {"attempts = 3", "attempts = 1",
       "seq 8, charge:14: its fields differ: task.failed / task.failed"},
      {"initial = \"10s\"", "initial = \"30s\"",
       "seq 8, charge:14: the retry is at another time: task.failed / task.failed"},
      {"initial = \"10s\"", "initial = \"11s\"", "same"},
      {"[\"card.declined\"]", "[\"net\"]",
       "seq 8, charge:14: its fields differ: task.failed / task.failed"},
      {"\"= result.id\"", "\"= result.nr\"",
       "seq 13, charge:14: something else comes of it: vars.set / incident.opened"},
      {"next = \"done\"\nmoves = [", "next = \"expired\"\nmoves = [\"done\", ",
       "seq 14, charge:14: its fields differ: state.entered / state.entered"},
      {", at = \"= vars.at\"", "", "seq 15, charge:14: its fields differ: run.closed / run.closed"},
      {"[signal.paid]", "[signal.payd]",
       "seq 3, created:11: refused: signal-unknown: the workflow has no signal `paid`: "
       "signal.received / nothing"},
  };
  for (const Change& change : changes) {
    std::string text = replaced(kDefinition, change.from, change.to);
    if (std::string(change.to).find("payd") != std::string::npos) {
      text = replaced(text, "[signal.paid.payload]", "[signal.payd.payload]");
      text = replaced(text, "on.paid = {", "on.payd = {");
    }
    const ReplayResult result = replay(recording, parse(text));
    BOOST_CHECK_MESSAGE(say(result) == change.said, change.from << " -> " << change.to << " says\n"
                                                                << say(result));
  }
}

BOOST_AUTO_TEST_CASE(more_or_less_may_come_of_it) {
  const std::vector<HistoryEvent> waits =
      history_of("expect.state = 'charge'\ntask.'card.charge'.never = true\n" + kPaid);
  // Where the record ends, the other goes on: it can't have been so at that moment.
  const std::string sleeps = replaced(kDefinition, "[state.charge]\ntask", R"toml([state.charge]
choose = [{ next = "work" }]
[state.work]
task)toml");
  BOOST_CHECK_EQUAL(say(replay(record(waits), parse(sleeps))),
                    "seq 6, created:11: something else comes of it: task.scheduled / "
                    "state.entered");
  const std::string ends = replaced(kDefinition, "on.paid = { next = \"charge\", ", "on.paid = { ");
  const std::string reached = replaced(ends, "next = \"expired\" }", "next = \"charge\" }");
  BOOST_CHECK_EQUAL(say(replay(record(waits), parse(reached + "[state.x]\nend = 'failed'\n[state.y]"
                                                              "\nchoose = [{ next = 'x' }]\n[on."
                                                              "paid]\nnext = 'y'\n[after.'1h']\n"
                                                              "next = 'expired'\n"))),
                    "seq 2, :0: something else comes of it: state.entered / timers.armed");
}

// A worker's word that an error can't be retried is not in the event: it is found with the
// definition that the history was made by, or taken from what happened.
BOOST_AUTO_TEST_CASE(what_a_worker_said_is_learnt) {
  const std::vector<HistoryEvent> history = history_of(
      "expect.status = 'failed'\ntask.'card.charge'.error = { type = 'card.lost', "
      "retryable = false }\n" +
      kPaid);
  const std::string other = replaced(kDefinition, "attempts = 3", "attempts = 4");
  BOOST_CHECK_EQUAL(say(replay(record(history, parse(kDefinition)), parse(other))), "same");
  BOOST_CHECK_EQUAL(say(replay(record(history), parse(other))), "same");
  // A policy that would not have retried is no reason to think that the worker said so.
  const std::vector<HistoryEvent> declined = history_of(
      "expect.status = 'failed'\ntask.'card.charge'.error = { type = 'card.declined' }\n" + kPaid);
  const std::string retries = replaced(kDefinition, "[\"card.declined\"]", "[]");
  BOOST_CHECK_EQUAL(say(replay(record(declined, parse(kDefinition)), parse(retries))),
                    "seq 8, charge:14: its fields differ: task.failed / task.failed");
}

BOOST_AUTO_TEST_CASE(a_history_that_is_not_whole_is_not_replayed) {
  const auto definition = parse(kDefinition);
  const Recording whole = record(history_of(kGood), definition);
  const auto without = [&](std::size_t first, std::size_t last) {
    Recording part = whole;
    part.events.erase(part.events.begin() + static_cast<std::ptrdiff_t>(first),
                      part.events.begin() + static_cast<std::ptrdiff_t>(last));
    return say(replay(part, definition));
  };
  BOOST_CHECK_EQUAL(without(0, whole.events.size()), "impossible: the history has no events");
  BOOST_CHECK_EQUAL(without(0, 1),
                    "impossible: the history does not begin with the run's start: what was before "
                    "is not there");
  BOOST_CHECK_EQUAL(without(2, 4), "impossible: the events between seq 2 and 5 are not there");
  BOOST_CHECK_EQUAL(without(4, whole.events.size()),
                    "seq 5, created:11: more comes of it: nothing / state.entered");
  const std::string other = replaced(kDefinition, "\"24h\"", "\"25h\"");
  BOOST_CHECK_EQUAL(say(replay(record(history_of(kGood), parse(other)), definition)),
                    "impossible: the history was not made by the definition it names: seq 1, "
                    "run.started");
  std::vector<HistoryEvent> deleted = history_of(kGood);
  deleted.push_back({engine::RunDataDeleted{}, deleted.back().at});
  BOOST_CHECK_EQUAL(say(replay(record(deleted), definition)),
                    "impossible: the run's data was deleted");
}

// What came of replays of events that nobody recorded.
struct Tally {
  int same = 0, impossible = 0, differs = 0;
};

dsl::Value garbled(const dsl::Value& event, const dsl::Value& donor, Random* random) {
  dsl::Map fields = event.as_map();
  const std::size_t at = random->below(fields.size());
  const dsl::Map& others = donor.as_map();
  switch (random->below(4)) {
    case 0:
      fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      fields[at].second = others[random->below(others.size())].second;
      break;
    case 2:
      fields[at].second = dsl::Value::int64(random->between(-1, 4'000'000'000'000));
      break;
    default:
      fields = others;
      for (auto& [key, value] : fields) {
        if (key.as_string() == "seq" || key.as_string() == "at")
          value = *event.field(key.as_string());
      }
  }
  return dsl::Value::map(std::move(fields));
}

// Whatever the events say: a result comes of it.
Tally garble(const Recording& whole, const std::shared_ptr<const dsl::Definition>& definition,
             const std::shared_ptr<const dsl::Definition>& other) {
  Random random(1);
  Tally tally;
  for (int i = 0; i < 3000; ++i) {
    Recording changed = whole;
    dsl::Value& event = changed.events[random.below(changed.events.size())];
    event = garbled(event, whole.events[random.below(whole.events.size())], &random);
    if (random.chance(0.5)) changed.original = nullptr;
    const ReplayResult result = replay(changed, random.chance(0.5) ? definition : other);
    tally.same += result.kind == Kind::same ? 1 : 0;
    tally.differs += result.kind == Kind::differs ? 1 : 0;
    tally.impossible += result.kind == Kind::impossible ? 1 : 0;
    BOOST_REQUIRE_LE(result.events, changed.events.size());
  }
  return tally;
}

BOOST_AUTO_TEST_CASE(events_that_nobody_recorded_are_no_danger) {
  const auto definition = parse(kDefinition);
  const auto other = parse(replaced(kDefinition, "attempts = 3", "attempts = 9"));
  const Tally tally = garble(record(history_of(kGood), definition), definition, other);
  BOOST_CHECK_GT(tally.same, 50);
  BOOST_CHECK_GT(tally.differs, 500);
  BOOST_CHECK_GT(tally.impossible, 100);
}

const std::string kCalls = R"toml(
dsl = 1
name = "calls"
start = "each"
[vars]
round = 0
[state.each]
map = "= [1, 2]"
do = { flow = "one" }
tolerate = 1
save.ids = "= result"
next = "tell"
[state.tell]
send = { to = "x", signal = "s", with = "= vars.ids" }
next = "more"
[state.more]
choose = [{ if = "run.generation < 3", next = "renew" }, { next = "back" }]
[state.renew]
continue = { with = { n = "= run.generation" } }
[state.back]
compensate = true
next = "end"
[flow.one]
start = "call"
[flow.one.state.call]
call = "child"
with = { item = "= item" }
undo = { task = "void", with = "= result" }
next = "end"
)toml";

std::vector<HistoryEvent> history_of_calls() {
  const auto definition = parse(kCalls);
  const ParsedTests parsed = parse_tests(R"toml(
[[test]]
name = "x"
run_out = true
task.void.result = 1
call.child = [{ result = "= run", if = "with.item == 1", after = "1m" }, { error = { type = "e" }, if = "true" }]
[test.expect]
status = "completed"
undone = ["void", "void", "void"]
)toml",
                                         *definition);
  BOOST_REQUIRE_EQUAL(parsed.tests.size(), 1u);
  const Outcome outcome = run_test(definition, parsed.tests[0]);
  BOOST_REQUIRE_MESSAGE(outcome.passed(), failures_text(outcome));
  check_replay(outcome.history, definition);
  return outcome.history;
}

BOOST_AUTO_TEST_CASE(answers_that_nobody_recorded_are_no_danger) {
  const auto definition = parse(kCalls);
  const auto other = parse(replaced(kCalls, "tolerate = 1", "tolerate = 2"));
  const Tally tally = garble(record(history_of_calls(), definition), definition, other);
  BOOST_CHECK_GT(tally.same, 50);
  BOOST_CHECK_GT(tally.differs, 500);
  BOOST_CHECK_GT(tally.impossible, 100);
}

BOOST_AUTO_TEST_CASE(a_difference_within_a_machine_or_behind_a_continue_is_found) {
  const Recording recording = record(history_of_calls(), parse(kCalls));
  const auto said = [&](const char* from, const char* to) {
    return say(replay(recording, parse(replaced(kCalls, from, to))));
  };
  BOOST_CHECK_EQUAL(said("name = \"calls\"", "name = \"calls\"\ndoc = \"x\""), "same");
  BOOST_CHECK_EQUAL(said("with = { item =", "with = { thing ="),
                    "seq 7, :0: its fields differ: call.started / call.started");
  BOOST_CHECK_EQUAL(said("n = \"= run.generation\"", "n = 1"),
                    "seq 47, renew:18: its fields differ: run.renewed / run.renewed");
  BOOST_CHECK_EQUAL(said("signal = \"s\"", "signal = \"t\""),
                    "seq 19, each:7: its fields differ: signal.sent / signal.sent");
  // A group that the call did not go to has no child of it.
  Recording moved = recording;
  for (dsl::Value& event : moved.events) {
    if (event.field("type")->as_string() != "call.accepted") continue;
    dsl::Map fields = event.as_map();
    for (auto& [key, value] : fields) {
      if (key.as_string() == "group") value = dsl::Value::int64(3);
    }
    event = dsl::Value::map(std::move(fields));
  }
  BOOST_CHECK_EQUAL(say(replay(moved, parse(kCalls))),
                    "seq 10, each:7: nothing more comes of what was before: call.accepted / "
                    "nothing");
}

}  // namespace
}  // namespace pawl::rehearsal
