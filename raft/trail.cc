#include "raft/trail.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::raft {

std::size_t Trail::run_of(Index index) const {
  PAWL_CHECK(index > floor_.index);
  PAWL_CHECK(index <= last().index);
  // Most questions are about the end of the log.
  if (index >= runs_.back().first) return runs_.size() - 1;
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), index,
                                      [](Index i, const Start& run) { return i < run.first; });
  return static_cast<std::size_t>(after - runs_.begin()) - 1;
}

std::optional<Term> Trail::term_at(Index index) const {
  if (index == floor_.index) return floor_.term;
  if (index < floor_.index || index > last().index) return std::nullopt;
  return runs_[run_of(index)].term;
}

Trail::Run Trail::run_at(Index index) const {
  const std::size_t at = run_of(index);
  const Index end = at + 1 < runs_.size() ? runs_[at + 1].first.prev() : last_;
  return {runs_[at].first, end, runs_[at].term};
}

std::optional<EntryId> Trail::last_not_after(EntryId bound) const {
  EntryId at = last();
  if (at.index > bound.index) {
    const std::optional<Term> term = term_at(bound.index);
    if (!term) return std::nullopt;
    at = {bound.index, *term};
  }
  while (at.term > bound.term) {
    if (at.index == floor_.index) return std::nullopt;
    const Index before = run_at(at.index).first.prev();
    at = {before, *term_at(before)};
  }
  return at;
}

void Trail::append(Term term, std::uint64_t count) {
  PAWL_CHECK(count > 0);
  PAWL_CHECK(term >= last().term);
  PAWL_CHECK(term.v > 0);
  const EntryId end = last();
  if (runs_.empty() || runs_.back().term != term) runs_.push_back({end.index.next(), term});
  last_ = Index(end.index.v + count);
}

void Trail::truncate_from(Index from) {
  PAWL_CHECK(from > floor_.index);
  if (from > last().index) return;
  const std::size_t at = run_of(from);
  runs_.resize(runs_[at].first == from ? at : at + 1);
  last_ = from.prev();
  if (runs_.empty()) last_ = Index(0);
}

void Trail::drop_through(Index through) {
  if (through <= floor_.index) return;
  PAWL_CHECK(through <= last().index);
  const Index end = last().index;
  const std::size_t at = run_of(through);
  floor_ = {through, runs_[at].term};
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(at));
  runs_.front().first = through.next();
  if (run_is_void(0, end)) runs_.erase(runs_.begin());
  if (runs_.empty()) last_ = Index(0);
}

bool Trail::run_is_void(std::size_t at, Index end) const {
  const Index next = at + 1 < runs_.size() ? runs_[at + 1].first : end.next();
  return runs_[at].first >= next;
}

bool Trail::replay(EntryId entry) {
  if (entry.index <= floor_.index || entry.index > last().index.next()) return false;
  if (entry.term.v == 0 || entry.term < *term_at(entry.index.prev())) return false;
  truncate_from(entry.index);
  append(entry.term, 1);
  return true;
}

}  // namespace pawl::raft
