// Test files that are wrong in any way: they are refused with a diagnostic, and nothing else
// happens.
#include "rehearsal/parse_tests.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "base/random.h"
#include "rehearsal/rehearsal.h"

namespace pawl::rehearsal {
namespace {

constexpr const char* kDefinition = R"toml(
dsl = 1
name = "w"
start = "work"
[input]
n = { type = "int", default = 1 }
[signal.go]
buffer = "1m"
[state.work]
task = "do"
with = { n = "= input.n" }
timeout.total = "1h"
save.x = "= result.x"
next = "wait"
[state.wait]
on.go = { next = "done" }
after."1h" = { next = "late" }
moves = ["done"]
[state.late]
end = "failed"
[state.done]
end = "completed"
output = "= vars.x"
)toml";

constexpr const char* kTests = R"toml(
at = 2026-03-01T00:00:00Z
[input]
n = 2
[[test]]
name = "one"
[[test.task.do]]
if = "with.n == 2"
result = { x = [1, 2.5, "= [with.n, attempt]"] }
after = "10s"
times = 2
expect_with = { n = 2 }
[[test.task.do]]
error = { type = "e", message = "m", data = { a = 1 }, retryable = true }
[[test.step]]
advance = "1m"
[[test.step]]
signal = "go"
with = 2026-03-01T00:00:00Z
actor = { uid = 5, gids = [2, 1], groups = ["g"] }
refused = "payload-invalid"
[[test.step]]
expect = { state = "wait", visits = { work = 1 }, incidents = [] }
[[test.step]]
move = "done"
vars = { y = "= null" }
[test.expect]
status = "completed"
path = ["work", "wait", "done"]
events = ["run.started", { type = "state.entered", state = "done" }]
error = false
at = "1m"
[[test]]
name = "two"
run_out = true
task.do = { never = true }
expect.incidents = 1
)toml";

std::shared_ptr<const dsl::Definition> definition() {
  static const auto parsed = dsl::parse_definition(kDefinition).definition;
  BOOST_REQUIRE(parsed != nullptr);
  return parsed;
}

// Parses, and plays what could be parsed; how many tests there were.
std::size_t play(const std::string& text) {
  const ParsedTests parsed = parse_tests(text, *definition());
  BOOST_REQUIRE(parsed.ok == parsed.diagnostics.empty());
  BOOST_REQUIRE(parsed.ok || parsed.tests.empty());
  for (const TestCase& test : parsed.tests) {
    const Outcome first = run_test(definition(), test);
    const Outcome again = run_test(definition(), test);
    BOOST_REQUIRE_EQUAL(first.history.size(), again.history.size());
    for (std::size_t i = 0; i < first.history.size(); ++i) {
      BOOST_REQUIRE(equal(first.history[i].event, again.history[i].event));
      BOOST_REQUIRE(first.history[i].at == again.history[i].at);
    }
  }
  return parsed.tests.size();
}

BOOST_AUTO_TEST_CASE(a_whole_file_is_read) { BOOST_CHECK_EQUAL(play(kTests), 2u); }

BOOST_AUTO_TEST_CASE(every_truncated_file_is_read_or_refused) {
  const std::string whole = kTests;
  std::size_t read = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) read += play(whole.substr(0, size));
  BOOST_CHECK_GT(read, 0u);
}

BOOST_AUTO_TEST_CASE(files_with_any_bytes_are_read_or_refused) {
  Random random(1);
  const std::string whole = kTests;
  std::size_t read = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      const std::size_t from = random.below(whole.size());
      switch (random.below(3)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, random.below(20));
          break;
        default:
          text.insert(at, whole.substr(from, random.below(20)));
      }
    }
    read += play(text);
  }
  BOOST_CHECK_GT(read, 100u);
  BOOST_CHECK_LT(read, 5000u);
}

BOOST_AUTO_TEST_CASE(a_file_past_the_limit_is_refused) {
  std::string text = kTests;
  text += "#" + std::string(limits::kDefinitionBytesMax, 'x');
  const ParsedTests parsed = parse_tests(text, *definition());
  BOOST_CHECK(!parsed.ok);
  BOOST_REQUIRE_EQUAL(parsed.diagnostics.size(), 1u);
}

}  // namespace
}  // namespace pawl::rehearsal
