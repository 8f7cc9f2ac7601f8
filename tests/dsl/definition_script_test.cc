// Definitions and their diagnostics: tests/scripts/dsl/*.txt, cases of a title, "--- definition",
// the text, "--- expect", what is said about it, "===". PAWL_REWRITE=1 writes what is said now into
// the files; review the difference.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "dsl/definition.h"

namespace pawl::dsl {
namespace {

struct Case {
  std::string title;
  std::string definition;
  std::string expected;
  int line = 0;
};

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  Case one;
  std::string* into = &one.title;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line == "--- definition") {
      into = &one.definition;
    } else if (line == "--- expect") {
      into = &one.expected;
    } else if (line == "===") {
      cases.push_back(std::move(one));
      one = Case();
      into = &one.title;
    } else {
      if (into == &one.title) one.line = number;
      *into += line + "\n";
    }
  }
  BOOST_REQUIRE_MESSAGE(into == &one.title && one.title.empty(),
                        path + ": the last case has no ===");
  return cases;
}

std::string describe(const std::string& text) {
  const ParsedDefinition parsed = parse_definition(text);
  std::string out;
  for (const Diagnostic& d : parsed.diagnostics) out += render(d, "test.toml");
  out += parsed.definition ? "accepted\n" : "refused\n";
  if (parsed.definition) {
    const ParsedDefinition again = parse_definition(parsed.definition->canonical);
    BOOST_CHECK(again.definition && again.definition->canonical == parsed.definition->canonical);
  }
  return out;
}

void write_cases(const std::string& path, const std::vector<Case>& cases) {
  std::ofstream file(path);
  for (const Case& c : cases) {
    file << c.title << "--- definition\n"
         << c.definition << "--- expect\n"
         << describe(c.definition) << "===\n";
  }
}

BOOST_AUTO_TEST_CASE(definition_scripts) {
  std::set<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator("tests/scripts/dsl")) {
    paths.insert(entry.path().string());
  }
  BOOST_REQUIRE(!paths.empty());
  for (const std::string& path : paths) {
    const std::vector<Case> cases = read_cases(path);
    BOOST_CHECK_MESSAGE(!cases.empty(), path + " has no cases");
    if (std::getenv("PAWL_REWRITE") != nullptr) write_cases(path, cases);
    for (const Case& c : cases) {
      BOOST_TEST_CONTEXT(path << ":" << c.line << ": " << c.title) {
        if (std::getenv("PAWL_REWRITE") == nullptr) {
          BOOST_CHECK_EQUAL(describe(c.definition), c.expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace pawl::dsl
