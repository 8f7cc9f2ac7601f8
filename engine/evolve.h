// The fold: what an event makes of a run. Evaluates nothing, reads no Definition, never fails for a
// reason of its own: an event either fits the run or was not made for it.
#pragma once

#include "base/ids.h"
#include "engine/event.h"
#include "engine/event_bytes.h"
#include "engine/run.h"

namespace pawl::engine {

// Folds one event of an entry stamped `time`: also counts it (seq) and chains it (hash). The first
// event of a run folds into a Run{}. False if it does not fit; then `run` is spoilt.
bool evolve(Run* run, const Event& event, TimeMs time, HashScratch* scratch);

}  // namespace pawl::engine
