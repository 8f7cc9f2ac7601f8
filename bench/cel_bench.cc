// How long an evaluation of each conformance case takes, compiled once and evaluated as the engine
// does it. bench/cel_js.py runs it in turn with an evaluator in JavaScript, over pipes:
//
//   cel_bench [--unfolded] FILE...
//                          prints the numbers of the cases that give their value, [0,2,3...]
//   then, for each line of standard input,
//   cases N N N...         from now on these alone
//   warm MICROSECONDS      finds how many evaluations of each take so long; prints []
//   round                  evaluates each so many times; prints ns an evaluation, [12.5,...]
//
// Where the engine refuses a result that is right (a type, an optional: they can't be stored) or
// the type checker an expression, the case runs as the conformance test runs it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "dsl/expression_tree.h"
#include "tests/dsl/conformance_case.h"

namespace pawl::dsl {
namespace {

constexpr std::int64_t kCostMax = 1'000'000;
constexpr std::int64_t kBatchMax = 1 << 20;

// evaluate() or evaluate_raw().
using Evaluate = Evaluation (*)(const Expression&, const Scope&, std::int64_t);

// A case that gives its value.
struct Supported {
  std::size_t number = 0;
  ConformanceCase test;
  std::shared_ptr<const Expression> expression;
  Evaluate evaluate = nullptr;
  std::int64_t count = 1;  // evaluations a round
};

bool gives_value(const ConformanceCase& test, const CompileOptions& options, Evaluate evaluate,
                 Supported* out) {
  const Compiled compiled = compile_with(test.text, test.environment(), options);
  if (!compiled.expression) return false;
  const Evaluation e = evaluate(*compiled.expression, Bindings(test), kCostMax);
  if (!e.ok || !e.value.identical(*test.value)) return false;
  out->test = test;
  out->expression = compiled.expression;
  out->evaluate = evaluate;
  return true;
}

bool support(const ConformanceCase& test, bool fold, Supported* out) {
  if (!test.value) return false;
  CompileOptions options;
  options.container = test.container;
  options.fold = fold;
  if (gives_value(test, options, &evaluate, out)) return true;
  options.check = options.additions = false;
  return gives_value(test, options, &evaluate_raw, out);
}

double now_ns() {
  const auto t = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::nano>(t).count();
}

// ns of `count` evaluations.
double took_ns(const Supported& x, std::int64_t count) {
  const Bindings bindings(x.test);
  const double start = now_ns();
  for (std::int64_t i = 0; i < count; ++i) {
    const Evaluation e = x.evaluate(*x.expression, bindings, kCostMax);
    if (!e.ok) std::abort();
  }
  return now_ns() - start;
}

// How many evaluations fill `enough_ns`, by the quickest of ever more: one that was interrupted
// says nothing.
std::int64_t count_for(const Supported& x, double enough_ns) {
  double best = enough_ns;
  for (std::int64_t count = 1; count <= kBatchMax; count *= 2) {
    const double took = took_ns(x, count);
    best = std::min(best, took / static_cast<double>(count));
    if (took >= enough_ns && static_cast<double>(count) * best >= enough_ns / 4) break;
  }
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(enough_ns / best));
}

class Bench {
 public:
  explicit Bench(bool fold) : fold_(fold) {}

  bool read(const char* path) {
    std::ifstream in(path);
    if (!in) return false;
    for (std::string line; std::getline(in, line); ++lines_) {
      ConformanceCase test;
      Supported supported;
      if (!parse_case(line, &test) || !support(test, fold_, &supported)) continue;
      supported.number = lines_;
      cases_.push_back(std::move(supported));
    }
    return true;
  }

  void print_numbers() const {
    std::string out;
    for (const Supported& x : cases_) out += (out.empty() ? "" : ",") + std::to_string(x.number);
    std::cout << "[" << out << "]" << std::endl;
  }

  void keep(std::istream& numbers) {
    std::vector<Supported> kept;
    for (std::size_t number = 0; numbers >> number;) {
      for (Supported& x : cases_) {
        if (x.number == number && x.expression != nullptr) kept.push_back(std::move(x));
      }
    }
    cases_ = std::move(kept);
  }

  void warm(double enough_us) {
    for (Supported& x : cases_) x.count = count_for(x, enough_us * 1000);
    std::cout << "[]" << std::endl;
  }

  void round() const {
    std::string out;
    for (const Supported& x : cases_) {
      char text[32];
      std::snprintf(text, sizeof text, "%.2f", took_ns(x, x.count) / static_cast<double>(x.count));
      out += (out.empty() ? "" : ",") + std::string(text);
    }
    std::cout << "[" << out << "]" << std::endl;
  }

 private:
  const bool fold_;
  std::size_t lines_ = 0;
  std::vector<Supported> cases_;
};

int serve(int count, char** paths) {
  const bool fold = std::string_view(paths[0]) != "--unfolded";
  Bench bench(fold);
  for (int i = fold ? 0 : 1; i < count; ++i) {
    if (bench.read(paths[i])) continue;
    std::cerr << "cel_bench: can't read " << paths[i] << "\n";
    return 2;
  }
  bench.print_numbers();
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    double enough_us = 0;
    words >> verb;
    if (verb == "cases") {
      bench.keep(words);
    } else if (verb == "warm" && words >> enough_us) {
      bench.warm(enough_us);
    } else if (verb == "round") {
      bench.round();
    } else {
      std::cerr << "cel_bench: what is `" << line << "`?\n";
      return 2;
    }
  }
  return 0;
}

}  // namespace
}  // namespace pawl::dsl

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: cel_bench [--unfolded] FILE...\n";
    return 2;
  }
  return pawl::dsl::serve(argc - 1, argv + 1);
}
