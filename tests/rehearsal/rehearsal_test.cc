// What scripts can't say: that retries come in the middle of their jitter, that a test can't go on
// for ever, and that the examples' tests leave nothing out.
#include "rehearsal/rehearsal.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "base/random.h"
#include "rehearsal/coverage.h"
#include "rehearsal/parse_tests.h"
#include "rehearsal/report.h"
#include "replay_check.h"

namespace pawl::rehearsal {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  BOOST_REQUIRE_MESSAGE(file.good(), path);
  return text.str();
}

std::shared_ptr<const dsl::Definition> parse(const std::string& toml) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(toml);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "x.toml");
  BOOST_REQUIRE_MESSAGE(parsed.definition != nullptr, problems);
  return parsed.definition;
}

Outcome play(const std::shared_ptr<const dsl::Definition>& definition, const std::string& tests) {
  const ParsedTests parsed = parse_tests(tests, *definition);
  std::string problems;
  for (const dsl::Diagnostic& d : parsed.diagnostics) problems += dsl::render(d, "x.test.toml");
  BOOST_REQUIRE_MESSAGE(parsed.tests.size() == 1, problems);
  return run_test(definition, parsed.tests[0]);
}

BOOST_AUTO_TEST_CASE(the_seed_draws_a_half) {
  BOOST_CHECK_LT(std::abs(Random(kMiddleSeed).unit() - 0.5), 1e-6);
}

BOOST_AUTO_TEST_CASE(a_run_that_ticks_for_ever_ends_its_test) {
  const auto definition = parse(R"toml(
dsl = 1
name = "tick"
[state.wait]
every."1s" = { save.n = 1 }
on.stop = { next = "end" }
[signal.stop]
)toml");
  const Outcome outcome =
      play(definition, "[[test]]\nname = \"x\"\nrun_out = true\nexpect.status = \"completed\"");
  BOOST_REQUIRE_EQUAL(outcome.failures.size(), 1u);
  BOOST_CHECK(outcome.failures[0].what.find("on and on") != std::string::npos);
  BOOST_CHECK_LT(outcome.history.size(), limits::kRehearsalEventsMax + limits::kEventsPerEntryMax);
}

BOOST_AUTO_TEST_CASE(a_run_that_grows_for_ever_ends_its_test) {
  const auto definition = parse(R"toml(
dsl = 1
name = "grow"
[state.work]
task = "do"
timeout.total = "1h"
next = "work"
)toml");
  const Outcome outcome =
      play(definition,
           "[[test]]\nname = \"x\"\nexpect.status = \"completed\"\n"
           "task.do.result = \"= ['" +
               std::string(1000, 'x') +
               "'].map(x, x+x+x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x+x+x)[0]\"");
  BOOST_REQUIRE_EQUAL(outcome.failures.size(), 1u);
  BOOST_CHECK(outcome.failures[0].what.find("on and on") != std::string::npos);
  BOOST_CHECK_LT(outcome.history.size(), 20'000u);
}

// All that happens is played to the end of the interval, a run that continues as new included.
BOOST_AUTO_TEST_CASE(a_long_test_continues_as_new) {
  const auto definition = parse(R"toml(
dsl = 1
name = "long"
start = "wait"
[history]
max_events = 10
[vars]
n = 0
[state.wait]
every."1m" = { save.n = "= vars.n + 1" }
on.stop = { next = "done" }
[state.done]
end = "completed"
output = { n = "= vars.n", generation = "= run.generation > 10" }
[signal.stop]
)toml");
  const Outcome outcome = play(definition, R"toml(
[[test]]
name = "x"
[[test.step]]
advance = "1h"
[[test.step]]
signal = "stop"
[test.expect]
output = { n = 60, generation = true }
events = ["run.continued", "run.continued", "run.closed"]
)toml");
  BOOST_CHECK_MESSAGE(outcome.passed(), failures_text(outcome));
  check_replay(outcome.history, definition);
}

BOOST_AUTO_TEST_CASE(the_examples_tests_pass_and_leave_no_state_out) {
  int examples = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("configs/examples")) {
    const std::string path = entry.path();
    const std::size_t end = path.find(".test.toml");
    if (end == std::string::npos) continue;
    ++examples;
    const auto definition = parse(read(path.substr(0, end) + ".toml"));
    const ParsedTests tests = parse_tests(read(path), *definition);
    BOOST_REQUIRE_MESSAGE(tests.ok, path);
    Coverage coverage(definition);
    for (const TestCase& test : tests.tests) {
      const Outcome outcome = run_test(definition, test);
      BOOST_CHECK_MESSAGE(outcome.passed(), path << ": " << test.name << "\n"
                                                 << failures_text(outcome));
      coverage.add(outcome.history);
      check_replay(outcome.history, definition);
    }
    const std::string said = coverage_text(coverage, definition->name);
    BOOST_CHECK_MESSAGE(said.find("never") == std::string::npos, said);
  }
  BOOST_CHECK_EQUAL(examples, 10);
}

}  // namespace
}  // namespace pawl::rehearsal
