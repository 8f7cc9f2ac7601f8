// A run continues as new, at any moment, and goes on as if nothing had happened.
#include <boost/test/unit_test.hpp>

#include <functional>
#include <utility>

#include "base/digest.h"
#include "base/limits.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"
#include "engine/frozen_tables.h"
#include "engine/snapshot_records.h"
#include "engine/table_thaw.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "flow"
start = "wait"
[history]
max_events = 200
max_bytes = "1MB"
[vars]
n = 0
log = { type = "list", default = [] }
[signal.add]
payload.id = "int"
[signal.work]
[signal.spin]
[signal.later]
buffer = "1d"
[signal.stop]
[retry.few]
attempts = 3
initial = "1m"
[on.add]
save.log = "= vars.log + [signal.id]"
[every."1h"]
save.n = "= vars.n + 1000"
[state.wait]
on.work = { next = "work" }
on.spin = { next = "spin" }
on.stop = { next = "end" }
[state.spin]
set.n = "= vars.n + 1"
choose = [{ if = "vars.n % 40 == 0", next = "wait" }, { next = "spin" }]
[state.work]
task = "t"
retry = "few"
timeout = { attempt = "10m", queue = "1d" }
save.n = "= result"
on.later = { next = "wait" }
next = "wait"
)toml";

// The same definition, which always wants a checkpoint.
std::shared_ptr<const dsl::Definition> eager() {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(kWorkflow);
  BOOST_REQUIRE(parsed.definition != nullptr);
  auto eager = std::make_shared<dsl::Definition>(*parsed.definition);
  eager->history_events = 0;
  return eager;
}

// Equal but for what a checkpoint changes.
void check_same(const Run& before, const Run& after) {
  BOOST_CHECK_EQUAL(after.generation, before.generation + 1);
  BOOST_CHECK_EQUAL(after.seq.v, before.seq.v + 1);
  BOOST_CHECK(after.checkpoint == after.seq);
  BOOST_CHECK_EQUAL(after.history_bytes, 0u);
  BOOST_CHECK(after.uid() == before.uid() && after.state() == before.state());
  BOOST_CHECK(after.timers == before.timers);
  BOOST_CHECK_EQUAL(after.state_bytes, before.state_bytes);
  BOOST_CHECK(after.status == before.status);
  BOOST_CHECK(after.vars_value(0) == before.vars_value(0));
  BOOST_REQUIRE_EQUAL(after.steps.size(), before.steps.size());
  for (std::size_t i = 0; i < after.steps.size(); ++i) {
    BOOST_CHECK(after.steps[i]->id == before.steps[i]->id);
    BOOST_CHECK(after.steps[i]->status == before.steps[i]->status);
    BOOST_CHECK_EQUAL(after.steps[i]->attempt, before.steps[i]->attempt);
    BOOST_CHECK(after.steps[i]->input.value == before.steps[i]->input.value);
  }
  BOOST_CHECK_EQUAL(after.signals->size(), before.signals->size());
  BOOST_CHECK_EQUAL(after.incidents.size(), before.incidents.size());
}

void checkpoint(World* world) {
  const Run before = world->run();
  const Decision decision = world->send(Checkpoint{});
  BOOST_REQUIRE_EQUAL(decision.events.size(), 1u);
  check_same(before, world->run());
  // Who begins to read at the checkpoint has the very same run.
  Run read;
  HashScratch scratch;
  BOOST_REQUIRE(evolve(&read, decision.events[0], world->now, &scratch));
  read.last_entry = world->run().last_entry;  // where it stands is not the event's to say
  read.first_entry = world->run().first_entry;
  read.older = world->run().older;
  BOOST_CHECK_EQUAL(first_difference(read, world->run()), "");
}

BOOST_AUTO_TEST_SUITE(checkpoint_of_a_run)

BOOST_AUTO_TEST_CASE(it_comes_when_the_history_is_past_its_bounds_and_not_before) {
  World world(kWorkflow);
  world.start("{}");
  BOOST_CHECK(world.send(Checkpoint{}).refusal == Refusal::nothing_to_do);
  while (world.run().seq.v < 200) world.signal("spin");
  const std::uint64_t seq = world.run().seq.v;
  BOOST_REQUIRE_EQUAL(world.send(Checkpoint{}).events.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().generation, 2u);
  BOOST_CHECK_EQUAL(world.run().checkpoint.v, seq + 1);
  BOOST_CHECK(world.send(Checkpoint{}).refusal == Refusal::nothing_to_do);
  world.send(Terminate{""});
  BOOST_CHECK(world.send(Checkpoint{}).refusal == Refusal::nothing_to_do);
}

BOOST_AUTO_TEST_CASE(everything_goes_on_from_where_it_was) {
  World world(eager());
  world.start("{}");
  checkpoint(&world);
  world.signal("add", "{'id': 1}");
  checkpoint(&world);
  world.signal("later");  // buffered
  checkpoint(&world);
  world.signal("spin");
  BOOST_CHECK_EQUAL(world.var("n").as_int(), 40);
  checkpoint(&world);
  world.advance(3'600'000);  // the timer kept its time
  BOOST_CHECK_EQUAL(world.var("n").as_int(), 1040);
  checkpoint(&world);
  world.signal("work");  // and the buffered signal leads back at once
  BOOST_CHECK_EQUAL(world.run().state(), "wait");
  world.signal("work");
  const StepId step = world.hand_out();
  checkpoint(&world);
  world.fail(step, "broken");
  checkpoint(&world);
  world.advance(2 * 60'000);
  world.send(Pause{""});
  checkpoint(&world);
  world.send(Resume{""});
  BOOST_CHECK(world.hand_out() == step);
  checkpoint(&world);
  const std::uint32_t attempt = world.run().step(step)->attempt;
  world.complete(step, "7");
  // An outcome that is repeated gets the same answer in the next generation.
  checkpoint(&world);
  BOOST_CHECK(world.send(CompleteTask{step, attempt, value("7")}).duplicate);
  BOOST_CHECK_EQUAL(world.var("n").as_int(), 7);
  BOOST_CHECK_EQUAL(world.run().generation, 11u);
  world.signal("stop");
  BOOST_CHECK(world.run().status == RunStatus::completed);
  BOOST_CHECK_EQUAL(world.run().older->size(), 10u);
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(incidents_and_seen_signals_stay) {
  World world(eager());
  world.start("{}");
  Signal once;
  once.name = "add";
  once.payload = value("{'id': 1}");
  once.dedupe_id = "once";
  world.send(once);
  world.signal("work");
  for (int i = 0; i < 3; ++i) {
    world.fail(world.hand_out(), "broken");
    checkpoint(&world);
    world.advance(3 * 60'000);
  }
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  checkpoint(&world);
  BOOST_CHECK(world.send(once).duplicate);
  world.send(RetryIncident{});
  checkpoint(&world);
  world.complete(world.hand_out(), "3");
  BOOST_CHECK_EQUAL(world.var("n").as_int() % 1000, 3);
}

BOOST_AUTO_TEST_CASE(generations_are_kept_and_forgotten) {
  World world(eager());
  world.start("{}");
  const Index run = world.index;
  std::vector<Index> begins = {run};
  for (int i = 0; i < 4; ++i) {
    world.signal("add", "{'id': 1}");
    world.advance(1'000);
    world.send(Checkpoint{});
    begins.push_back(world.run().last_entry);
  }
  const std::string bytes = bytes_of(world.tables);
  Tables tables{GroupId(1)};
  BOOST_REQUIRE(Tables::decode(bytes, &tables));
  BOOST_REQUIRE_EQUAL(tables.find(run)->older->size(), 4u);
  BOOST_CHECK(tables.oldest_needed() == run);
  const Generation& second = tables.find(run)->older.get()[1];
  BOOST_CHECK_EQUAL(second.number, 2u);
  BOOST_CHECK(second.first_entry == begins[1]);
  BOOST_CHECK_EQUAL(second.last_seq.v - second.first_seq.v + 1, 3u);
  BOOST_CHECK(second.closed_at == TimeMs(kEpoch.v + 2'000));
  BOOST_CHECK_EQUAL(tables.generations().by_version().at({"flow", 1}).size(), 4u);
  // A copy that is being taken is not touched by it.
  auto frozen = tables.freeze();
  BOOST_CHECK(tables.forget_generations(run, 2));
  std::string copy;
  for (bool more = true; more;) {
    FrozenSlice slice;
    more = frozen->next(10, 100, &slice);
    encode_slice(&slice, limits::MiB, &copy);
  }
  frozen->end(&copy);
  frozen.reset();
  BOOST_CHECK(copy == bytes);
  BOOST_CHECK_EQUAL(tables.check_invariants(), "");
  BOOST_CHECK_EQUAL(tables.find(run)->older->size(), 2u);
  BOOST_CHECK(tables.oldest_needed() == begins[2]);
  BOOST_CHECK(tables.generations().oldest_entry(run) == begins[2]);
  BOOST_CHECK(tables.forget_generations(run, 2));  // once more is nothing
  BOOST_CHECK(tables.forget_generations(run, 99));
  BOOST_CHECK(tables.oldest_needed() == begins[4]);
  BOOST_CHECK(tables.generations().by_version().empty());
  BOOST_CHECK(!tables.forget_generations(Index(run.v + 77), 1));
  BOOST_CHECK_EQUAL(tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(generations_that_do_not_follow_are_not_read) {
  World world(eager());
  world.start("{}");
  for (int i = 0; i < 3; ++i) world.send(Checkpoint{});
  const auto reads = [&](const std::function<void(std::vector<Generation>*)>& change) {
    Run run = world.run(), again;
    change(&run.older.edit());
    std::string bytes;
    encode_run(run, &bytes);
    return decode_run(bytes, &again);
  };
  using Older = std::vector<Generation>;
  BOOST_CHECK(reads([](Older*) {}));
  BOOST_CHECK(reads([](Older* older) { older->erase(older->begin()); }));
  BOOST_CHECK(!reads([](Older* older) { std::swap((*older)[0], (*older)[1]); }));
  BOOST_CHECK(!reads([](Older* older) { (*older)[1].number = 1; }));
  BOOST_CHECK(!reads([](Older* older) { older->back().number = 4; }));
  BOOST_CHECK(!reads([](Older* older) { older->back().last_entry = Index(99); }));
  BOOST_CHECK(!reads([](Older* older) { older->back().last_seq = Seq(99); }));
  BOOST_CHECK(!reads([](Older* older) { older->front().last_seq = Seq(0); }));
}

// A decision is made, a generation is forgotten, the decision is applied.
BOOST_AUTO_TEST_CASE(a_generation_forgotten_meanwhile_stays_forgotten) {
  World world(eager());
  world.start("{}");
  for (int i = 0; i < 3; ++i) world.send(Checkpoint{});
  const Run before = world.run();
  const Decision decision = decide(before, Checkpoint{}, world.context());
  for (Tables* tables : {&world.tables, &world.decided}) {
    BOOST_CHECK(tables->forget_generations(world.index, 2));
  }
  world.commit(decision, &before);
  BOOST_REQUIRE_EQUAL(world.run().older->size(), 2u);
  BOOST_CHECK_EQUAL(world.run().older->front().number, 3u);
}

BOOST_AUTO_TEST_CASE(what_several_runs_need_begins_with_the_oldest_of_them) {
  World world(eager());
  world.checks = false;
  std::vector<Index> runs;
  for (int i = 0; i < 5; ++i) {
    Start command;
    command.id = "r" + std::to_string(i);
    command.version = 1;
    command.input = value("{}");
    world.start(command);
    runs.push_back(world.index);
  }
  Tables& tables = world.tables;
  const auto renew = [&](std::size_t i) {
    world.index = runs[i];
    world.send(Checkpoint{});
    for (Tables* each : {&world.tables, &world.decided}) each->forget_generations(runs[i], 99);
    BOOST_CHECK_EQUAL(tables.check_invariants(), "");
    return world.run().last_entry;
  };
  const Index second = renew(1);
  BOOST_CHECK(tables.oldest_needed() == runs[0]);
  const Index first = renew(0);
  BOOST_CHECK(tables.oldest_needed() == runs[2]);
  renew(2), renew(3);
  BOOST_CHECK(tables.oldest_needed() == runs[4]);
  renew(4);
  BOOST_CHECK(tables.oldest_needed() == second);
  renew(1);
  BOOST_CHECK(tables.oldest_needed() == first);
  world.index = runs[0];
  world.signal("stop");
  BOOST_CHECK(tables.forget({runs[0]}));
  BOOST_CHECK_EQUAL(tables.check_invariants(), "");
  BOOST_CHECK(tables.oldest_needed() > first);
  // What rests is known as well, also after a start.
  Tables again{GroupId(1)};
  TableThaw thaw(GroupId(1), /*verified=*/true);
  RecordSplitter records;
  const std::string bytes = bytes_of(tables);
  records.feed(std::string_view(bytes).substr(snapshot_prologue().size()));
  std::uint8_t kind = 0;
  std::string_view body;
  while (records.next(&kind, &body)) BOOST_REQUIRE(thaw.take(kind, body));
  again = std::move(thaw).tables();
  BOOST_CHECK_EQUAL(again.runs().awake_count(), 0u);
  BOOST_CHECK(again.oldest_needed() == tables.oldest_needed());
  BOOST_CHECK_EQUAL(again.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(no_more_than_so_many_generations_are_kept) {
  World world(eager());
  world.checks = world.recording = false;
  world.start("{}");
  for (std::size_t i = 0; i <= limits::kGenerationsKeptMax; ++i) world.send(Checkpoint{});
  BOOST_CHECK_EQUAL(world.run().older->size(), limits::kGenerationsKeptMax);
  BOOST_CHECK_EQUAL(world.run().older->front().number, 2u);
  BOOST_CHECK(world.tables.oldest_needed() > world.index);
  BOOST_CHECK_EQUAL(world.tables.check_invariants(), "");
}

BOOST_AUTO_TEST_CASE(deleted_data_leaves_the_hash_of_a_later_generation) {
  World world(eager());
  world.start("{}");
  world.signal("add", "{'id': 1}");
  checkpoint(&world);
  world.signal("stop");
  const Digest before = world.run().hash;
  world.send(DeleteData{"r"});
  BOOST_CHECK(world.run().status == RunStatus::data_deleted);
  BOOST_CHECK(world.run().variable(0, "log")->value.scrubbed);
  BOOST_CHECK(world.run().hash != before);
}

// An actor with very many groups, once in each of many signals that wait.
BOOST_AUTO_TEST_CASE(what_is_too_large_for_an_entry_is_an_incident_and_asked_once) {
  World world(eager());
  world.checks = world.recording = false;
  world.start("{}");
  for (std::uint32_t gid = 0; gid < 65'000; ++gid) world.actor.gids.push_back(1'000'000 + gid);
  for (int i = 0; i < 12; ++i) world.signal("later");
  world.actor.gids = {1000};
  const Decision refused = world.send(Checkpoint{});
  BOOST_REQUIRE_EQUAL(refused.events.size(), 1u);
  BOOST_REQUIRE_EQUAL(world.run().incidents.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().incidents[0]->error.type, "sys.too_big");
  BOOST_CHECK(world.run().incidents[0]->error.message().find("at most 2097152") !=
              std::string::npos);
  BOOST_CHECK_EQUAL(world.run().generation, 1u);
  BOOST_CHECK(world.send(Checkpoint{}).refusal == Refusal::nothing_to_do);
  BOOST_CHECK(!wants_checkpoint(world.run(), *world.definition));
  world.send(RetryIncident{});
  BOOST_CHECK(wants_checkpoint(world.run(), *world.definition));
  world.signal("work");
  world.signal("work");
  while (!world.run().signals->empty()) world.signal("work");  // each takes one
  BOOST_CHECK_EQUAL(world.send(Checkpoint{}).events.size(), 1u);
  BOOST_CHECK_EQUAL(world.run().generation, 2u);
}

// The bytes of the event are the journal's: what its parts list may not change
// (event_checkpoint.h).
BOOST_AUTO_TEST_CASE(the_bytes_of_the_event_stay_as_they_are) {
  World world(eager());
  world.start("{}");
  Signal once;
  once.name = "later";
  once.payload = value("'text'");
  once.dedupe_id = "once";
  world.send(once);
  world.send(Pause{"p"});
  world.send(Resume{"r"});
  world.signal("work");
  world.signal("work");
  world.fail(world.hand_out(), "broken");
  RunContinued event = checkpoint_of(world.run());
  // What other events have is not this one's to keep.
  event.before_hash = Digest{};
  for (Step& step : event.parts.edit().steps) step.priority = 0;
  std::string bytes;
  encode_event(event, {}, EventForm::stored, &bytes);
  BOOST_CHECK_EQUAL(to_hex(digest(bytes)),
                    "1952d60f0565f207d9bcf2818fc596b205a19e582e2b9a00c340e255e1e71047");
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_not_folded) {
  World world(eager());
  world.start("{}");
  const RunContinued good = checkpoint_of(world.run());
  const auto fits = [&](const RunContinued& e) {
    Run run = world.run();
    HashScratch scratch;
    return evolve(&run, e, world.now, &scratch);
  };
  BOOST_CHECK(fits(good));
  RunContinued wrong = good;
  wrong.before = wrong.before.next();
  BOOST_CHECK(!fits(wrong));
  wrong = good;
  wrong.before_hash[0] ^= 1;
  BOOST_CHECK(!fits(wrong));
  wrong = good;
  ++wrong.generation;
  BOOST_CHECK(!fits(wrong));
  wrong = good;
  wrong.parts.edit().identity.uid.index = Index(999);
  BOOST_CHECK(!fits(wrong));
  wrong = good;
  wrong.parts.edit().status = RunStatus::completed;
  BOOST_CHECK(!fits(wrong));
  wrong = good;
  wrong.parts.edit().last_timer = TimerId(0);
  BOOST_CHECK(!fits(wrong));
  // Only with an entry of its own.
  Applied applied;
  const std::vector<Event> second = {RunPaused{}, good};
  BOOST_CHECK(!world.tables.apply_run(Index(999), world.index, world.now, second, &applied));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
