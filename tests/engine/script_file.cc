#include "script_file.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace pawl::engine {
namespace {

std::vector<ScriptStep> read_script(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<ScriptStep> steps;
  std::string comment;
  int number = 0;
  std::string line;
  while (std::getline(file, line)) {
    ++number;
    if (line.empty() || line[0] == '#') {
      comment += line + "\n";
      continue;
    }
    ScriptStep step;
    step.comment = std::move(comment);
    comment.clear();
    step.command = line;
    step.line = number;
    while (std::getline(file, line) && line != "----") {
      ++number;
      step.body += line + "\n";
    }
    ++number;
    while (std::getline(file, line) && !line.empty()) {
      ++number;
      step.expected += line + "\n";
    }
    ++number;
    steps.push_back(std::move(step));
    comment = "\n";
  }
  return steps;
}

void play(const std::filesystem::path& path, const ScriptPlayer& player) {
  const std::vector<ScriptStep> steps = read_script(path);
  BOOST_REQUIRE_MESSAGE(!steps.empty(), path.string() + " is empty");
  const bool rewrite = std::getenv("PAWL_REWRITE") != nullptr;
  std::string rewritten;
  for (const ScriptStep& step : steps) {
    const std::string actual = player(step);
    BOOST_CHECK_MESSAGE(rewrite || actual == step.expected,
                        path.string() << ":" << step.line << ": " << step.command << "\nexpected:\n"
                                      << step.expected << "but got:\n"
                                      << actual);
    rewritten += step.comment + step.command + "\n" + step.body + "----\n" + actual;
  }
  if (rewrite) std::ofstream(path) << rewritten;
}

}  // namespace

void play_scripts(const std::string& directory, std::size_t at_least,
                  const std::function<ScriptPlayer()>& player) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  BOOST_REQUIRE_GE(paths.size(), at_least);
  for (const auto& path : paths) {
    BOOST_TEST_CONTEXT(path.string()) { play(path, player()); }
  }
}

}  // namespace pawl::engine
