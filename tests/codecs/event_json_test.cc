// Events as the API shows them.
#include <boost/test/unit_test.hpp>

#include "codecs/event_json.h"
#include "codecs/json.h"

namespace pawl::codecs {
namespace {

constexpr TimeMs kAt{1'767'225'600'000};

std::string shown(const engine::Event& event, std::string_view hashed = {}) {
  std::string out;
  append_event(event, Seq(3), kAt, hashed, &out);
  dsl::Value value;
  JsonError error;
  BOOST_TEST(parse_json(out, &value, &error), out << ": " << error.message);
  return out;
}

BOOST_AUTO_TEST_SUITE(event_json)

BOOST_AUTO_TEST_CASE(a_start_shows_its_data_and_not_its_salt) {
  engine::RunStarted e;
  e.group = GroupId(1);
  e.index = Index(5);
  e.id = "a/b";
  e.workflow = "w";
  e.version = 2;
  e.salt.bytes.fill(0x41);
  e.input = engine::Payload::of(dsl::Value::int64(7));
  e.vars = {{"x", engine::Payload::of(dsl::Value::string("\"y\""))}};
  e.tags = {{"t\n", "v"}};
  e.actor = {NodeId(1), 1000, {4, 5}};
  const std::string text = shown(e);
  BOOST_TEST(text.find(R"({"seq":3,"at":"2026-01-01T00:00:00Z","type":"run.started")") == 0u);
  BOOST_TEST(text.find(R"("input":7)") != std::string::npos);
  BOOST_TEST(text.find(R"("vars":{"x":"\"y\""})") != std::string::npos);
  BOOST_TEST(text.find(R"("tags":{"t\n":"v"})") != std::string::npos);
  BOOST_TEST(text.find(R"("actor":{"box":1,"uid":1000,"gids":[4,5]})") != std::string::npos);
  BOOST_TEST(text.find("salt") == std::string::npos);
  BOOST_TEST(text.find("AAAA") == std::string::npos);
  BOOST_TEST(text.find("start_at") == std::string::npos);  // absent
}

BOOST_AUTO_TEST_CASE(a_checkpoint_shows_all_but_the_salt) {
  engine::RunContinued e;
  e.generation = 2;
  e.before = Seq(2);
  e.before_hash.fill(0xab);
  engine::CheckpointParts& parts = e.parts.edit();
  parts.identity.id = "a/b";
  parts.identity.salt.bytes.fill(0x41);
  parts.status = engine::RunStatus::paused;
  parts.frames = {{"", "s", 3, kAt, Seq(1), {{"x", engine::Payload::of(dsl::Value::int64(7))}}}};
  parts.steps.emplace_back().status = engine::StepStatus::backoff;
  parts.seen.emplace_back().id.fill(0xcd);
  const std::string text = shown(e);
  BOOST_TEST(text.find(R"("type":"run.continued","generation":2,"before":2,"before_hash":"abab)") !=
             std::string::npos);
  BOOST_TEST(text.find(R"("frames":[{"path":"","state":"s","visit":3,)") != std::string::npos);
  BOOST_TEST(text.find(R"("vars":{"x":7})") != std::string::npos);
  BOOST_TEST(text.find(R"("status":"backoff")") != std::string::npos);
  BOOST_TEST(text.find(R"("seen":[{"id":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",)") !=
             std::string::npos);
  BOOST_TEST(text.find("salt") == std::string::npos);
  BOOST_TEST(text.find("AAAA") == std::string::npos);
  BOOST_TEST(text.find("4141") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_engines_own_actor_is_left_out) {
  BOOST_TEST(shown(engine::RunPaused{{"look", {}}}) ==
             R"({"seq":3,"at":"2026-01-01T00:00:00Z","type":"run.paused","reason":"look"})");
}

BOOST_AUTO_TEST_CASE(enumerations_and_timers_have_names) {
  engine::StateEntered e;
  e.state = "s";
  e.visit = 1;
  e.cause = engine::Cause::on_timeout;
  engine::Timer timer;
  timer.id = engine::TimerId(4);
  timer.kind = engine::TimerKind::signal_expiry;
  timer.fire_at = kAt;
  e.timers = {timer};
  const std::string text = shown(e);
  BOOST_TEST(text.find(R"("cause":"on_timeout")") != std::string::npos);
  BOOST_TEST(text.find(R"("kind":"signal_expiry")") != std::string::npos);
  BOOST_TEST(text.find(R"("fire_at":"2026-01-01T00:00:00Z")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_scrubbed_payload_shows_its_digest) {
  engine::TaskCompleted e;
  e.step = engine::StepId(1);
  e.attempt = 1;
  e.result.scrubbed = true;
  e.result.length = 10;
  e.result.digest = Digest{};
  BOOST_TEST(shown(e).find(R"("result":{"scrubbed":"0000)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_error_shows_its_message_and_data) {
  engine::TaskFailed e;
  e.error = engine::ErrorRecord::of({"card.declined", "no \"money\"", dsl::Value::int64(4)});
  BOOST_TEST(
      shown(e).find(R"("error":{"type":"card.declined","message":"no \"money\"","data":4})") !=
      std::string::npos);
  e.error = engine::ErrorRecord::of({"x", "", {}});
  BOOST_TEST(shown(e).find(R"("error":{"type":"x","message":""})") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_hashed_form_is_base64) {
  const std::string text = shown(engine::RunPaused{}, std::string("\x00\xff", 2));
  BOOST_TEST(text.find(R"("body":"AP8=")") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
