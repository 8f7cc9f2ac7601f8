// Watches a fleet from outside, step by step, and says which promise of the consensus was broken:
//
//   - one leader a term; a leader has every entry that was committed before it (paper 5.4.3)
//   - no two boxes hold different entries at a committed index (state machine safety)
//   - one vote a term, whatever happened between two votes
//   - what is committed is on the platters of a majority; what a reply says, on those of its
//   sender:
//     read from what the disks would have after a power loss, not from what anybody remembers
//   - equal tables at equal indexes
//
// The looks at disks are samples, by a seed: each reads a whole journal.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/digest.h"
#include "base/random.h"
#include "tests/log/journal_model.h"
#include "tests/sim/fleet.h"

namespace pawl::sim {

class Oracle {
 public:
  // Listens to what the fleet's boxes send. `samples`: the share of replies whose disk is read.
  Oracle(Fleet* fleet, std::uint64_t seed, double samples);

  // After each step. Throws std::runtime_error with the broken rule.
  void look();
  // All that is committed is on a majority's platters now. Reads every disk.
  void look_at_disks();
  // The largest committed index of a group that any box has known.
  Index committed(GroupId group) const;

 private:
  void forget(int b);
  void look_at(int b, GroupId group);
  void look_at_commit(int b, GroupId group);
  void look_at_tables(int b, GroupId group);
  void hear(int from, const node::OutgoingFrame& frame);
  void check_vote(int from, const codecs::RaftEnvelope& envelope);
  void check_match(int from, const codecs::RaftEnvelope& envelope, Index match);
  log::JournalModel platters(int b);

  Fleet& fleet_;
  Random random_;
  const double samples_;
  std::map<std::pair<GroupId, Term>, int> leaders_;
  std::map<GroupId, std::vector<Term>> committed_;                    // terms, from index 1
  std::map<std::tuple<int, GroupId>, std::pair<Index, Term>> known_;  // commit and term, by box
  std::map<std::tuple<GroupId, Term, int>, NodeId> votes_;
  std::map<std::pair<GroupId, Index>, std::pair<Digest, int>> tables_;
  std::map<std::pair<int, GroupId>, Index> applied_;
  std::map<int, std::uint64_t> boots_;
};

}  // namespace pawl::sim
