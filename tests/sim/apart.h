// A storm in a process of its own, so that a CHECK that stops it is a failure like any other.
#pragma once

#include "tests/sim/storm.h"

namespace pawl::sim {

// As run_storm(); `failure` is what the process said last if it was stopped by a signal.
StormResult run_storm_apart(const StormOptions& options);

}  // namespace pawl::sim
