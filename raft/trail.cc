#include "raft/trail.h"

#include <algorithm>

#include "base/check.h"
#include "raft/planted.h"

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

Index Trail::batch_end(Index first, std::uint64_t count, std::uint64_t bytes) const {
  PAWL_CHECK(count > 0);
  Index end = std::min(run_at(first).last, Index(first.v + count - 1));
  if (const std::optional<Index> change = memberships_.first_from(first)) {
    end = *change == first ? first : std::min(end, change->prev());
  }
  return sizes_.through_within(first, end, bytes);
}

void Trail::append_membership(Term term, MembershipPtr membership, std::uint32_t bytes) {
  append(term, 1, bytes);
  memberships_.append(last_, std::move(membership));
}

void Trail::append(Term term, std::uint64_t count, std::uint32_t bytes) {
  PAWL_CHECK(count > 0);
  PAWL_CHECK(term >= last().term);
  PAWL_CHECK(term.v > 0);
  const EntryId end = last();
  sizes_.append(end.index.next(), count, bytes);
  if (runs_.empty() || runs_.back().term != term) runs_.push_back({end.index.next(), term});
  last_ = Index(end.index.v + count);
}

void Trail::truncate_from(Index from) {
  PAWL_CHECK(from > floor_.index);
  if (from > last().index) return;
  sizes_.truncate_from(from);
  if (!planted(Bug::keep_cut_membership)) memberships_.truncate_from(from);
  const std::size_t at = run_of(from);
  runs_.resize(runs_[at].first == from ? at : at + 1);
  last_ = from.prev();
  if (runs_.empty()) last_ = Index(0);
}

void Trail::drop_through(Index through) {
  if (through <= floor_.index) return;
  PAWL_CHECK(through <= last().index);
  const Index end = last().index;
  sizes_.drop_through(through, end);
  memberships_.drop_through(through);
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

bool Trail::install(EntryId last, MembershipPtr membership) {
  PAWL_CHECK(last.index > floor_.index);
  if (holds(last)) {
    drop_through(last.index);
    return true;
  }
  *this = Trail(last, std::move(membership));
  return false;
}

bool Trail::replay(EntryId entry, std::uint32_t bytes, MembershipPtr membership) {
  if (entry.index <= floor_.index || entry.index > last().index.next()) return false;
  if (entry.term.v == 0 || entry.term < *term_at(entry.index.prev())) return false;
  if (membership != nullptr && !well_formed(*membership)) return false;
  truncate_from(entry.index);
  if (membership != nullptr) {
    append_membership(entry.term, std::move(membership), bytes);
  } else {
    append(entry.term, 1, bytes);
  }
  return true;
}

}  // namespace pawl::raft
