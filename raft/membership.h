// Who belongs to a group (dissertation chapter 4, joint consensus in the form of 4.3).
//
// | membership                 | entry appended                    | membership            |
// |----------------------------|-----------------------------------|-----------------------|
// | voters V, learners L       | change to the same V, learners L2 | V, L2                 |
// | voters V, learners L       | change to voters W, learners L2   | W joint with V        |
// | W joint with V, committed  | the leader leaves it by itself    | W, L2                 |
// | any                        | its entry is cut from the log     | the one before        |
//
// While two sets of voters are joint, an election, a commit and a read need a majority of each. A
// membership is in force on a member from the moment its log holds the entry, committed or not.
// Learners are sent everything and never counted; one who is still a voter of the old set becomes a
// learner when the joint membership is left (learners_next), so that nobody is both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "raft/types.h"

namespace pawl::raft {

// A value; shared, never changed, once it stands in a log. Each list is sorted and unique.
struct Membership {
  std::vector<NodeId> voters;    // empty: nothing is known (a box that joins)
  std::vector<NodeId> outgoing;  // not empty: joint with these, the voters of before
  std::vector<NodeId> learners;
  std::vector<NodeId> learners_next;  // all of `outgoing` and not of `voters`

  bool known() const { return !voters.empty(); }
  bool joint() const { return !outgoing.empty(); }
  // Of either set.
  bool is_voter(NodeId id) const;
  // Voters and learners.
  bool is_member(NodeId id) const;
  // Of both sets, sorted.
  std::vector<NodeId> all_voters() const;
  // Voters of both sets and learners, sorted.
  std::vector<NodeId> all_members() const;

  friend bool operator==(const Membership&, const Membership&) = default;
};

using MembershipPtr = std::shared_ptr<const Membership>;

// Whether the lists are as described above, within limits::kVotersMax and kLearnersMax, and name
// nobody twice where that is not the meaning. An unknown membership is not.
bool well_formed(const Membership& membership);

// The membership to append for a change from `now`, which is not joint, to `wish`, which is
// neither: joint if the voters differ.
Membership membership_towards(const Membership& wish, const Membership& now);

// What a joint membership becomes when it is left.
Membership membership_after(const Membership& joint);

// "1,2,3", "1,2,3 & 1,2,4 learners 5 next 6", "unknown".
std::string to_string(const Membership& membership);

}  // namespace pawl::raft
