// What a difference says must turn the first text into the second: held for random texts, of few
// different lines, so that much is alike.
#include "cli/line_diff.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <vector>

#include "base/random.h"

namespace pawl::cli {
namespace {

BOOST_AUTO_TEST_SUITE(line_diffs)

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

// Applies the hunks; "wrong" if a line that must be there is not.
std::string patched(const std::string& before, const std::string& diff) {
  const std::vector<std::string> old = split(before);
  std::string out;
  std::size_t at = 0;
  const std::vector<std::string> lines = split(diff);
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("@@")) {
      unsigned first = 0, count = 1;
      std::sscanf(line.c_str(), "@@ -%u,%u", &first, &count);
      const std::size_t to = count == 0 ? first : first - 1;
      while (at < to && at < old.size()) out += old[at++];
      continue;
    }
    if (line.starts_with("\\")) continue;
    std::string text = line.substr(1);
    if (i + 1 < lines.size() && lines[i + 1].starts_with("\\")) text.pop_back();
    if (line[0] != '+' && (at >= old.size() || old[at] != text)) return "wrong";
    if (line[0] != '+') ++at;
    if (line[0] != '-') out += text;
  }
  while (at < old.size()) out += old[at++];
  return out;
}

std::string random_text(Random* random) {
  std::string out;
  for (std::uint64_t n = random->below(30); n > 0; --n) {
    out += std::string(1, static_cast<char>('a' + random->below(4))) + "\n";
  }
  if (!out.empty() && random->below(4) == 0) out.pop_back();
  return out;
}

BOOST_AUTO_TEST_CASE(as_diff_writes_it) {
  BOOST_TEST(line_diff("a\n", "a\n", "x", "y") == "");
  BOOST_TEST(line_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nn\n9\n", "x", "y") ==
             "--- x\n+++ y\n@@ -6,4 +6,5 @@\n 6\n 7\n 8\n+n\n 9\n");
  BOOST_TEST(line_diff("", "a\nb\n", "x", "y") == "--- x\n+++ y\n@@ -0,0 +1,2 @@\n+a\n+b\n");
  BOOST_TEST(line_diff("a", "", "x", "y") ==
             "--- x\n+++ y\n@@ -1 +0,0 @@\n-a\n\\ No newline at end of file\n");
}

BOOST_AUTO_TEST_CASE(applied_it_gives_the_second_text) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    Random random(seed);
    const std::string before = random_text(&random), after = random_text(&random);
    for (const int steps : {0, 3, 1000}) {
      const std::string diff = line_diff(before, after, "x", "y", steps);
      BOOST_REQUIRE_MESSAGE(patched(before, diff) == after, "seed " << seed << "\n" << diff);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::cli
