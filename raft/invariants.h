// What must hold of one member after every step, whatever happened. Tests and the simulator call
// this; the daemon does not. What must hold between members is the harness's to check.
#pragma once

#include <string>

#include "raft/state.h"

namespace pawl::raft {

// Empty if `after` is a possible state and could follow `before` in one step; else which rule is
// broken. For a member that was just restored, `before` is the same state.
std::string check_invariants(const State& before, const State& after);

}  // namespace pawl::raft
