// Plays a test: starts the run, does what its steps say, and compares what came of it with what was
// expected.
//
// Time stands still but for steps that say how it goes on. Only work takes time by itself: before a
// step, and at the end, time goes on while a task is with a worker or in its back-off, so that
// nobody has to count retries; but not behind a step that has just said what time it is. What else
// is due on the way happens.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/definition.h"
#include "rehearsal/test_case.h"
#include "rehearsal/verdict.h"
#include "rehearsal/virtual_run.h"

namespace pawl::rehearsal {

struct Outcome {
  std::vector<Difference> failures;  // none: the test has passed
  TimeMs began;
  std::vector<HistoryEvent> history;

  bool passed() const { return failures.empty(); }
};

Outcome run_test(std::shared_ptr<const dsl::Definition> definition, const TestCase& test);

}  // namespace pawl::rehearsal
