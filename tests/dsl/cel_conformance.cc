// Runs cases of the expression language in the form of CEL's conformance suite, one JSON object a
// line:
//
//   cel_conformance FILE...
//
// (conformance_case.h has the form.) Prints what fails, a line a group (the cases' `file`), and
// last "N passed, N failed".
//
// A case passes if the expression gives what it says without the type checker, as the suite has it,
// and if the checker, where it lets the expression through, changes nothing, nor what is evaluated
// ahead (dsl/fold.h): not the result, not the message, and nothing costs more for it. The
// language's own additions are off: what they give a meaning is an error by the specification
// (decision 0058).
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "dsl/expression_tree.h"
#include "tests/dsl/conformance_case.h"

namespace pawl::dsl {
namespace {

using Case = ConformanceCase;

constexpr std::int64_t kCostMax = 1'000'000;

// What came out of one way to run a case.
struct Outcome {
  bool compiled = false;
  std::optional<Value> value;  // none: it failed
  std::string text;
  std::int64_t cost = 0;
};

Outcome outcome(const Case& test, bool check, bool fold) {
  CompileOptions options;
  options.check = check;
  options.fold = fold;
  options.additions = false;
  options.container = test.container;
  const Compiled compiled = compile_with(test.text, test.environment(), options);
  Outcome out;
  if (!compiled.expression) {
    out.text = "error: " + compiled.errors[0].message;
    return out;
  }
  out.compiled = true;
  Evaluation e = evaluate_raw(*compiled.expression, Bindings(test), kCostMax);
  out.cost = e.cost;
  out.text = e.ok ? e.value.debug_string() : "error: " + e.error;
  if (e.ok) out.value = std::move(e.value);
  return out;
}

bool agrees(const Case& test, const Outcome& got) {
  if (!test.value || !got.value) return test.value.has_value() == got.value.has_value();
  return got.value->identical(*test.value);
}

bool run(const Case& test) {
  const Outcome dynamic = outcome(test, false, false), checked = outcome(test, true, true);
  const Outcome folded = outcome(test, false, true);
  const bool right = agrees(test, dynamic);
  const bool same = folded.text == dynamic.text && folded.cost <= dynamic.cost;
  if (right && same && (!checked.compiled || agrees(test, checked))) return true;
  std::cout << "FAIL " << test.group << "/" << test.section << "/" << test.name << "\n     "
            << test.text << "\n     expected "
            << (test.value ? test.value->debug_string() : "an error") << "\n     got "
            << (!right  ? dynamic.text
                : !same ? folded.text + " (folded, " + std::to_string(folded.cost) + " steps for " +
                              std::to_string(dynamic.cost) + ")"
                        : checked.text + " (type-checked)")
            << "\n";
  return false;
}

struct Score {
  int passed = 0;
  int failed = 0;
};

using Scores = std::map<std::string, Score>;

// What is no case fails too, under the group it names if it names one.
void run_line(const std::string& line, const std::string& where, Scores* scores) {
  Case test;
  test.group = "?";
  if (parse_case(line, &test)) {
    Score& score = (*scores)[test.group];
    ++(run(test) ? score.passed : score.failed);
    return;
  }
  std::cout << "FAIL " << where << ": this is no case\n     " << line << "\n";
  ++(*scores)[test.group].failed;
}

// False if the file can't be read.
bool run_file(const char* path, Scores* scores) {
  std::ifstream in(path);
  if (!in) {
    std::cerr << "cel_conformance: can't read " << path << "\n";
    return false;
  }
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    run_line(line, std::string(path) + ":" + std::to_string(number), scores);
  }
  return true;
}

}  // namespace

int run_files(int count, char** paths) {
  Scores scores;
  for (int i = 0; i < count; ++i) {
    if (!run_file(paths[i], &scores)) return 2;
  }
  Score total;
  for (const auto& [group, score] : scores) {
    std::printf("%s: %d passed, %d failed\n", group.c_str(), score.passed, score.failed);
    total.passed += score.passed;
    total.failed += score.failed;
  }
  if (total.passed + total.failed == 0) {
    std::cerr << "cel_conformance: no cases\n";
    return 2;
  }
  std::printf("%d passed, %d failed\n", total.passed, total.failed);
  return total.failed == 0 ? 0 : 1;
}

}  // namespace pawl::dsl

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: cel_conformance FILE...\n";
    return 2;
  }
  return pawl::dsl::run_files(argc - 1, argv + 1);
}
