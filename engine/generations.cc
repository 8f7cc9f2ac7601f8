#include "engine/generations.h"

#include <algorithm>

#include "base/check.h"
#include "engine/run.h"

namespace pawl::engine {

KeptHistory history_of(const Run* run) {
  return run == nullptr ? KeptHistory() : KeptHistory{run->first_entry, *run->older};
}

void Generations::insert(Index run, const Version& version, const Generation& generation) {
  by_version_[version].insert({generation.closed_at, run, generation.number});
}

void Generations::erase(Index run, const Version& version, const Generation& generation) {
  const auto at = by_version_.find(version);
  PAWL_CHECK(at != by_version_.end());
  PAWL_CHECK(at->second.erase({generation.closed_at, run, generation.number}) == 1);
  if (at->second.empty()) by_version_.erase(at);
}

// Both lists are sorted by number: one pass finds what is gone and what is new.
void Generations::replace(Index run, const Version& version, const KeptHistory& before,
                          const KeptHistory& after) {
  const bool same_list =
      before.older.data() == after.older.data() && before.older.size() == after.older.size();
  if (same_list && before.first_entry == after.first_entry) return;
  auto b = before.older.begin(), a = after.older.begin();
  while (b != before.older.end() || a != after.older.end()) {
    const bool only_before =
        a == after.older.end() || (b != before.older.end() && b->number < a->number);
    const bool only_after =
        b == before.older.end() || (a != after.older.end() && a->number < b->number);
    if (only_before) erase(run, version, *b);
    if (only_after) insert(run, version, *a);
    if (!only_after) ++b;
    if (!only_before) ++a;
  }
  const Index was = before.oldest_entry(), is = after.oldest_entry();
  if (was == is) return;
  if (was.v > 0 && was != run) {
    begins_.erase(run);
    PAWL_CHECK(oldest_.erase(was) == 1);
  }
  if (is.v > 0 && is != run) {
    begins_[run] = is;
    PAWL_CHECK(oldest_.insert(is).second);
  }
}

Index Generations::oldest_entry(Index run) const {
  const auto at = begins_.find(run);
  return at == begins_.end() ? run : at->second;
}

std::optional<Index> Generations::oldest_entry(const RunStore& runs) const {
  if (runs.empty()) return std::nullopt;
  Index itself = begins_itself_from_.v == 0 ? runs.first() : begins_itself_from_;
  if (!runs.contains(itself)) itself = runs.after(itself);
  while (itself.v > 0 && begins_.contains(itself)) itself = runs.after(itself);
  begins_itself_from_ = itself.v > 0 ? itself : runs.last();
  if (itself.v == 0) return *oldest_.begin();
  return oldest_.empty() ? itself : std::min(itself, *oldest_.begin());
}

}  // namespace pawl::engine
