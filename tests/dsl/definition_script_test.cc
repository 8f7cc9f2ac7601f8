// Definitions and their diagnostics: tests/scripts/dsl/*.txt, cases of a title, "--- definition",
// the text, "--- expect", what is said about it, "===". In a "--- definition with escapes" \xNN is
// that byte, \\ a backslash, and \{N:TEXT} N times TEXT. PAWL_REWRITE=1 writes what is said now
// into the files; review the difference. messages_test.py sees to it that no message of
// the parser is without a case.

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
  std::string written;  // as it stands in the script
  std::string expected;
  bool escaped = false;
  int line = 0;
};

constexpr std::string_view kEscaped = "--- definition with escapes";

std::string unescaped(std::string_view text);

// What one escape behind a backslash stands for; *rest is then behind it.
std::string take_escape(std::string_view* rest) {
  if (rest->starts_with('x')) {
    const std::string digits(rest->substr(1, 2));
    rest->remove_prefix(3);
    return {static_cast<char>(std::stoi(digits, nullptr, 16))};
  }
  if (!rest->starts_with('{')) {
    const std::string plain(rest->substr(0, 1));
    rest->remove_prefix(1);
    return plain;
  }
  const std::size_t colon = rest->find(':');
  const std::size_t close = rest->find('}', colon);
  BOOST_REQUIRE(close != std::string_view::npos);
  const int times = std::stoi(std::string(rest->substr(1, colon - 1)));
  const std::string once = unescaped(rest->substr(colon + 1, close - colon - 1));
  rest->remove_prefix(close + 1);
  std::string out;
  for (int i = 0; i < times; ++i) out += once;
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    out += c == '\\' ? take_escape(&text) : std::string(1, c);
  }
  return out;
}

std::string definition_of(const Case& c) { return c.escaped ? unescaped(c.written) : c.written; }

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  Case one;
  std::string* into = &one.title;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line == "--- definition" || line == kEscaped) {
      into = &one.written;
      one.escaped = line == kEscaped;
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
    file << c.title << (c.escaped ? kEscaped : "--- definition") << "\n"
         << c.written << "--- expect\n"
         << describe(definition_of(c)) << "===\n";
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
          BOOST_CHECK_EQUAL(describe(definition_of(c)), c.expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace pawl::dsl
