// Where the histories begin that runs still have, and which older generation is forgotten next. A
// run that never continued as new needs the journal from its own first entry on and is not in here;
// of the others, a generation's history is closed when the next one begins, and its retention is
// counted from then on.
//
// Derived from the runs (Run::older), like every index of the tables. Few runs are in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/ids.h"
#include "engine/run_parts.h"
#include "engine/run_store.h"

namespace pawl::engine {

// An older generation, waiting for the end of its retention.
struct ClosedGeneration {
  TimeMs closed_at;
  Index run;
  std::uint32_t number = 0;
  friend auto operator<=>(const ClosedGeneration&, const ClosedGeneration&) = default;
};

// What a run says of its generations.
struct KeptHistory {
  Index first_entry;                  // of the present generation; 0: the run's own
  std::span<const Generation> older;  // oldest first

  // 0: the run's own first entry.
  Index oldest_entry() const { return older.empty() ? first_entry : older.front().first_entry; }
};
KeptHistory history_of(const Run* run);  // null: of a run that is not there

class Generations {
 public:
  using Version = std::pair<std::string, std::uint32_t>;
  using ByVersion = std::map<Version, std::set<ClosedGeneration>>;

  // The run's generations were `before` and are `after`; both are empty for a run that is not
  // there.
  void replace(Index run, const Version& version, const KeptHistory& before,
               const KeptHistory& after);

  // By (workflow, version), in the order in which they closed.
  const ByVersion& by_version() const { return by_version_; }
  // The first entry that the run's history has, of all its generations that are kept.
  Index oldest_entry(Index run) const;
  // The same of all runs; absent if there are none.
  std::optional<Index> oldest_entry(const RunStore& runs) const;

  friend bool operator==(const Generations& a, const Generations& b) {
    return a.by_version_ == b.by_version_ && a.begins_ == b.begins_ && a.oldest_ == b.oldest_;
  }

 private:
  void insert(Index run, const Version& version, const Generation& generation);
  void erase(Index run, const Version& version, const Generation& generation);

  ByVersion by_version_;
  std::map<Index, Index> begins_;  // by run, of those that do not begin with themselves
  std::set<Index> oldest_;         // the entries in it
  // No run before this one begins with itself. A run that does is never so again once it does not,
  // and new runs come behind all others.
  mutable Index begins_itself_from_;
};

}  // namespace pawl::engine
