// What the engine gets from a definition that is right.

#include <boost/test/unit_test.hpp>
#include <string>

#include "dsl/definition.h"

namespace pawl::dsl {

static std::ostream& operator<<(std::ostream& out, const Value& value) {
  return out << value.debug_string();
}

namespace {

std::shared_ptr<const Definition> parse(const std::string& text) {
  const ParsedDefinition parsed = parse_definition(text);
  std::string said;
  for (const Diagnostic& d : parsed.diagnostics) said += render(d, "test.toml");
  BOOST_REQUIRE_MESSAGE(parsed.definition != nullptr, said);
  return parsed.definition;
}

const char kOrder[] = R"toml(
dsl = 1
name = "order"
doc = "an order"
revision = "2026-11a"
start = "created"
timeout = "30d"
on_timeout = "expired"
on_cancel = "cancelled"
on_error = "expired"

[input]
order_id = "string"
total = "number"

[vars]
count = 0
seen = "timestamp"

[signal.paid]
[signal.approval]
buffer = "1h"
groups = ["approvers"]
payload.ok = "bool"

[retry.default]
attempts = 3
initial = "2s"
[retry.net]
attempts = 6
never = ["card.declined"]
exhausted = "fail"
again = "1h"

[task."inventory.reserve"]
queue = "warehouse"
retry = "net"
timeout = { queue = "1m", total = "10m" }
result = { id = "string" }

[id]
reuse = "failed_only"
conflict = "use_existing"
[retention]
closed = "30d"

[on.paid]
next = "end"
[after."60d"]
next = "expired"

[state.created]
doc = "waits"
on.approval = [{ if = "signal.ok", next = "reserve", save.count = "= vars.count + 1" }, { save.seen = "= run.now" }]
on.paid.next = "reserve"
after."2d" = { next = "expired" }
after."36h" = { save.count = 5 }
every = [{ in = "= duration('1h')", task = { task = "ping" } }, { in = "90s", next = "created" }]
moves = ["reserve", "expired"]

[state.reserve]
task = "inventory.reserve"
with = { order = "= input.order_id", fixed = { a = [1, 2.5, true, "x", 2026-01-01T00:00:00Z] } }
timeout = { attempt = "20s", total = "5m", heartbeat = "10s" }
undo = { task = "inventory.release", with.id = "= result.id" }
save.reservation = "= result.id"
catch = [{ errors = ["a.b", "c.*"], next = "expired", save.why = "= error.message" }]
next = "pick"

[state.pick]
choose = [{ if = "input.total > 10", next = "nap" }, { next = "done" }]

[state.nap]
sleep = { until = 2027-01-01T00:00:00Z }
set.count = 1
next = "done"

[state.done]
end = "completed"
output = "= vars.reservation"
[state.expired]
end = "failed"
error = { type = "order.expired", data = { n = 1 } }
[state.cancelled]
end = "cancelled"
)toml";

Value seconds(std::int64_t n) { return Value::duration({n, 0}); }

BOOST_AUTO_TEST_CASE(root) {
  const auto d = parse(kOrder);
  BOOST_CHECK_EQUAL(d->name, "order");
  BOOST_CHECK_EQUAL(d->doc, "an order");
  BOOST_CHECK_EQUAL(d->revision, "2026-11a");
  BOOST_CHECK_EQUAL(d->root.start, "created");
  BOOST_CHECK_EQUAL(*d->timeout_ms, 30LL * 86'400'000);
  BOOST_CHECK_EQUAL(*d->on_timeout, "expired");
  BOOST_CHECK_EQUAL(*d->on_cancel, "cancelled");
  BOOST_CHECK_EQUAL(*d->on_error, "expired");
  BOOST_CHECK(d->reuse == IdReuse::failed_only);
  BOOST_CHECK(d->conflict == IdConflict::use_existing);
  BOOST_CHECK_EQUAL(*d->retention_ms, 30LL * 86'400'000);
  BOOST_REQUIRE_EQUAL(d->on.size(), 1U);
  BOOST_CHECK_EQUAL(*d->on[0].branches[0].next, "end");
  BOOST_REQUIRE_EQUAL(d->after.size(), 1U);
  BOOST_CHECK_EQUAL(d->after[0].delay.literal, seconds(60 * 86'400));
  BOOST_CHECK(d->every.empty());
}

BOOST_AUTO_TEST_CASE(states_are_in_the_order_of_the_file_and_found_by_name) {
  const auto d = parse(kOrder);
  std::string names;
  for (const State& s : d->root.states) names += s.name + " ";
  BOOST_CHECK_EQUAL(names, "created reserve pick nap done expired cancelled ");
  for (const State& s : d->root.states) BOOST_CHECK(d->root.find(s.name) == &s);
  BOOST_CHECK(d->root.find("end") == nullptr);
  BOOST_CHECK(d->root.find("") == nullptr);
  BOOST_CHECK_EQUAL(d->root.find("created")->line, 52);
}

BOOST_AUTO_TEST_CASE(signals_and_data) {
  const auto d = parse(kOrder);
  BOOST_REQUIRE_EQUAL(d->signals.size(), 2U);
  BOOST_CHECK_EQUAL(d->signals[0].name, "approval");
  const SignalSpec* approval = d->signal("approval");
  BOOST_REQUIRE(approval != nullptr);
  BOOST_CHECK_EQUAL(*approval->buffer_ms, 3'600'000);
  BOOST_CHECK_EQUAL(approval->groups.at(0), "approvers");
  BOOST_CHECK(approval->payload->fields->find("ok")->type == SchemaType::boolean);
  BOOST_CHECK(!d->signal("paid")->buffer_ms && !d->signal("paid")->payload);
  BOOST_CHECK(d->signal("nothing") == nullptr);
  BOOST_CHECK(d->input->find("total")->type == SchemaType::number);
  const Schema* count = d->root.vars.find("count");
  BOOST_CHECK(count->type == SchemaType::int64 && *count->default_value == Value::int64(0));
  const Schema* seen = d->root.vars.find("seen");
  BOOST_CHECK(seen->type == SchemaType::timestamp && seen->optional && !seen->default_value);
}

BOOST_AUTO_TEST_CASE(handlers) {
  const auto d = parse(kOrder);
  const State& s = *d->root.find("created");
  BOOST_CHECK(s.verb == Verb::none);
  BOOST_CHECK_EQUAL(s.doc, "waits");
  BOOST_REQUIRE_EQUAL(s.on.size(), 2U);
  BOOST_CHECK_EQUAL(s.on[0].signal, "approval");
  const SignalHandler* approval = s.handler("approval");
  BOOST_REQUIRE(approval != nullptr && approval->branches.size() == 2);
  BOOST_CHECK(approval->branches[0].condition != nullptr);
  BOOST_CHECK_EQUAL(*approval->branches[0].next, "reserve");
  BOOST_CHECK_EQUAL(approval->branches[0].save[0].variable, "count");
  BOOST_CHECK(approval->branches[1].condition == nullptr && !approval->branches[1].next);
  BOOST_CHECK(s.handler("x") == nullptr);
  BOOST_REQUIRE_EQUAL(s.after.size(), 2U);
  BOOST_CHECK_EQUAL(s.after[0].delay.literal, seconds(36 * 3600));  // by duration, not by text
  BOOST_CHECK_EQUAL(s.after[1].delay.literal, seconds(2 * 86'400));
  BOOST_REQUIRE_EQUAL(s.every.size(), 2U);
  BOOST_CHECK_EQUAL(s.every[0].delay.literal, seconds(3600));  // a constant expression is folded
  BOOST_CHECK_EQUAL(s.every[0].branches[0].task->type, "ping");
  BOOST_CHECK_EQUAL(s.every[1].delay.literal, seconds(90));
  BOOST_CHECK((s.moves == std::vector<std::string>{"reserve", "expired"}));
}

BOOST_AUTO_TEST_CASE(task) {
  const auto d = parse(kOrder);
  const State& s = *d->root.find("reserve");
  BOOST_REQUIRE(s.verb == Verb::task && s.task);
  const TaskSpec& t = *s.task;
  BOOST_CHECK_EQUAL(t.type, "inventory.reserve");
  BOOST_CHECK_EQUAL(t.queue.literal, Value::string("warehouse"));
  BOOST_CHECK(t.with.form == Template::Form::map);
  BOOST_CHECK_EQUAL(t.with.fields[0].first, "fixed");
  BOOST_CHECK(t.with.fields[0].second.is_literal());
  BOOST_CHECK_EQUAL(t.with.fields[0].second.literal.debug_string(),
                    "{\"a\": [1, 2.5, true, \"x\", timestamp(\"2026-01-01T00:00:00Z\")]}");
  BOOST_CHECK(t.with.fields[1].second.form == Template::Form::expression);
  BOOST_CHECK(!t.key && !t.priority);
  BOOST_CHECK(t.result_schema && !t.with_schema);
  // The state's timeouts go over those of the task's type, one by one.
  BOOST_CHECK_EQUAL(*t.timeouts.queue_ms, 60'000);
  BOOST_CHECK_EQUAL(*t.timeouts.attempt_ms, 20'000);
  BOOST_CHECK_EQUAL(*t.timeouts.total_ms, 300'000);
  BOOST_CHECK_EQUAL(*t.timeouts.heartbeat_ms, 10'000);
  BOOST_CHECK_EQUAL(s.save.at(0).variable, "reservation");
  BOOST_CHECK_EQUAL(*s.next, "pick");
  BOOST_REQUIRE_EQUAL(s.catches.size(), 1U);
  BOOST_CHECK((s.catches[0].errors == std::vector<std::string>{"a.b", "c.*"}));
  BOOST_CHECK_EQUAL(s.catches[0].save.at(0).variable, "why");
}

BOOST_AUTO_TEST_CASE(retries_begin_with_those_of_default) {
  const auto d = parse(kOrder);
  const Retry& net = d->root.find("reserve")->task->retry;
  BOOST_CHECK_EQUAL(net.attempts, 6);
  BOOST_CHECK_EQUAL(net.initial_ms, 2000);
  BOOST_CHECK_EQUAL(net.interval_ms_max, 60'000);
  BOOST_CHECK_EQUAL(net.never.at(0), "card.declined");
  BOOST_CHECK(net.exhausted == Exhausted::fail);
  BOOST_CHECK_EQUAL(*net.again_ms, 3'600'000);
  const Retry& plain = d->root.find("created")->every[0].branches[0].task->retry;
  BOOST_CHECK_EQUAL(plain.attempts, 3);
  BOOST_CHECK_EQUAL(plain.initial_ms, 2000);
  const Undo& undo = *d->root.find("reserve")->task->undo;
  BOOST_CHECK_EQUAL(undo.task->type, "inventory.release");
  BOOST_CHECK_EQUAL(undo.task->retry.attempts, 3);
  BOOST_CHECK(!undo.when_started && !undo.name);
}

BOOST_AUTO_TEST_CASE(other_verbs) {
  const auto d = parse(kOrder);
  const State& pick = *d->root.find("pick");
  BOOST_REQUIRE(pick.verb == Verb::choose && pick.choose.size() == 2);
  BOOST_CHECK_EQUAL(*pick.choose[1].next, "done");
  const State& nap = *d->root.find("nap");
  BOOST_REQUIRE(nap.verb == Verb::sleep && nap.sleep->until);
  BOOST_CHECK(nap.sleep->duration.literal.kind() == Kind::timestamp);
  BOOST_CHECK_EQUAL(nap.set.at(0).variable, "count");
  const State& done = *d->root.find("done");
  BOOST_REQUIRE(done.verb == Verb::end && done.end->status == EndStatus::completed);
  BOOST_CHECK(done.end->output.form == Template::Form::expression);
  const State& expired = *d->root.find("expired");
  BOOST_REQUIRE(expired.end->status == EndStatus::failed && expired.end->error);
  BOOST_CHECK_EQUAL(expired.end->error->type.literal, Value::string("order.expired"));
  BOOST_CHECK(expired.end->error->message.literal.is_null());
}

BOOST_AUTO_TEST_CASE(a_literal_that_begins_with_an_equals_sign) {
  const auto d =
      parse("dsl=1\nname='x'\n[state.a]\nend='completed'\noutput = ['= \"=x\"', '= 1 + 1']\n");
  const Template& out = d->root.find("a")->end->output;
  BOOST_REQUIRE(out.is_literal());
  BOOST_CHECK_EQUAL(out.literal.debug_string(), "[\"=x\", 2]");
}

BOOST_AUTO_TEST_CASE(parsing_is_deterministic) {
  BOOST_CHECK_EQUAL(parse(kOrder)->canonical, parse(kOrder)->canonical);
  const auto again = parse(parse(kOrder)->canonical);
  BOOST_CHECK_EQUAL(to_hex(again->hash), to_hex(parse(kOrder)->hash));
  BOOST_CHECK_EQUAL(again->root.find("created")->after[0].delay.literal, seconds(36 * 3600));
}

BOOST_AUTO_TEST_CASE(graph) {
  const auto d = parse(kOrder);
  std::string text;
  for (const GraphEdge& e : graph_edges(*d)) text += e.from + ">" + e.to + " " + e.label + "\n";
  BOOST_CHECK_EQUAL(text, R"(>created start
>end on paid
>expired after 60d
>expired on_error
>expired on_timeout
>cancelled on_cancel
created>reserve on approval if
created>reserve on paid
created>expired after 48h
created>created every 90s
created>reserve move
created>expired move
reserve>pick next
reserve>expired catch a.b c.*
pick>nap if
pick>done otherwise
nap>done next
)");
}

}  // namespace
}  // namespace pawl::dsl
