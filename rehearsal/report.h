// How a test that failed reads: what, where, what was expected beside what is.
#pragma once

#include <string>

#include "codecs/json.h"
#include "rehearsal/rehearsal.h"

namespace pawl::rehearsal {

// The failures of a test, indented.
std::string failures_text(const Outcome& outcome);

// {"file", "name", "ok", "failures": [...], "history"?: [EVENT]}
struct ReportedTest {
  const std::string& file;
  const std::string& name;
  const Outcome& outcome;
  bool history = false;
};
void append_test(const ReportedTest& test, std::string* out);

}  // namespace pawl::rehearsal
