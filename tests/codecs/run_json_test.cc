// Runs, tasks and their neighbours as the API shows them.
#include <boost/test/unit_test.hpp>

#include "codecs/json.h"
#include "codecs/run_json.h"

namespace pawl::codecs {
namespace {

dsl::Value parsed(const std::string& text) {
  dsl::Value value;
  JsonError error;
  BOOST_REQUIRE_MESSAGE(parse_json(text, &value, &error), text << ": " << error.message);
  return value;
}

engine::Run small_run() {
  engine::Run run;
  engine::RunIdentity& identity = run.identity.edit();
  identity.uid = {GroupId(1), Index(10)};
  identity.id = "a/b";
  identity.workflow = "w";
  identity.version = 3;
  identity.input = engine::Payload::of(dsl::Value::int64(1));
  identity.tags = {{"t", "v"}};
  run.status = engine::RunStatus::running;
  run.seq = Seq(4);
  run.started_at = run.updated_at = TimeMs(1'767'225'600'000);
  engine::Frame frame;
  frame.state = "s";
  frame.vars.edit() = {{"x", engine::Payload::of(dsl::Value::int64(5))}};
  run.frames.push_back(frame);
  return run;
}

std::string envelope(const engine::Run& run, const EnvelopeFields& fields = {}) {
  std::string out;
  append_envelope(run, nullptr, &out, fields);
  return out;
}

BOOST_AUTO_TEST_SUITE(run_json)

BOOST_AUTO_TEST_CASE(the_envelope_of_an_open_run) {
  const dsl::Value run = parsed(envelope(small_run()));
  BOOST_TEST(run.field("id")->as_string() == "a/b");
  BOOST_TEST(run.field("uid")->as_string() == "1-a");
  BOOST_TEST(run.field("status")->as_string() == "running");
  BOOST_TEST(run.field("state")->as_string() == "s");
  BOOST_TEST((*run.field("input") == dsl::Value::int64(1)));
  BOOST_TEST((*run.field("vars") == parsed(R"({"x":5})")));
  BOOST_TEST((*run.field("tags") == parsed(R"({"t":"v"})")));
  BOOST_TEST(run.field("seq")->as_int() == 4);
  BOOST_TEST(run.field("hash")->as_string() == std::string(64, '0'));
  BOOST_TEST(run.field("started_at")->as_string() == "2026-01-01T00:00:00Z");
  BOOST_TEST((run.field("output") == nullptr && run.field("closed_at") == nullptr));
}

// Dedupe::scrub looks for just this.
BOOST_AUTO_TEST_CASE(an_envelope_begins_with_who_it_is) {
  BOOST_TEST(envelope(small_run()).starts_with(R"({"id":"a/b","uid":"1-a",)"));
  std::string deleted;
  append_data_deleted(small_run(), {{NodeId(1), true}, {NodeId(2), false}}, &deleted);
  BOOST_TEST(deleted.starts_with(R"({"id":"a/b","uid":"1-a","status":)"));
}

BOOST_AUTO_TEST_CASE(deleted_data_shows_its_digests) {
  engine::Run run = small_run();
  run.status = engine::RunStatus::data_deleted;
  run.closed_at = run.updated_at;
  const auto scrub = [](engine::Payload* payload) {
    payload->length = 3;
    payload->value = dsl::Value();
    payload->scrubbed = true;
    payload->digest = Digest{};
  };
  scrub(&run.identity.edit().input);
  scrub(&run.output.edit());
  engine::ErrorRecord error;
  error.type = "broken";
  scrub(&error.detail);
  run.error = engine::Shared<std::optional<engine::ErrorRecord>>(error);
  const dsl::Value shown = parsed(envelope(run));
  BOOST_TEST(shown.field("status")->as_string() == "data_deleted");
  const dsl::Value digest = parsed(R"({"scrubbed":")" + std::string(64, '0') + R"("})");
  BOOST_TEST((*shown.field("input") == digest));
  BOOST_TEST((*shown.field("output") == digest));
  BOOST_TEST((*shown.field("error")->field("detail") == digest));
  BOOST_TEST(shown.field("error")->field("type")->as_string() == "broken");
}

BOOST_AUTO_TEST_CASE(large_members_can_be_left_out) {
  EnvelopeFields few;
  few.input = few.vars = few.waiting_for = false;
  const dsl::Value run = parsed(envelope(small_run(), few));
  for (const char* name : {"input", "vars", "waiting_for"}) {
    BOOST_TEST(run.field(name) == nullptr, name);
  }
}

BOOST_AUTO_TEST_CASE(a_closed_run_shows_how_it_ended) {
  engine::Run run = small_run();
  run.status = engine::RunStatus::completed;
  run.closed_at = TimeMs(1'767'225'601'000);
  run.output.edit() = engine::Payload::of(dsl::Value::string("out"));
  BOOST_TEST(parsed(envelope(run)).field("output")->as_string() == "out");
  run.status = engine::RunStatus::failed;
  run.error.edit() = engine::ErrorRecord::of({"bad", "why", {}});
  run.closed_reason = "because";
  const dsl::Value failed = parsed(envelope(run));
  BOOST_TEST(failed.field("output") == nullptr);
  BOOST_TEST(failed.field("error")->field("type")->as_string() == "bad");
  BOOST_TEST(failed.field("reason")->as_string() == "because");
  BOOST_TEST(failed.field("closed_at")->as_string() == "2026-01-01T00:00:01Z");
}

BOOST_AUTO_TEST_CASE(a_location_keeps_the_id_in_one_segment) {
  BOOST_TEST(run_location("a/b/c@x") == "/v1/runs/a%2Fb%2Fc@x");
}

BOOST_AUTO_TEST_CASE(a_taken_id_names_the_run) {
  const dsl::Value problem = parsed(id_taken_problem(small_run()));
  BOOST_TEST(problem.field("type")->as_string() == "run-id-taken");
  BOOST_TEST(problem.field("status")->as_int() == 409);
  BOOST_TEST(problem.field("run")->field("uid")->as_string() == "1-a");
}

BOOST_AUTO_TEST_CASE(a_task_counts_attempts_and_fences) {
  const engine::Run run = small_run();
  engine::Step step;
  step.type = "t";
  step.queue = "q";
  step.key = "k";
  step.attempt = 5;
  step.not_counted = 3;
  step.attempt_ms = 1000;
  step.started_at = TimeMs(1'767'225'600'000);
  std::string out;
  append_tasks({{&run, &step, "tok", TimeMs(1'767'225'630'000)}}, &out);
  const dsl::Value tasks = parsed(out);
  const dsl::Value& task = tasks.field("tasks")->as_list().at(0);
  BOOST_TEST(task.field("attempt")->as_int() == 2);
  BOOST_TEST(task.field("fence")->as_int() == 5);
  BOOST_TEST(task.field("deadline")->as_string() == "2026-01-01T00:00:01Z");
  BOOST_TEST(task.field("lease_until")->as_string() == "2026-01-01T00:00:30Z");
  BOOST_TEST(task.field("progress")->is_null());
  out.clear();
  append_tasks({}, &out);
  BOOST_TEST(out == R"({"tasks":[]})");
}

BOOST_AUTO_TEST_CASE(reports_deployments_and_diagnostics) {
  std::string out;
  append_report_answers({{"a", 200, ""}, {"b", 409, R"({"type":"x"})"}}, &out);
  BOOST_TEST(
      out ==
      R"({"items":[{"token":"a","status":200},{"token":"b","status":409,"problem":{"type":"x"}}]})");
  dsl::Diagnostic warning;
  warning.severity = dsl::Severity::warning;
  warning.line = 2;
  warning.message = "odd \"name\"";
  out.clear();
  append_deployed("w", 1, Digest{}, {warning}, true, &out);
  const dsl::Value deployed = parsed(out);
  BOOST_TEST(deployed.field("warnings")->as_list().at(0).field("message")->as_string() ==
             "odd \"name\"");
  BOOST_TEST(deployed.field("default_changed")->as_bool());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
