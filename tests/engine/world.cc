#include "world.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/event_bytes.h"
#include "engine/evolve.h"

namespace pawl::engine {
namespace {

class NoScope : public dsl::Scope {
 public:
  const dsl::Value* find(std::string_view) const override { return nullptr; }
};

}  // namespace

std::shared_ptr<const dsl::Definition> parse(std::string_view toml) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(toml);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "test.toml");
  BOOST_REQUIRE_MESSAGE(parsed.definition != nullptr, problems);
  return parsed.definition;
}

dsl::Value value(std::string_view cel) {
  const dsl::Compiled compiled = dsl::compile(cel, {});
  BOOST_REQUIRE_MESSAGE(compiled.expression != nullptr, cel);
  const dsl::Evaluation result = dsl::evaluate(*compiled.expression, NoScope(), 1'000'000);
  BOOST_REQUIRE_MESSAGE(result.ok, result.error);
  return result.value;
}

std::string bytes_of(const Tables& tables) {
  std::string bytes;
  tables.encode(&bytes);
  return bytes;
}

World::World(std::string_view toml) : World(parse(toml)) {}

World::World(std::shared_ptr<const dsl::Definition> parsed) : definition(std::move(parsed)) {}

Context World::context() {
  Context context;
  context.now = now;
  context.seed = seed++;
  context.actor = actor;
  context.actor_groups = actor_groups;
  context.definition = definition.get();
  context.run_groups = 4;
  return context;
}

Decision World::start(Start command) {
  Decision decision = decide_start({GroupId(1), next_}, command, context());
  if (decision.refusal == Refusal::none) {
    index = next_;
    history.clear();
    times.clear();
    commit(decision, nullptr);
  }
  return decision;
}

Decision World::start(std::string_view input) {
  Start command;
  command.id = "r";
  command.version = 1;
  command.input = value(input);
  return start(std::move(command));
}

Decision World::send(const Command& command) {
  const Run before = run();
  Decision decision = decide(before, command, context());
  if (!decision.events.empty()) commit(decision, &before);
  return decision;
}

void World::advance(std::int64_t ms) {
  const TimeMs end(now.v + ms);
  const Index main = index;
  for (int turns = 0; turns < 10'000; ++turns) {
    const std::optional<DueTimer> due = tables.earliest_timer();
    if (!due || due->fire_at > end) break;
    now = std::max(now, due->fire_at);
    index = due->run;
    recording = index == main;
    send(FireTimers{});
  }
  index = main;
  recording = true;
  now = end;
}

Decision World::signal(std::string name, std::string_view payload) {
  Signal command;
  command.name = std::move(name);
  command.payload = value(payload);
  return send(command);
}

StepId World::hand_out(const std::string& worker) {
  for (const auto& step : run().steps) {
    if (step->status != StepStatus::queued) continue;
    const StepId id = step->id;
    const Decision decision = send(HandOut{id, worker});
    BOOST_REQUIRE(decision.refusal == Refusal::none);
    return id;
  }
  BOOST_REQUIRE_MESSAGE(false, "no task is queued");
  return {};
}

Decision World::complete(StepId step, std::string_view result) {
  return send(CompleteTask{step, run().step(step)->attempt, value(result)});
}

TakePermit World::permit(std::uint32_t number) const {
  const LimitedTask* task = task_of_permit(*run().tree->permits, number);
  if (task == nullptr) return {number, "none", ""};
  const TaskLimit& limit = task->limits[number - task->first];
  return {number, limit.limit, limit.key};
}

Decision World::fail(StepId step, std::string type, std::optional<bool> retryable) {
  return send(
      FailTask{step, run().step(step)->attempt, {std::move(type), "it failed", {}}, retryable});
}

dsl::Value World::var(std::string_view name) const {
  const Variable* variable = run().variable(0, name);
  return variable == nullptr ? dsl::Value() : variable->value.value;
}

void World::commit(const Decision& decision, const Run* before) {
  BOOST_REQUIRE(decision.after != nullptr);
  std::string bytes;
  encode_events(decision.events, &bytes);
  BOOST_REQUIRE_LE(bytes.size(), limits::kEntryBytesMax / 4 * 3);  // room for an answer beside it
  std::vector<Event> decoded;
  const Salt* salt = before == nullptr ? nullptr : &before->identity->salt;
  const Seq first(before == nullptr ? 1 : before->seq.v + 1);
  const absl::Status status = decode_events(bytes, salt, first, &decoded);
  BOOST_REQUIRE_MESSAGE(status.ok(), status.ToString());
  if (checks) check_events(decision, before);

  const Index entry = next_;
  next_ = next_.next();
  Applied applied;
  BOOST_REQUIRE(tables.apply_run(entry, index, now, decoded, &applied));
  Run expected = *decision.after;
  expected.last_entry = entry;  // and what else is the tables' to say
  expected.first_entry = run().first_entry;
  expected.older = run().older;
  BOOST_REQUIRE_MESSAGE(run() == expected,
                        "the fold differs in " + first_difference(run(), expected));
  for (Event& event : decoded) {
    if (!recording) break;
    history.push_back(std::move(event));
    times.push_back(now);
  }
  auto after = std::make_shared<Run>(*decision.after);
  BOOST_REQUIRE(decided.apply_decided(entry, index, now, decision.events, after, &applied));
  if (!checks) return;
  BOOST_REQUIRE_EQUAL(tables.check_invariants(), "");
  BOOST_REQUIRE_EQUAL(decided.check_invariants(), "");
  check_snapshot();
}

void World::check_events(const Decision& decision, const Run* before) {
  Digest whole = before == nullptr ? Digest{} : before->hash;
  Digest scrubbed = whole;
  EventContext at{decision.after->identity->salt, Seq(before == nullptr ? 0 : before->seq.v), now};
  for (const Event& event : decision.events) {
    at.seq = at.seq.next();
    std::string bytes, hashed, again;
    encode_event(event, at, EventForm::stored, &bytes);
    encode_event(event, at, EventForm::hashed, &hashed);
    std::vector<Event> decoded;
    BOOST_REQUIRE(decode_events(bytes, &at.salt, at.seq, &decoded).ok());
    BOOST_REQUIRE_MESSAGE(decoded.size() == 1 && equal(decoded[0], event), debug_string(event));
    encode_event(decoded[0], at, EventForm::stored, &again);
    BOOST_REQUIRE(again == bytes);
    whole = digest_chain(whole, hashed);

    scrub(&decoded[0], at);
    std::string scrubbed_bytes, scrubbed_hashed;
    encode_event(decoded[0], at, EventForm::stored, &scrubbed_bytes);
    std::vector<Event> read_back;
    BOOST_REQUIRE(decode_events(scrubbed_bytes, nullptr, at.seq, &read_back).ok());
    encode_event(read_back[0], at, EventForm::hashed, &scrubbed_hashed);
    scrubbed = digest_chain(scrubbed, scrubbed_hashed);
  }
  BOOST_REQUIRE(whole == decision.after->hash);
  BOOST_REQUIRE(scrubbed == decision.after->hash);
  BOOST_REQUIRE(at.seq == decision.after->seq);
}

void World::check_snapshot() {
  std::string bytes, again;
  tables.encode(&bytes);
  Tables copy{GroupId(1)};
  decided.encode(&again);
  BOOST_REQUIRE(again == bytes);
  again.clear();
  BOOST_REQUIRE(Tables::decode(bytes, &copy));
  copy.encode(&again);
  BOOST_REQUIRE(again == bytes);
  BOOST_REQUIRE_EQUAL(copy.check_invariants(), "");
}

}  // namespace pawl::engine
