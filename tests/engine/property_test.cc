// Random commands on workflows under seeds: World::commit checks every decision. A failure names
// its seed; PAWL_SEEDS=N runs more of them.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "../rehearsal/replay_check.h"
#include "base/random.h"
#include "engine/event_visit.h"
#include "engine/evolve.h"
#include "world.h"

namespace pawl::engine {
namespace {

using rehearsal::check_replay;

// Everything this language has, and errors at every turn.
constexpr const char* kEverything = R"toml(
dsl = 1
name = "everything"
start = "init"
timeout = "3h"
on_timeout = "late"
on_cancel = "undo"
on_error = "trouble"
[input]
n = { type = "int", default = 3 }
[vars]
d = 1
log = "list"
[signal.a]
buffer = "10m"
[signal.b]
[signal.c]
buffer = "1h"
[retry.quick]
attempts = 3
initial = "2s"
never = ["fatal.*"]
[retry.stubborn]
attempts = 2
exhausted = "incident"
again = "5m"
[limit.gate]
concurrency = 3
[limit.pace]
rate = "5/1m"
key = "= string(input.n / vars.d)"
[on.c]
save.c = "= signal"
task = { task = "note", with = { c = "= signal" }, retry = "quick", limits = "gate", timeout = { queue = "20m" } }
[every."25m"]
save.ticks = "= 1 / vars.d"
[after."2h"]
save.old = true
[state.init]
set.log = []
choose = [ { if = "input.n % 2 == 0", next = "wait" }, { next = "work" } ]
[state.wait]
on.a = [ { if = "int(signal) / vars.d > 2", next = "work" }, { if = "signal == 1", save.d = 0 } ]
on.b = { next = "wait", save.d = "= vars.d - 1" }
after."30m" = { next = "work" }
every."7m" = { save.d = "= vars.d + 1", task = { task = "tick", timeout = { queue = "5m" }, retry = "stubborn" } }
moves = ["work", "nap"]
[state.work]
task = "do"
queue = "= 'q' + string(input.n % 2)"
with = { n = "= input.n / vars.d" }
retry = "quick"
timeout = { queue = "30m", attempt = "5m", total = "1h", heartbeat = "1m" }
save.log = "= vars.log + [result.x]"
catch = [ { errors = ["fatal.*"], next = "nap", save.why = "= error.message" } ]
on.b = { next = "wait" }
next = "nap"
moves = ["wait"]
[state.nap]
sleep = "= duration(string(10 / vars.d) + 'm')"
on.a = { next = "wait" }
next = "decide"
[state.decide]
choose = [ { if = "size(vars.log) > 4", next = "done" }, { if = "vars.d > 50", next = "oops" }, { next = "work" } ]
[state.oops]
raise = { type = "app.oops", message = "= string(vars.d)" }
catch = [ { errors = ["other"], next = "end" } ]
[state.trouble]
task = "repair"
limits = ["pace", "gate"]
retry = "stubborn"
timeout = { queue = "1h" }
next = "wait"
[state.late]
on.b = { next = "end" }
[state.undo]
task = "undo"
timeout = { queue = "1h" }
next = "undone"
[state.undone]
end = "cancelled"
[state.done]
end = "completed"
output = { log = "= vars.log", n = "= input.n / (vars.d - 2)" }
)toml";

// Machines within machines, undos, calls, and errors in all of them.
constexpr const char* kNested = R"toml(
dsl = 1
name = "nested"
start = "init"
timeout = "20h"
on_timeout = "back"
on_cancel = "back"
[input]
n = { type = "int", default = 3 }
[vars]
d = 1
[signal.a]
buffer = "10m"
[signal.b]
[signal.c]
buffer = "1h"
[retry.quick]
attempts = 3
initial = "2s"
never = ["fatal.*"]
[retry.stubborn]
attempts = 2
exhausted = "incident"
again = "5m"
[limit.gate]
concurrency = 3
[limit.pace]
rate = "5/1m"
key = "= string(input.n / vars.d)"
[on.c]
task = { task = "note", retry = "quick", limits = ["gate", "pace"], timeout = { queue = "20m" } }
[every."3h"]
save.ticks = "= 1 / vars.d"
[state.init]
choose = [
  { if = "input.n % 4 == 0", next = "fork" },
  { if = "input.n % 4 == 1", next = "each" },
  { if = "input.n % 4 == 2", next = "child" },
  { if = "input.n == 7", next = "groups" },
  { next = "work" },
]
[state.fork]
parallel.x = { flow = "steps" }
parallel.y = { task = "t", timeout.queue = "1h", undo = { task = "u", when = "started", with = "= input.n" }, retry = "quick" }
parallel.z = { flow = "waits" }
parallel.w = { map = "= [1, 2, 3]", do = { flow = "waits" }, tolerate = 1 }
join = 2
save.fork = "= result"
catch = [ { errors = ["app.*"], next = "each" } ]
on.b = { next = "each", save.d = "= vars.d - 1" }
next = "each"
moves = ["work"]
[state.each]
map = "= [1, 2, 3, 4, 5, input.n]"
as = "i"
do = { task = "item", with = "= i / vars.d", timeout.queue = "2h", retry = "quick", limits = "gate", undo = { task = "unitem", limits = "pace", with = "= [i, i_index, result]" } }
concurrency = 3
tolerate = "= vars.d"
save.each = "= result"
save.lost = "= failed"
catch = [ { errors = ["sys.tolerance"], next = "back", save.lost = "= failed.map(f, f.index)" } ]
after."5h" = { next = "groups" }
next = "groups"
[state.groups]
map = "= [1, 2, 3, 4, 5]"
do = { flow = "steps" }
batch = 2
keep = "= result.y"
next = "child"
[state.child]
call = "other"
with = { n = "= input.n" }
undo = { task = "uncall", with = "= result", name = "child" }
save.child = "= result"
catch = [ { errors = ["sys.child"], next = "tell" } ]
on.b = { next = "tell" }
next = "tell"
[state.tell]
send = { to = "someone", signal = "hello", with = "= vars.d" }
catch = [ { errors = ["sys.signal"], next = "work" } ]
next = "work"
[state.work]
forget = ["child"]
flow = "steps"
save.d = "= int(result.y)"
catch = [ { errors = ["fatal.*"], next = "back" } ]
on.a = { next = "loose" }
next = "again"
[state.loose]
call = "other"
id = "= run.id + '/loose'"
wait = false
next = "again"
[state.again]
choose = [ { if = "input.n > 12", next = "back" }, { if = "vars.d > 3", next = "fork" }, { next = "anew" } ]
[state.anew]
continue = { with = { n = "= input.n + 1" } }
[state.back]
compensate = true
after."9h" = { next = "end" }
next = "end"
[flow.steps]
start = "one"
output = { y = "= vars.y + vars.d" }
[flow.steps.vars]
y = 1
[flow.steps.state.one]
task = "do"
with = { n = "= input.n / vars.d" }
retry = "quick"
timeout = { queue = "30m", attempt = "5m", total = "1h", heartbeat = "1m" }
undo = { task = "undo", with = "= result", retry = "stubborn", name = "one" }
save.y = "= int(result.x)"
catch = [ { errors = ["fatal.x"], next = "give_up" } ]
on.b = { next = "inner" }
every."20m" = { save.y = "= vars.y + 1", task = { task = "tick", timeout = { queue = "5m" }, retry = "stubborn" } }
moves = ["inner"]
next = "inner"
[flow.steps.state.inner]
flow = "waits"
save.y = "= vars.y + 1"
after."40m" = { next = "give_up" }
next = "end"
[flow.steps.state.give_up]
choose = [ { if = "vars.y > 4", next = "compensate" }, { next = "oops" } ]
[flow.steps.state.compensate]
compensate = true
next = "end"
[flow.steps.state.oops]
raise = { type = "app.oops", message = "= string(vars.y)" }
[flow.waits]
start = "first"
[flow.waits.state.first]
task = "t"
timeout.queue = "1h"
retry = "stubborn"
next = "second"
[flow.waits.state.second]
on.a = { next = "end" }
on.b = [ { if = "1 / vars.d > 0", next = "first" } ]
after."15m" = { next = "end" }
)toml";

class Storm {
 public:
  std::vector<std::shared_ptr<const Run>> pasts;  // after each decision; with resets
  int resets = 0, reopened = 0, refused = 0;
  int took = 0;  // of the resets: something that had waited was taken at once
  // `checkpoint_chance`: that the run continues as new after a command; `reset_chance`: that it
  // begins anew from what it was after one before.
  Storm(std::shared_ptr<const dsl::Definition> definition, std::uint64_t seed,
        double checkpoint_chance = 0, double reset_chance = 0)
      : random_(seed),
        checkpoints_(seed),
        checkpoint_chance_(checkpoint_chance),
        reset_chance_(reset_chance),
        world_(std::move(definition)) {
    world_.seed = seed * 1000;
  }

  const std::vector<Event>& history() const { return world_.history; }
  const World& world() const { return world_; }
  std::vector<rehearsal::HistoryEvent> recorded() const {
    std::vector<rehearsal::HistoryEvent> items;
    for (std::size_t i = 0; i < world_.history.size(); ++i) {
      items.push_back({world_.history[i], world_.times[i]});
    }
    return items;
  }

  void run(int commands) {
    Start start;
    start.id = "r";
    start.version = 1;
    start.input = input();
    if (random_.chance(0.1)) start.start_at = TimeMs(world_.now.v + 60'000);
    if (world_.definition->feature_level > 5 && random_.chance(0.5)) {
      start.caller = CalledBy{GroupId(2), Index(5), "caller", 7, 1, random_.chance(0.8)};
    }
    if (world_.start(start).refusal != Refusal::none) return;
    for (int i = 0; i < commands && !finished(); ++i) {
      if (random_.chance(0.3)) {
        world_.advance(random_.between(0, random_.chance(0.2) ? 3'600'000 : 60'000));
      } else {
        world_.send(world_.definition->feature_level > 5 && random_.chance(0.2) ? of_a_call()
                                                                                : command());
      }
      migrate();
      // As the node does at once.
      if (wants_renewal(world_.run(), *world_.definition)) world_.send(Checkpoint{});
      continue_as_new();
      reset();
    }
    if (world_.definition->feature_level > 5) world_.send(TellCaller{});
    if (random_.chance(0.5)) world_.send(DeleteData{"d"});
    world_.send(command());
  }

  // From now on the run is moved to and fro between versions that differ in their names alone.
  void migrates(std::shared_ptr<const dsl::Definition> other, double chance) {
    twins_ = {world_.definition, std::move(other)};
    migrate_chance_ = chance;
  }
  int migrations = 0;
  bool took_waiting = false;  // a move has offered what waited to who takes it now

 private:
  void migrate() {
    if (twins_.empty() || !checkpoints_.chance(migrate_chance_)) return;
    const Run before = world_.run();
    if (before.closed()) return;
    const std::uint64_t seed = world_.seed;
    const std::uint32_t to = before.version() == 1 ? 2 : 1;
    Context context = world_.context();
    context.latest = twins_[to - 1].get();
    context.latest_version = to;
    const Decision decision = decide(before, Migrate{{}, false, "m"}, context);
    BOOST_REQUIRE_MESSAGE(decision.refusal == Refusal::none, decision.detail);
    world_.commit(decision, &before);
    world_.definition = twins_[to - 1];
    BOOST_REQUIRE_EQUAL(world_.run().version(), to);
    took_waiting |= decision.events.size() > 1 + permits_of(before);
    world_.seed = seed;
    ++migrations;
  }

  // One more event, behind what a generation begins with, if the run ever had any.
  static std::size_t permits_of(const Run& run) { return is_empty(*run.tree->permits) ? 0 : 1; }

  // Draws nothing that the commands draw from.
  void continue_as_new() {
    if (!checkpoints_.chance(checkpoint_chance_)) return;
    const std::uint64_t seed = world_.seed;
    const bool open = !world_.run().closed();
    if (wants_renewal(world_.run(), *world_.definition)) return;
    const std::size_t permits = permits_of(world_.run());
    const Decision decision = world_.send(Checkpoint{});
    BOOST_REQUIRE_EQUAL(decision.events.size(), open ? 1 + permits : 0);
    world_.seed = seed;
  }

  void reset() {
    if (reset_chance_ == 0) return;
    const Run present = world_.run();
    if (pasts.empty() || pasts.back()->seq != present.seq) {
      pasts.push_back(std::make_shared<Run>(present));
    }
    if (!checkpoints_.chance(reset_chance_)) return;
    const auto past = pasts[checkpoints_.below(pasts.size())];
    const Decision decision = world_.send(Reset{past->seq, "r", past});
    if (decision.refusal != Refusal::none) {
      BOOST_REQUIRE(decision.refusal == Refusal::reset_impossible);
      ++refused;
      return;
    }
    ++resets;
    reopened += present.closed() ? 1 : 0;
    const bool carried = std::any_of(
        decision.events.begin(), decision.events.end(),
        [](const Event& event) { return std::holds_alternative<PermitsCarried>(event); });
    BOOST_REQUIRE_EQUAL(carried, permits_of(present) > 0);
    took += decision.events.size() > 2 + permits_of(present) ? 1 : 0;
    BOOST_REQUIRE_GE(decision.events.size(), 2u);
    const auto* said = std::get_if<RunReset>(&decision.events[1]);
    BOOST_REQUIRE(said != nullptr && said->to == past->seq);
    Run run = present;
    HashScratch scratch;
    BOOST_REQUIRE(evolve(&run, decision.events[0], world_.now, &scratch));
    check_reset(run, present, *past);
    check_nothing_is_lost(run, present, *past);
  }

  // What a worker has counts as running still, what was acknowledged waits still.
  static void check_nothing_is_lost(const Run& run, const Run& present, const Run& past) {
    for (const auto& step : present.steps) {
      const Step* kept = run.step(step->id);
      const bool in_hand =
          step->status == StepStatus::started || step->status == StepStatus::withdrawn;
      BOOST_REQUIRE_EQUAL(kept != nullptr, in_hand);
      BOOST_REQUIRE(!in_hand || kept->status == StepStatus::withdrawn);
    }
    std::size_t since = 0;
    for (const WaitingSignal& signal : *present.signals) {
      since += signal.number > past.last_signal ? 1 : 0;
    }
    BOOST_REQUIRE_EQUAL(run.signals->size(), past.signals->size() + since);
    for (const auto& call : past.tree->calls) {
      const OpenCall* kept = run.call(call->id);
      if (call->status == CallStatus::cancelling) continue;
      BOOST_REQUIRE(kept != nullptr && kept->status != CallStatus::cancelling);
    }
  }

  // It is where it was, and nothing of it has a number or a key that anything had before.
  void check_reset(const Run& run, const Run& present, const Run& past) {
    BOOST_REQUIRE(run.states() == past.states());
    BOOST_REQUIRE(run.vars_value(0) == past.vars_value(0));
    BOOST_REQUIRE(run.status == past.status && run.generation == present.generation + 1);
    BOOST_REQUIRE_EQUAL(run.state_bytes, count_of(run));
    std::multiset<std::string> keys, were;  // an item that is run again has those it had
    for (const auto& step : past.steps) {
      if (step->status != StepStatus::withdrawn && step->role != StepRole::undo) {
        were.insert(step->key);
      }
    }
    for (const auto& step : run.steps) {
      if (step->status == StepStatus::withdrawn) continue;  // of the present
      BOOST_REQUIRE(step->id > present.last_step);
      BOOST_REQUIRE(step->status != StepStatus::started);
      if (step->role == StepRole::undo) continue;
      BOOST_REQUIRE(!keys_.contains(step->key));
      keys.insert(step->key);
    }
    const std::set<std::string> different(keys.begin(), keys.end());
    BOOST_REQUIRE_EQUAL(different.size(), std::set<std::string>(were.begin(), were.end()).size());
    BOOST_REQUIRE_EQUAL(keys.size(), were.size());
    keys_.insert(different.begin(), different.end());
    keys_.insert(were.begin(), were.end());
    for (const Timer& timer : run.timers) {
      BOOST_REQUIRE(timer.id > present.last_timer);
      BOOST_REQUIRE(timer.fire_at >= world_.now || timer.kind == TimerKind::start);
    }
    for (const auto& incident : run.incidents) BOOST_REQUIRE(incident->id > present.last_incident);
  }
  static std::uint64_t count_of(const Run& run) {
    std::string bytes;
    encode_run(run, &bytes);
    Run again;
    BOOST_REQUIRE(decode_run(bytes, &again) && run_problem(again).empty());
    return again.state_bytes;
  }

  bool finished() { return world_.run().closed() && random_.chance(0.5); }

  dsl::Value input() {
    dsl::Map map;
    if (world_.definition->input) {
      for (const auto& [name, schema] : world_.definition->input->items) {
        map.emplace_back(dsl::Value::string(name), of(schema));
      }
    }
    return dsl::Value::map(std::move(map));
  }

  dsl::Value of(const dsl::Schema& schema) {
    if (!schema.enum_values.empty()) return schema.enum_values[0];
    switch (schema.type) {
      case dsl::SchemaType::string:
        return dsl::Value::string("text");
      case dsl::SchemaType::boolean:
        return dsl::Value::boolean(random_.chance(0.5));
      case dsl::SchemaType::list:
        return dsl::Value::list({});
      case dsl::SchemaType::map:
        return dsl::Value::map({});
      default:
        return dsl::Value::int64(random_.between(0, 9));
    }
  }

  dsl::Value any() {
    switch (random_.below(6)) {
      case 0:
        return {};
      case 1:
        return dsl::Value::string("text");
      case 2:
        return dsl::Value::map({{dsl::Value::string("x"), dsl::Value::int64(4)}});
      default:
        return dsl::Value::int64(random_.between(-1, 9));
    }
  }

  StepId step() {
    const Run& run = world_.run();
    if (run.steps.empty() || random_.chance(0.05)) {
      return StepId(static_cast<std::uint32_t>(random_.below(run.last_step.v + 2)));
    }
    return run.steps[random_.below(run.steps.size())]->id;
  }
  std::uint32_t attempt(StepId id) {
    const Step* step = world_.run().step(id);
    const std::uint32_t newest = step == nullptr ? 1 : step->attempt;
    return random_.chance(0.9) ? newest : static_cast<std::uint32_t>(random_.below(newest + 2));
  }

  Command signal() {
    Signal s;
    const auto& specs = world_.definition->signals;
    s.name = specs.empty() ? "none" : specs[random_.below(specs.size())].name;
    s.payload = any();
    if (!specs.empty() && random_.chance(0.6)) {
      const auto* spec = world_.definition->signal(s.name);
      if (spec->payload && spec->payload->fields) s.payload = fields(*spec->payload->fields);
    }
    if (random_.chance(0.2)) s.dedupe_id = "d" + std::to_string(random_.below(5));
    return s;
  }
  dsl::Value fields(const dsl::Fields& all) {
    dsl::Map map;
    for (const auto& [name, schema] : all.items) {
      map.emplace_back(dsl::Value::string(name), of(schema));
    }
    return dsl::Value::map(std::move(map));
  }

  Command move() {
    const dsl::State* state = world_.definition->root.find(world_.run().state());
    if (state == nullptr || state->moves.empty()) return Move{"x", "y", "", std::nullopt, {}};
    return Move{state->name, state->moves[0], "", std::nullopt, {{"m", any()}}};
  }

  Command of_a_call() {
    const auto& calls = world_.run().tree->calls;
    const OpenCall* call = calls.empty() ? nullptr : &*calls[random_.below(calls.size())];
    const std::uint32_t id = call == nullptr ? 1 : call->id;
    std::optional<Error> error;
    if (random_.chance(0.3)) error = Error{random_.chance(0.5) ? "sys.child" : "other", "m", any()};
    if (call != nullptr && call->is_signal) return AnswerSignal{id, std::move(error)};
    if (random_.chance(0.5)) {
      return AnswerCall{id, call == nullptr ? GroupId(1) : call->to, Index(9), std::move(error)};
    }
    constexpr RunStatus kEnds[] = {RunStatus::completed, RunStatus::failed, RunStatus::cancelled};
    return EndCall{id, static_cast<std::uint8_t>(kEnds[random_.below(3)]), any(), std::move(error)};
  }

  Command of_a_permit() {
    const RunPermits& permits = *world_.run().tree->permits;
    if (random_.chance(0.1)) {
      const auto any = static_cast<std::uint32_t>(random_.below(permits.last + 3));
      return random_.chance(0.5) ? Command(world_.permit(any)) : Command(DropPermit{any});
    }
    if (!permits.spares.empty() && random_.chance(0.4)) {
      return DropPermit{permits.spares[random_.below(permits.spares.size())]->permit};
    }
    for (const auto& task : permits.tasks) {
      if (task->waits() && random_.chance(0.7)) return world_.permit(task->first + task->granted);
    }
    return world_.permit(1);
  }

  Command command() {
    const StepId id = step();
    switch (random_.below(28)) {
      case 0:
        return random_.chance(0.2) ? Command(Cancel{"c"}) : Command(Pause{"p"});
      case 1:
        return random_.chance(0.05) ? Command(Terminate{"t"}) : Command(Resume{"r"});
      case 2:
      case 3:
        return Resume{"r"};
      case 4:
      case 5:
        return RetryIncident{};
      case 6:
        return move();
      case 7:
        return ReturnTask{id, attempt(id)};
      case 8:
        return LoseLease{id, attempt(id)};
      case 9:
        return ProgressTask{id, attempt(id), any()};
      case 10:
      case 11:
        return FailTask{id, attempt(id), {"net", "m", any()}, std::nullopt};
      case 12:
        return FailTask{id, attempt(id), {"fatal.x", "m", {}}, random_.chance(0.5)};
      case 13:
      case 14:
      case 15:
      case 16:
        return CompleteTask{id, attempt(id), any()};
      case 17:
        return FireTimers{};
      case 18:
      case 19:
      case 20:
      case 21:
        return HandOut{id, "w"};
      case 22:
      case 23:
        return of_a_permit();
      default:
        return signal();
    }
  }

  Random random_, checkpoints_;
  double checkpoint_chance_, reset_chance_, migrate_chance_ = 0;
  std::vector<std::shared_ptr<const dsl::Definition>> twins_;  // versions 1 and 2
  std::set<std::string> keys_;
  World world_;
};

// Takes away what is numbered by the events of a run, or keyed by those numbers.
class WithoutNumbers {
 public:
  template <class T>
  void operator()(const char*, T& x) {
    clear(&x);
  }

 private:
  template <class T>
  void clear(T* x) {
    if constexpr (Reflected<T>) T::fields(*x, *this);
  }
  template <class T>
  void clear(std::optional<T>* x) {
    if (*x) clear(&**x);
  }
  template <class T>
  void clear(std::vector<T>* x) {
    for (T& item : *x) clear(&item);
  }
  template <class T>
  void clear(Shared<T>* x) {
    clear(&x->edit());
  }
  void clear(Seq* x) { *x = Seq(); }
  void clear(Digest* x) { x->fill(0); }
  void clear(Payload* x) {
    if (x->length > 0) x->digest = Digest{};
  }
};

Run without_numbers(Run run) {
  Run::fields(run, WithoutNumbers());
  run.generation = 1;
  run.history_bytes = 0;
  run.last_entry = run.first_entry = Index();
  run.updated_at = TimeMs();  // of the newest event, which may be the checkpoint
  run.older.reset();
  return run;
}

std::shared_ptr<const dsl::Definition> always_continuing(const dsl::Definition& definition) {
  auto eager = std::make_shared<dsl::Definition>(definition);
  eager->history_events = 0;
  return eager;
}

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 60 : std::atoi(wanted);
}

void storm_both_ways(std::string_view text, std::vector<int>* kinds) {
  const auto definition = parse(text);
  const auto eager = always_continuing(*definition);
  std::vector<int>& seen = *kinds;
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Storm storm(definition, seed);
      storm.run(220);
      for (const Event& event : storm.history()) ++seen[event_kind(event)];
      check_replay(storm.recorded(), definition);
      // A run that continues as new, at any moment, is the run that did not.
      Storm again(eager, seed, 0.1);
      again.run(220);
      for (const Event& event : again.history()) ++seen[event_kind(event)];
      check_replay(again.recorded(), eager);
      if (storm.world().index.v == 0) continue;
      const Run once = without_numbers(storm.world().run());
      BOOST_REQUIRE_EQUAL(first_difference(once, without_numbers(again.world().run())), "");
      BOOST_REQUIRE(storm.world().now == again.world().now);
    }
  }
}

BOOST_AUTO_TEST_CASE(random_commands_on_everything) {
  std::vector<int> seen(std::variant_size_v<Event> + 1);
  storm_both_ways(kEverything, &seen);
  storm_both_ways(kNested, &seen);
  // A storm that never gets somewhere proves nothing about it.
  for (std::size_t kind = 1; kind < seen.size(); ++kind) {
    if (kind == RunReset::kKind) continue;  // of resets, below
    BOOST_CHECK_MESSAGE(seen[kind] > 0, "no event of kind " << kind);
  }
}

BOOST_AUTO_TEST_CASE(from_anything_that_was_it_goes_on) {
  for (const char* text : {kEverything, kNested}) {
    int resets = 0, reopened = 0, refused = 0, took = 0;
    std::vector<int> seen(std::variant_size_v<Event> + 1);
    for (int seed = 1; seed <= seeds(); ++seed) {
      BOOST_TEST_CONTEXT("seed " << seed) {
        const auto definition = always_continuing(*parse(text));
        Storm storm(definition, seed, 0.02, 0.15);
        storm.run(150);
        check_replay(storm.recorded(), definition);
        resets += storm.resets, reopened += storm.reopened, refused += storm.refused;
        took += storm.took;
        for (const Event& event : storm.history()) ++seen[event_kind(event)];
      }
    }
    BOOST_CHECK_GT(resets, 0);
    BOOST_CHECK_GT(reopened, 0);
    BOOST_CHECK_GT(refused, 0);
    BOOST_CHECK_GT(took, 0);
    BOOST_CHECK_GT(seen[RunClosed::kKind], 0);
    BOOST_CHECK_EQUAL(seen[RunReset::kKind], resets);
  }
}

std::shared_ptr<const dsl::Definition> with_revision(std::string text, const std::string& own,
                                                     const std::string& other) {
  const std::string first = "dsl = 1\n";
  text.insert(text.find(first) + first.size(), "revision = \"" + own + "\"\n");
  return parse(text + "[migrate]\nfrom = [\"" + other + "\"]\n");
}

// A run that is moved, at any moment, to a version that says the same is the run that was not.
BOOST_AUTO_TEST_CASE(a_move_to_the_same_changes_nothing) {
  for (const char* text : {kEverything, kNested}) {
    const auto one = with_revision(text, "one", "two"), two = with_revision(text, "two", "one");
    int migrations = 0, compared = 0;
    for (int seed = 1; seed <= seeds(); ++seed) {
      BOOST_TEST_CONTEXT("seed " << seed) {
        Storm storm(one, seed);
        storm.run(150);
        Storm again(one, seed);
        again.migrates(two, 0.1);
        again.run(150);
        migrations += again.migrations;
        if (storm.world().index.v == 0 || again.took_waiting) continue;
        ++compared;
        const Run once = without_numbers(storm.world().run());
        Run moved = without_numbers(again.world().run());
        moved.identity.edit().version = 1;
        BOOST_REQUIRE_EQUAL(first_difference(once, moved), "");
      }
    }
    BOOST_CHECK_GT(migrations, seeds());
    BOOST_CHECK_GT(compared, seeds() / 3);
  }
}

BOOST_AUTO_TEST_CASE(random_commands_on_the_examples) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("configs/examples")) {
    const bool tests = entry.path().stem().extension() == ".test";
    if (entry.path().extension() == ".toml" && !tests) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  BOOST_REQUIRE_GE(paths.size(), 5u);
  for (const auto& path : paths) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    const auto definition = parse(text.str());
    for (int seed = 1; seed <= seeds() / 6; ++seed) {
      BOOST_TEST_CONTEXT(path.string() << " seed " << seed) {
        Storm storm(definition, seed);
        storm.run(150);
        check_replay(storm.recorded(), definition);
      }
    }
  }
}

}  // namespace
}  // namespace pawl::engine
