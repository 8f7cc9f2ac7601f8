// What a worker holds: a token names the run, the step and the attempt, so any box can route an
// outcome, and an outcome of an older attempt is told from the newest one's. No secret is in it:
// who may answer tasks is decided by the caller's role.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "engine/command.h"

namespace pawl::engine {

struct StepToken {
  RunUid run;
  StepId step;
  std::uint32_t attempt = 0;
  friend bool operator==(const StepToken&, const StepToken&) = default;
};

// "GROUP-INDEX.STEP.ATTEMPT" in lower-case hexadecimal; safe in a path.
std::string to_string(const StepToken& token);
// False on anything to_string would not print.
bool parse_step_token(std::string_view text, StepToken* token);

}  // namespace pawl::engine
