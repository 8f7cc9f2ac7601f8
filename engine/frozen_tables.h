// A group's tables as they are at one moment, copied in slices while the group goes on. A run is
// never edited in place, only replaced (tables.h), so a slice is a list of pointers; what changes
// before its slice is taken is kept for it. Turning runs into bytes is another thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/frozen_dedupe.h"
#include "engine/frozen_map.h"
#include "engine/run_store.h"

namespace pawl::engine {

class Tables;

// A slice. Encoding it may be left to another thread, but let go of it where the tables are: what
// runs share knows one thread only (shared.h).
struct FrozenSlice {
  std::string records;  // whole ones; they stand before the runs
  std::vector<std::pair<Index, KeptRun>> runs;
  std::size_t runs_encoded = 0;
};

// Appends the slice's next records, until there are `bytes_max` or all are there: false then.
bool encode_slice(FrozenSlice* slice, std::size_t bytes_max, std::string* out);

class FrozenTables {
 public:
  // The tables as they are now. They tell `this` of what they change (Tables::freeze).
  explicit FrozenTables(const Tables& tables);

  // Appends the next slice: at most so many runs, and answers until they are so many bytes. False
  // if it was the last one. The first begins with the prologue and the head; the end record is the
  // caller's next: end().
  bool next(std::size_t runs_max, std::size_t bytes_max, FrozenSlice* slice);
  // The last records, once all slices were taken.
  void end(std::string* out) const;

  // The run is about to change, to come (`before` is null then) or to go.
  void run_changes(Index run, const std::shared_ptr<Run>& before) {
    if (!runs_.wants(run)) return;
    runs_.keep(run, before ? std::optional(KeptRun{before, {}}) : std::nullopt);
  }
  FrozenDedupe* dedupe() { return &dedupe_; }

 private:
  const Tables& tables_;
  std::string head_;     // "" once it was taken
  std::string batches_;  // "": nothing is known of any
  std::string limits_;   // likewise
  FrozenMap<Index, KeptRun> runs_;
  FrozenDedupe dedupe_;
  bool runs_taken_ = false;
  std::uint64_t run_count_ = 0;
};

}  // namespace pawl::engine
