// Runs that continue as new by themselves: once an entry of a run was applied where it was decided,
// its history is held against [history] of its definition. Past that, the next entry of the run
// begins with a run.continued (engine/event_checkpoint.h), and what waits for the run is decided
// behind it. Who leads next looks at the next entry: nothing of this is kept.
#pragma once

#include <optional>

#include "base/ids.h"
#include "node/definitions.h"
#include "node/group.h"
#include "node/job.h"

namespace pawl::node {

// The job that makes the run continue as new, if it is to.
std::optional<Job> checkpoint_due(const Group& group, Index run, Definitions* definitions);

}  // namespace pawl::node
