// Runs every script of tests/scripts/raft. PAWL_REWRITE=1 rewrites their expectations; read the
// diff.
#include "tests/raft/script.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pawl::raft {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first line in which two texts differ, with its number.
std::string first_difference(const std::string& want, const std::string& got) {
  std::stringstream a(want);
  std::stringstream b(got);
  std::string x;
  std::string y;
  for (int line = 1;; ++line) {
    const bool more_a = static_cast<bool>(std::getline(a, x));
    const bool more_b = static_cast<bool>(std::getline(b, y));
    if (!more_a && !more_b) return "nothing but a last newline";
    if (!more_a) x = "(end)";
    if (!more_b) y = "(end)";
    if (x != y) return "line " + std::to_string(line) + "\n  want: " + x + "\n  got:  " + y;
  }
}

BOOST_AUTO_TEST_CASE(scripts_print_what_they_expect) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(PAWL_SCRIPTS)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  BOOST_TEST(paths.size() >= 60u);
  const bool rewrite = std::getenv("PAWL_REWRITE") != nullptr;
  for (const std::filesystem::path& path : paths) {
    const std::string want = read(path);
    const std::string got = run_script(want);
    BOOST_TEST(got.find("BROKEN") == std::string::npos, path.filename() << " breaks a rule");
    if (want == got) continue;
    if (rewrite) {
      std::ofstream(path, std::ios::binary) << got;
      BOOST_TEST_MESSAGE("rewrote " << path.filename());
    } else {
      BOOST_ERROR(path.filename() << ", " << first_difference(want, got)
                                  << "\n  rewrite: PAWL_REWRITE=1 raft_test --run_test=scripts*");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_expectation_is_noticed) {
  const std::string right = "group 1\n----\nok\n\ncampaign 1\n----\n" + Script().run("group 1");
  BOOST_TEST(run_script(right) != right);
  BOOST_TEST(run_script(run_script(right)) == run_script(right));
}

BOOST_AUTO_TEST_CASE(bad_commands_say_so) {
  Script script;
  BOOST_TEST(script.run("tick 1 50") == "no group\n");
  BOOST_TEST(script.run("group 0") == "no such group\n");
  BOOST_TEST(script.run("group 2") == "ok\n");
  BOOST_TEST(script.run("fly 1") == "no such command\n");
  BOOST_TEST(script.run("tick 3 50") == "no such command or member\n");
  BOOST_TEST(script.run("deliver some") == "which packets?\n");
}

}  // namespace
}  // namespace pawl::raft
