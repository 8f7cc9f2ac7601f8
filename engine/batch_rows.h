// What a group of runs knows of batches (batch.h): how far it is with each, and what became of the
// runs it has met. Part of its tables, and changed by the very entries that change the runs: so a
// run is met once, whoever leads the group.
//
//   no row --step--> open, through an index --step ...--> --done--> done --forget--> gone
//
// A group is done with what it has forgotten.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"

namespace pawl::engine {

// Of kBatchLevel; in an entry with the events of the run at `through`, or by itself.
struct BatchStep {
  enum class What : std::uint8_t { met, done, forget };
  BatchId batch;
  What what = What::met;
  Index through;       // runs up to here were met, or were none of the batch's
  BatchCounts counts;  // of those behind the step before
  friend bool operator==(const BatchStep&, const BatchStep&) = default;
};

void encode_batch_steps(const std::vector<BatchStep>& steps, std::string* out);
// False if malformed.
bool decode_batch_steps(std::string_view bytes, std::vector<BatchStep>* steps);

struct BatchRow {
  Index through;
  bool done = false;
  BatchCounts counts;
  friend bool operator==(const BatchRow&, const BatchRow&) = default;
};

class BatchRows {
 public:
  // A fold. False, and nothing changed: a step back, of a batch that is done or forgotten, or one
  // more than limits::kBatchesSpanMax.
  bool apply(const BatchStep& step);

  bool empty() const { return rows_.empty() && forgotten_.v == 0; }
  // Null: nothing was done yet, or it is forgotten.
  const BatchRow* find(BatchId batch) const;
  bool is_done(BatchId batch) const;
  const std::map<BatchId, BatchRow>& all() const { return rows_; }
  // The last that it heard of.
  BatchId last() const { return rows_.empty() ? forgotten_ : rows_.rbegin()->first; }

  // A snapshot's record.
  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);
  friend bool operator==(const BatchRows&, const BatchRows&) = default;

 private:
  std::map<BatchId, BatchRow> rows_;
  BatchId forgotten_;  // up to here
};

}  // namespace pawl::engine
