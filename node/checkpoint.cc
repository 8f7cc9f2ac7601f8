#include "node/checkpoint.h"

#include "base/feature_level.h"
#include "base/limits.h"
#include "engine/decide.h"

namespace pawl::node {

std::optional<Job> checkpoint_due(const Group& group, Index run, Definitions* definitions) {
  const engine::Run* known = group.tables().find(run);
  if (known == nullptr || known->closed()) return std::nullopt;
  // No definition allows less; but what has a `continue` may begin anew at any time.
  const bool small = known->seq.v - known->checkpoint.v < limits::kHistoryEventsMin &&
                     known->history_bytes < limits::kHistoryBytesMin;
  const std::uint16_t level = group.tables().feature_level();
  if (level < (small ? kFlowLevel : kJournalLevel)) return std::nullopt;
  const dsl::Definition* definition = definitions->find(known->workflow(), known->version());
  if (definition == nullptr || !engine::wants_checkpoint(*known, *definition)) return std::nullopt;
  Job job;
  job.run_id = known->id();
  job.run = run;
  job.command = engine::Checkpoint{};
  return job;
}

}  // namespace pawl::node
