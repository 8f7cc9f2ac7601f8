// Scripts of expressions and what they give: tests/scripts/cel/*.txt. A line
//
//   expression => value       or       expression => error: message       (at run time)
//   expression => compile error: offset+length message (hint); ...
//
// `#` begins a comment, and blank lines are kept. With PAWL_REWRITE=1 in the environment what is
// behind each arrow is written anew: review the diff. Tests run in the root of the source tree.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "dsl/expression.h"
#include "tests/dsl/expression_scope.h"

namespace pawl::dsl {
namespace {

constexpr std::string_view kArrow = " => ";

std::string outcome(std::string_view text) {
  const Compiled compiled = compile(text, sample_environment());
  if (!compiled.errors.empty()) {
    std::string out = "compile error:";
    for (const ExpressionError& e : compiled.errors) {
      out += (out.back() == ':' ? " " : "; ") + std::to_string(e.offset) + "+" +
             std::to_string(e.length) + " " + e.message +
             (e.hint.empty() ? "" : " (" + e.hint + ")");
    }
    return out;
  }
  const Evaluation e = evaluate(*compiled.expression, SampleScope(), 1'000'000);
  return e.ok ? e.value.debug_string() : "error: " + e.error;
}

// The script with all outcomes as they are now.
std::string replay(const std::filesystem::path& path, int* expressions) {
  std::ifstream in(path);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const std::size_t arrow = line.rfind(kArrow);
    if (line.empty() || line[0] == '#' || arrow == std::string::npos) {
      out += line + "\n";
      continue;
    }
    ++*expressions;
    const std::string expression = line.substr(0, arrow);
    out += expression + std::string(kArrow) + outcome(expression) + "\n";
  }
  return out;
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The first line that differs, both ways.
std::string first_difference(const std::string& was, const std::string& is) {
  const auto [a, b] = std::mismatch(was.begin(), was.end(), is.begin(), is.end());
  const auto begin = static_cast<std::size_t>(a - was.begin());
  const std::size_t line = was.rfind('\n', begin == 0 ? 0 : begin - 1);
  const std::size_t from = line == std::string::npos ? 0 : line + 1;
  return "expected  " + was.substr(from, was.find('\n', begin) - from) + "\n     got  " +
         is.substr(from, is.find('\n', begin) - from);
}

BOOST_AUTO_TEST_CASE(scripts) {
  const std::filesystem::path folder = "tests/scripts/cel";
  BOOST_REQUIRE_MESSAGE(std::filesystem::is_directory(folder),
                        "run me in the root of the source tree");
  const char* rewrite = std::getenv("PAWL_REWRITE");
  int expressions = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    const std::string was = read_all(entry.path());
    const std::string is = replay(entry.path(), &expressions);
    if (was == is) continue;
    if (rewrite != nullptr && std::string_view(rewrite) == "1") {
      std::ofstream(entry.path()) << is;
      continue;
    }
    BOOST_ERROR(entry.path() << "\n"
                             << first_difference(was, is) << "\n     PAWL_REWRITE=1 accepts it");
  }
  BOOST_TEST(expressions > 300);
}

}  // namespace
}  // namespace pawl::dsl
