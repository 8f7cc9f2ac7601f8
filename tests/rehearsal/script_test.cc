// Definitions, their tests, and what `pawl test --coverage` says of them: tests/scripts/rehearsal/
// NAME.txt holds a definition, a line ----, its tests, a line ----, and what is said.
// The history is shown of tests that are called "what happens ...". PAWL_REWRITE=1 writes what is
// said now into the files; review the difference.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "rehearsal/chronicle.h"
#include "rehearsal/coverage.h"
#include "rehearsal/parse_tests.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/report.h"
#include "replay_check.h"

namespace pawl::rehearsal {
namespace {

const std::string kLine = "----\n";

struct Script {
  std::string definition, tests, said;
};

Script read_script(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream stream;
  stream << file.rdbuf();
  const std::string text = stream.str();
  const std::size_t first = text.find("\n" + kLine), second = text.find("\n" + kLine, first + 1);
  BOOST_REQUIRE_MESSAGE(second != std::string::npos, path << " has not two lines ----");
  return {text.substr(0, first + 1),
          text.substr(first + 1 + kLine.size(), second - first - kLine.size()),
          text.substr(second + 1 + kLine.size())};
}

std::string say(const Script& script) {
  const dsl::ParsedDefinition parsed = dsl::parse_definition(script.definition);
  std::string out;
  for (const dsl::Diagnostic& d : parsed.diagnostics) out += dsl::render(d, "x.toml");
  if (parsed.definition == nullptr) return out;
  const ParsedTests tests = parse_tests(script.tests, *parsed.definition);
  for (const dsl::Diagnostic& d : tests.diagnostics) out += dsl::render(d, "x.test.toml");
  if (!tests.ok) return out;
  Coverage coverage(parsed.definition);
  for (const TestCase& test : tests.tests) {
    const Outcome outcome = run_test(parsed.definition, test);
    coverage.add(outcome.history);
    check_replay(outcome.history, parsed.definition);
    out += (outcome.passed() ? "ok   " : "FAIL ") + test.name + "\n" + failures_text(outcome);
    if (test.name.find("what happens") != std::string::npos) {
      out += history_text(outcome.history, outcome.began);
    }
  }
  return out + coverage_text(coverage, parsed.definition->name);
}

BOOST_AUTO_TEST_CASE(scripts_say_what_they_say) {
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/scripts/rehearsal")) {
    const Script script = read_script(entry.path());
    const std::string said = say(script);
    ++scripts;
    if (std::getenv("PAWL_REWRITE") != nullptr) {
      std::ofstream(entry.path()) << script.definition << kLine << script.tests << kLine << said;
    } else {
      BOOST_CHECK_MESSAGE(said == script.said, entry.path() << " says:\n"
                                                            << said << "instead of:\n"
                                                            << script.said);
    }
  }
  BOOST_CHECK_GE(scripts, 5);
}

}  // namespace
}  // namespace pawl::rehearsal
