// Any bytes as the tests of a definition: never a crash, never a hang; what is accepted is played.

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/limits.h"
#include "rehearsal/coverage.h"
#include "rehearsal/parse_tests.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/report.h"

namespace {

constexpr const char* kDefinition = R"toml(
dsl = 1
name = "w"
start = "work"
on_cancel = "late"
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
on.go = { next = "done", save.y = "= signal" }
after."1h" = { next = "late" }
moves = ["done"]
[state.late]
end = "failed"
[state.done]
end = "completed"
output = "= vars.x"
)toml";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl;
  static const auto definition = dsl::parse_definition(kDefinition).definition;
  PAWL_CHECK(definition != nullptr);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const rehearsal::ParsedTests parsed = rehearsal::parse_tests(text, *definition);
  PAWL_CHECK(parsed.ok == parsed.diagnostics.empty());
  PAWL_CHECK(static_cast<int>(parsed.diagnostics.size()) <= limits::kDiagnosticsMax);
  for (const dsl::Diagnostic& d : parsed.diagnostics) dsl::render(d, "fuzz.test.toml");
  rehearsal::Coverage coverage(definition);
  for (const rehearsal::TestCase& test : parsed.tests) {
    const rehearsal::Outcome outcome = rehearsal::run_test(definition, test);
    coverage.add(outcome.history);
    rehearsal::failures_text(outcome);
  }
  return 0;
}
