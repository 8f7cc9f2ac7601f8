// What is declared and not used, and what could wait for ever: warnings.
#pragma once

#include "dsl/parse_context.h"

namespace pawl::dsl {

// A task that no timeout of its own, no timer and no bound of the run ends: a lease alone can be
// renewed for ever. `place` is that of its `task` key.
void check_wait(const State& state, Place place, const ParseContext& context);

// Signals nobody takes, retry policies and task types nobody uses. To be called when all states are
// parsed.
void check_unused(const ParseContext& context);

}  // namespace pawl::dsl
