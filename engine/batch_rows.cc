#include "engine/batch_rows.h"

#include "base/limits_batches.h"

namespace pawl::engine {

bool BatchRows::apply(const BatchStep& step) {
  if (step.batch <= forgotten_) return false;
  if (step.what == BatchStep::What::forget) {
    for (const auto& [id, row] : rows_) {
      if (id <= step.batch && !row.done) return false;
    }
    std::erase_if(rows_, [&](const auto& row) { return row.first <= step.batch; });
    forgotten_ = step.batch;
    return true;
  }
  const auto at = rows_.find(step.batch);
  if (at == rows_.end() && rows_.size() >= limits::kBatchesSpanMax) return false;
  const BatchRow before = at == rows_.end() ? BatchRow{} : at->second;
  if (before.done || step.through < before.through) return false;
  // A run that was changed is behind all that were met.
  if (step.counts.changed > 0 && step.through == before.through) return false;
  BatchRow& row = rows_[step.batch];
  row.through = step.through;
  row.counts.add(step.counts);
  row.done = step.what == BatchStep::What::done;
  return true;
}

const BatchRow* BatchRows::find(BatchId batch) const {
  const auto at = rows_.find(batch);
  return at == rows_.end() ? nullptr : &at->second;
}

bool BatchRows::is_done(BatchId batch) const {
  const BatchRow* row = find(batch);
  return batch <= forgotten_ || (row != nullptr && row->done);
}

}  // namespace pawl::engine
