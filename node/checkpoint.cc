#include "node/checkpoint.h"

#include "base/feature_level.h"
#include "base/limits.h"
#include "engine/decide.h"

namespace pawl::node {

std::optional<Job> checkpoint_due(const Group& group, Index run, Definitions* definitions) {
  const engine::Run* known = group.tables().find(run);
  if (known == nullptr || known->closed()) return std::nullopt;
  // No definition allows less: most runs need not be looked up.
  const bool small = known->seq.v - known->checkpoint.v < limits::kHistoryEventsMin &&
                     known->history_bytes < limits::kHistoryBytesMin;
  if (small && !engine::awaits_renewal(*known)) return std::nullopt;
  if (group.tables().feature_level() < kJournalLevel) return std::nullopt;
  const dsl::Definition* definition = definitions->find(known->workflow(), known->version());
  if (definition == nullptr || !engine::wants_checkpoint(*known, *definition)) return std::nullopt;
  Job job;
  job.run_id = known->id();
  job.run = run;
  job.command = engine::Checkpoint{};
  return job;
}

}  // namespace pawl::node
