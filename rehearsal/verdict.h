// Compares what a test expects with what has happened.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dsl/value.h"
#include "rehearsal/test_case.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

// Why a test has failed: a sentence, or what was expected beside what is.
struct Difference {
  std::string at;    // "step 2, line 14"
  std::string what;  // "path", or a sentence
  std::string hint;  // may be empty
  std::optional<dsl::Value> expected, actual;
};

// Everything that is not as expected; `at` is the caller's to fill in.
std::vector<Difference> compare(const Expectation& expected, const VirtualRun& run, TimeMs began);

}  // namespace pawl::rehearsal
