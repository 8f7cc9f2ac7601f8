// A test file, checked against the definition it belongs to: any bytes at all may come in, and all
// that is wrong with it is told at once, as for a definition.
#pragma once

#include <string_view>
#include <vector>

#include "dsl/definition.h"
#include "dsl/diagnostic.h"
#include "rehearsal/test_case.h"

namespace pawl::rehearsal {

struct ParsedTests {
  bool ok = false;  // no errors; `tests` is empty otherwise
  std::vector<TestCase> tests;
  std::vector<dsl::Diagnostic> diagnostics;  // by position
  int suppressed = 0;                        // beyond limits::kDiagnosticsMax
};

ParsedTests parse_tests(std::string_view text, const dsl::Definition& definition);

// 2026-01-05T09:00:00Z, a Monday: when a test begins that says nothing else.
inline constexpr TimeMs kTestBegins{1'767'603'600'000};

}  // namespace pawl::rehearsal
