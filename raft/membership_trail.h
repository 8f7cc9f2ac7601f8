// The memberships of a log: those its entries brought, and the one in force before them. A part of
// Trail, which keeps it in step with the log.
#pragma once

#include <optional>
#include <vector>

#include "raft/membership.h"

namespace pawl::raft {

class MembershipTrail {
 public:
  // Begins with the membership that a snapshot carries; null: unknown.
  explicit MembershipTrail(MembershipPtr base = nullptr);

  // The newest: the one in force. Never null, but perhaps not known().
  const Membership& current() const { return *entries_.back().membership; }
  // The entry that brought it; 0 if none did that is known.
  Index index() const { return entries_.back().index; }
  // The newest that was brought by an entry at or before `index`, or the base.
  const MembershipPtr& in_force_at(Index index) const;
  // Whether `id` has a vote in the membership in force at `index`, or in a later one.
  bool is_voter_since(Index index, NodeId id) const;
  // The first entry at or past `from`, above the base, that brings one.
  std::optional<Index> first_from(Index from) const;

  // `index` is past index(); `membership` is well formed.
  void append(Index index, MembershipPtr membership);
  void truncate_from(Index from);
  // What a group was founded with becomes the base, if that is unknown.
  void found(MembershipPtr founders);
  // The newest at or before `through` becomes the base.
  void drop_through(Index through);

  friend bool operator==(const MembershipTrail& a, const MembershipTrail& b);

 private:
  struct Entry {
    Index index;
    MembershipPtr membership;
  };
  std::vector<Entry> entries_;  // [0] is the base; indexes strictly increase
};

}  // namespace pawl::raft
