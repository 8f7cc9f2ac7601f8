// The trail of a log: index -> term, roughly how large the entries are (size_trail.h), and which of
// them brought a membership (membership_trail.h); no payloads. Terms never fall along a log, so
// runs of equal terms are kept: a log of a million entries written by three leaders is three pairs.
//
// The floor is the last entry that is gone from the log (a snapshot covers it); its term is still
// known, because the next entry's predecessor must be. A fresh log has the floor {0, 0}.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "raft/membership_trail.h"
#include "raft/size_trail.h"
#include "raft/types.h"

namespace pawl::raft {

class Trail {
 public:
  Trail() = default;
  // `membership`: what the snapshot carries; null: none, or the founders' (Config::voters).
  explicit Trail(EntryId floor, MembershipPtr membership = nullptr)
      : floor_(floor), memberships_(std::move(membership)) {}

  EntryId floor() const { return floor_; }
  // The last entry, or the floor if there is none above it.
  EntryId last() const { return runs_.empty() ? floor_ : EntryId{last_, runs_.back().term}; }
  // Nothing below the floor or past the last entry. O(log runs), O(1) at the end of the log.
  std::optional<Term> term_at(Index index) const;
  bool holds(EntryId id) const { return term_at(id.index) == id.term; }

  // Entries with the term of `index` are [first, last]; `index` is above the floor, not past
  // last().
  struct Run {
    Index first;
    Index last;
    Term term;
  };
  Run run_at(Index index) const;

  // The largest entry with index <= bound.index and term <= bound.term: where two logs may still
  // agree; nothing if that lies below the floor. One call each way skips a whole term (paper 5.3,
  // end).
  std::optional<EntryId> last_not_after(EntryId bound) const;

  // The memberships of this log; the newest is in force.
  const MembershipTrail& memberships() const { return memberships_; }
  // Whether the entry brings a membership; `index` is above the floor.
  bool brings_membership(Index index) const { return memberships_.first_from(index) == index; }
  // The end of what may go in one message that begins with `first`, which is above the floor and
  // not past last(): entries of one term, within `count` and `bytes` (but for the first), and one
  // that brings a membership alone.
  Index batch_end(Index first, std::uint64_t count, std::uint64_t bytes) const;
  // See SizeTrail::bytes.
  std::uint64_t bytes(Index first, Index last) const { return sizes_.bytes(first, last); }

  // Adds `count` entries of `term`, which is not below last().term, each of at most `bytes`.
  void append(Term term, std::uint64_t count, std::uint32_t bytes = 0);
  // Adds one entry that brings a membership.
  void append_membership(Term term, MembershipPtr membership, std::uint32_t bytes = 0);
  // What a group was founded with, if nothing else is known of members before the log.
  void found(MembershipPtr founders) { memberships_.found(std::move(founders)); }
  // Forgets `from` and all after it; `from` is above the floor. Past the end: nothing.
  void truncate_from(Index from);
  // Raises the floor to `through`, which the log holds. Below the floor: nothing.
  void drop_through(Index through);
  // Makes a snapshot's last entry the floor. What the log holds after it is kept if it holds that
  // very entry, else void (dissertation 5.3); says whether it was kept.
  bool install(EntryId last, MembershipPtr membership);

  // For recovery, entry by entry in the journal's order: an index at or below last() truncates
  // first. `membership`: what the entry brings, or null. False, and nothing changed, if the entry
  // fits nowhere (a gap, a falling term, under the floor).
  bool replay(EntryId entry, std::uint32_t bytes = 0, MembershipPtr membership = nullptr);

  friend bool operator==(const Trail&, const Trail&) = default;

 private:
  struct Start {
    Index first;
    Term term;
    friend bool operator==(const Start&, const Start&) = default;
  };
  // The run that holds `index`; `index` is in (floor, last].
  std::size_t run_of(Index index) const;
  // Whether the run begins past its end, `end` being the log's.
  bool run_is_void(std::size_t at, Index end) const;

  EntryId floor_;
  Index last_;               // 0 while runs_ is empty
  std::vector<Start> runs_;  // first and term strictly increasing; runs_[0].first is floor + 1
  SizeTrail sizes_;
  MembershipTrail memberships_;
};

}  // namespace pawl::raft
