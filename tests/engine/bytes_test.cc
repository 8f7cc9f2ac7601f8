// Events, runs and catalogs as bytes: what is not canonical is refused, and nothing crashes.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "base/random.h"
#include "engine/catalog.h"
#include "engine/event_bytes.h"
#include "engine/run_id.h"
#include "engine/step_token.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "bytes"
start = "work"
[input]
n = "int"
[signal.note]
buffer = "1h"
[vars]
seen = "list"
[state.work]
task = "t"
timeout = { queue = "1h", attempt = "1m" }
after."2h" = { next = "done" }
save.result = "= result"
next = "done"
[state.done]
end = "completed"
output = "= vars.result"
)toml";

World busy_world() {
  World world(kWorkflow);
  world.start("{'n': 5}");
  world.signal("note", "{'text': 'hello', 'list': [1, 2.5, true, null, b'x']}");
  const StepId step = world.hand_out();
  world.send(ProgressTask{step, 1, value("'half'")});
  world.fail(step, "net.down");
  world.advance(2000);
  world.hand_out();
  return world;
}

BOOST_AUTO_TEST_CASE(stored_form_of_an_event_is_pinned) {
  StateEntered e;
  e.state = "a";
  e.visit = 3;
  e.cause = Cause::signal;
  e.detail = "go";
  e.vars.push_back({"x", Payload::of(dsl::Value::int64(-1))});
  e.timers.push_back({TimerId(2), TimerKind::after, 0, 1, TimeMs(1000), 0});
  std::string bytes;
  encode_event(e, {}, EventForm::stored, &bytes);
  // kind, frame, "a", visit, cause, "go", 1 var "x": length 2, flags, kind int64, zigzag -1;
  // 1 timer: id, kind, frame, owner, zigzag fire_at, zigzag interval
  const unsigned char expected[] = {3, 0, 1, 'a', 3, 2, 2, 'g', 'o', 1,    1,    'x',
                                    2, 0, 2, 1,   1, 2, 4, 0,   1,   0xd0, 0x0f, 0};
  BOOST_CHECK(bytes == std::string(reinterpret_cast<const char*>(expected), sizeof expected));
}

BOOST_AUTO_TEST_CASE(hashed_form_holds_digest_seq_and_time_but_no_payload) {
  VarsSet e;
  e.vars.push_back({"secret", Payload::of(dsl::Value::string("hunter2"))});
  EventContext context;
  context.salt.bytes[0] = 7;
  context.seq = Seq(300);
  context.time = TimeMs(5);
  std::string bytes;
  encode_event(e, context, EventForm::hashed, &bytes);
  BOOST_CHECK(bytes.find("hunter2") == std::string::npos);
  std::string encoded;
  e.vars[0].value.value.encode(&encoded);
  const Digest digest = payload_digest(context.salt, context.seq, 0, encoded);
  const std::string head("\x04\xac\x02\x0a\x00\x01\x06secret\x09", 14);
  BOOST_CHECK(bytes == head + std::string(as_view(digest)));
  // Another seq, ordinal or salt keys another digest.
  BOOST_CHECK(digest != payload_digest(context.salt, Seq(301), 0, encoded));
  BOOST_CHECK(digest != payload_digest(context.salt, context.seq, 1, encoded));
  BOOST_CHECK(digest != payload_digest(Salt(), context.seq, 0, encoded));
}

// Stores hold these: the value is that of Python's hashlib, and must never change.
BOOST_AUTO_TEST_CASE(a_payload_digest_is_what_the_format_says) {
  Salt salt;
  for (unsigned char i = 0; i < 16; ++i) salt.bytes[i] = i;
  BOOST_TEST(to_hex(payload_digest(salt, Seq(300), 2, "\x05hello")) ==
             "e6f10e4670ac50d9124871c64c9f5f4d6e282a308503f0579364ac781dc50a86");
}

BOOST_AUTO_TEST_CASE(salt_is_stored_and_not_hashed) {
  World world(kWorkflow);
  world.start("{'n': 1}");
  const Salt salt = world.run().identity->salt;
  const std::string_view text(reinterpret_cast<const char*>(salt.bytes.data()), 16);
  std::string stored, hashed;
  encode_event(world.history[0], {}, EventForm::stored, &stored);
  encode_event(world.history[0], {salt, Seq(1), world.now}, EventForm::hashed, &hashed);
  BOOST_CHECK(stored.find(text) != std::string::npos);
  BOOST_CHECK(hashed.find(text) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(unknown_kind_is_an_error_that_names_it) {
  std::vector<Event> events;
  const absl::Status status = decode_events(std::string("\x7f\x00", 2), nullptr, Seq(1), &events);
  BOOST_CHECK(status.code() == absl::StatusCode::kDataLoss);
  BOOST_CHECK(status.ToString().find("kind 127") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(truncated_events_are_refused) {
  const World world = busy_world();
  for (const Event& event : world.history) {
    std::string bytes;
    encode_event(event, {}, EventForm::stored, &bytes);
    for (std::size_t n = 1; n < bytes.size(); ++n) {
      std::vector<Event> events;
      BOOST_CHECK(!decode_events(bytes.substr(0, n), nullptr, Seq(1), &events).ok());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_count_that_lies_costs_no_memory) {
  // vars.set with 2^60 variables.
  const std::string bytes("\x04\x00\x80\x80\x80\x80\x80\x80\x80\x80\x10zzzz", 15);
  std::vector<Event> events;
  BOOST_CHECK(!decode_events(bytes, nullptr, Seq(1), &events).ok());
}

BOOST_AUTO_TEST_CASE(what_decodes_is_canonical) {
  const World world = busy_world();
  std::string bytes;
  encode_events(world.history, &bytes);
  Random random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    const int flips = static_cast<int>(random.between(1, 3));
    for (int f = 0; f < flips; ++f) {
      damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
    }
    std::vector<Event> events;
    if (!decode_events(damaged, nullptr, Seq(1), &events).ok()) continue;
    std::string again;
    encode_events(events, &again);
    BOOST_REQUIRE(again == damaged);
  }
}

BOOST_AUTO_TEST_CASE(damaged_snapshots_are_refused_or_consistent) {
  const World world = busy_world();
  std::string bytes;
  world.tables.encode(&bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Tables tables{GroupId(1)};
    BOOST_REQUIRE(!Tables::decode(bytes.substr(0, n), &tables));
  }
  Random random(12);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = bytes;
    damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
    Tables tables{GroupId(1)};
    if (!Tables::decode(damaged, &tables)) continue;
    BOOST_REQUIRE_EQUAL(tables.check_invariants(), "");
    std::string again;
    tables.encode(&again);
    BOOST_REQUIRE(again == damaged);
  }
  Tables other{GroupId(2)};
  BOOST_CHECK(!Tables::decode(bytes, &other));
}

BOOST_AUTO_TEST_CASE(run_ids) {
  for (const char* good : {"a", "order-42/invoice", "a.b:c@d~e_f", "...", "a/b/c"}) {
    BOOST_CHECK_EQUAL(run_id_problem(good), "");
  }
  for (const char* bad :
       {"", "/", "a/", "/a", "a//b", ".", "..", "a/..", "a b", "a%", "\xc3\xa4"}) {
    BOOST_CHECK_NE(run_id_problem(bad), "");
  }
  BOOST_CHECK_EQUAL(run_id_problem(std::string(200, 'x')), "");
  BOOST_CHECK_NE(run_id_problem(std::string(201, 'x')), "");
}

BOOST_AUTO_TEST_CASE(partitions) {
  BOOST_CHECK_EQUAL(partition_key("order-42/invoice"), "order-42");
  BOOST_CHECK_EQUAL(partition_key("a/b/c"), "a/b");
  BOOST_CHECK_EQUAL(partition_key("a"), "a");
  BOOST_CHECK(group_of_run("default", "o/1", 8) == group_of_run("default", "o/2", 8));
  std::vector<int> hits(9);
  for (int i = 0; i < 8000; ++i) {
    const GroupId group = group_of_run("default", "run-" + std::to_string(i), 8);
    BOOST_REQUIRE(group.v >= 1 && group.v <= 8);
    ++hits[group.v];
  }
  for (int g = 1; g <= 8; ++g) BOOST_CHECK(hits[g] > 850 && hits[g] < 1150);
  BOOST_CHECK(group_of_run("default", "x", 64) != group_of_run("other", "x", 64));
  BOOST_CHECK_EQUAL(run_id_problem(derived_run_id("default", "key")), "");
  BOOST_CHECK_EQUAL(derived_run_id("default", "key"), derived_run_id("default", "key"));
  BOOST_CHECK_NE(derived_run_id("default", "key"), derived_run_id("other", "key"));
}

BOOST_AUTO_TEST_CASE(tokens) {
  const StepToken token{{GroupId(3), Index(0x1f2a)}, StepId(5), 17};
  BOOST_CHECK_EQUAL(to_string(token), "3-1f2a.5.11");
  StepToken parsed;
  BOOST_REQUIRE(parse_step_token("3-1f2a.5.11", &parsed));
  BOOST_CHECK(parsed == token);
  for (const char* bad : {"", "3-1f2a", "3-1f2a.5", "3-1f2a.5.", "3-1f2a.5.11.1", "3-1F2A.5.11",
                          "3-1f2a.05.11", "3-1f2a.5.-1", "3-1f2a.5.100000000", "x.5.11"}) {
    BOOST_CHECK_MESSAGE(!parse_step_token(bad, &parsed), bad);
  }
}

BOOST_AUTO_TEST_CASE(catalog_folds_and_bytes) {
  Catalog catalog;
  const auto stored = [](std::uint32_t version, unsigned char hash) {
    VersionStored e{"flow", version, "text " + std::to_string(version), {}, "r", TimeMs(9), {}};
    e.hash[0] = hash;
    return CatalogEvent(e);
  };
  BOOST_CHECK(!catalog.apply(stored(2, 1)));                                  // out of order
  BOOST_CHECK(!catalog.apply(DefaultChanged{"flow", 1, "", TimeMs(1), {}}));  // unknown
  BOOST_CHECK(catalog.apply(stored(1, 1)));
  BOOST_CHECK(!catalog.apply(stored(2, 1)));  // the same text again
  BOOST_CHECK(catalog.apply(stored(2, 2)));
  BOOST_CHECK(!catalog.apply(DefaultChanged{"flow", 3, "", TimeMs(1), {}}));
  BOOST_CHECK(catalog.apply(DefaultChanged{"flow", 2, "better", TimeMs(10), {NodeId(1), 5, {6}}}));
  BOOST_CHECK(catalog.apply(VersionPinned{GroupId(4), "flow", 1}));
  BOOST_CHECK(!catalog.apply(VersionPinned{GroupId(4), "other", 1}));
  BOOST_REQUIRE(catalog.find("flow") != nullptr);
  BOOST_CHECK_EQUAL(catalog.find("flow")->default_version, 2u);
  BOOST_CHECK_EQUAL(catalog.find("flow", 1)->text, "text 1");
  BOOST_CHECK(catalog.find("flow", 0) == nullptr && catalog.find("flow", 3) == nullptr);
  BOOST_CHECK(catalog.find("nothing") == nullptr);
  BOOST_CHECK_EQUAL(catalog.version_count(), 2u);

  std::string bytes;
  catalog.encode(&bytes);
  Catalog copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == catalog);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Catalog cut;
    std::string again;
    if (cut.decode(bytes.substr(0, n))) {
      cut.encode(&again);  // ended between two events: a catalog, but a smaller one
      BOOST_CHECK(again.size() == n && !(cut == catalog));
    }
  }
  std::vector<CatalogEvent> events;
  BOOST_CHECK(!decode_catalog_events("\x09", &events));
}

BOOST_AUTO_TEST_CASE(catalog_folds_paused_queues) {
  Catalog catalog;
  const Actor actor{NodeId(1), 5, {6}};
  BOOST_CHECK(!catalog.apply(QueueResumed{"mail", "", TimeMs(1), actor}));  // is not paused
  BOOST_CHECK(!catalog.apply(QueuePaused{"", "", TimeMs(1), actor}));
  BOOST_CHECK(catalog.apply(QueuePaused{"mail", "relay is down", TimeMs(7), actor}));
  BOOST_CHECK(!catalog.apply(QueuePaused{"mail", "again", TimeMs(8), actor}));
  BOOST_CHECK(catalog.is_paused("mail") && !catalog.is_paused("mai"));
  BOOST_CHECK(catalog.paused_queues().at("mail") ==
              (QueuePause{"relay is down", TimeMs(7), actor}));
  std::string bytes;
  catalog.encode(&bytes);
  Catalog copy;
  BOOST_REQUIRE(copy.decode(bytes));
  BOOST_CHECK(copy == catalog);
  // The stored form: kind, queue, reason, time, actor. It never changes.
  std::string event;
  encode_catalog_events({QueueResumed{"q", "ok", TimeMs(3), actor}}, &event);
  BOOST_CHECK_EQUAL(event, std::string("\x05\x01q\x02ok\x06\x01\x05\x01\x06"));
  std::vector<CatalogEvent> events;
  BOOST_REQUIRE(decode_catalog_events(event, &events));
  BOOST_CHECK(events.at(0) == CatalogEvent(QueueResumed{"q", "ok", TimeMs(3), actor}));
  BOOST_CHECK(catalog.apply(QueueResumed{"mail", "", TimeMs(9), actor}));
  BOOST_CHECK(!catalog.is_paused("mail"));
  for (int i = 0; i < limits::kQueuesPausedMax; ++i) {
    BOOST_REQUIRE(catalog.apply(QueuePaused{std::to_string(i), "", TimeMs(1), actor}));
  }
  BOOST_CHECK(!catalog.apply(QueuePaused{"one more", "", TimeMs(1), actor}));
}

}  // namespace
}  // namespace pawl::engine
