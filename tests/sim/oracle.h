// Watches a fleet from outside, step by step, and says which promise of the consensus was broken:
//
//   - one leader a term; a leader has every entry that was committed before it (paper 5.4.3)
//   - no two boxes hold different entries at a committed index (state machine safety)
//   - one vote a term, whatever happened between two votes
//   - what is committed is on the platters of a majority; what a reply says, on those of its
//   sender:
//     read from what the disks would have after a power loss, not from what anybody remembers
//   - equal tables at equal indexes. A box that lags is sent entries as they are on the disk of who
//     leads: of a run whose data is deleted by then without it. Until it has come to the deletion,
//     such a run, and answers that speak of it, may differ; from there on they may not
//
// The looks at disks are samples, by a seed: each reads a whole journal.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

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
  // The box's disk is of no use any more: what it had counts as being there.
  // Until it is whole again, if it ever is.
  void give_up(int b) { lost_.insert(b); }
  bool given_up(int b) const { return lost_.contains(b); }
  // Of a committed entry, which any box has known to be.
  Term term_of(GroupId group, Index index) const { return agreed_[group.v].terms[index.v - 1]; }
  // The largest committed index of a group that any box has known.
  Index committed(GroupId group) const;

 private:
  using Record = std::pair<std::uint8_t, std::uint64_t>;
  void forget(int b);
  void look_at(int b, GroupId group);
  void look_at_leader(int b, GroupId group);
  void look_at_commit(int b, GroupId group);
  void look_at_tables(int b, GroupId group);
  bool is_of_deleted(GroupId group, const Record& record, std::string_view body) const;
  void hear(int from, const node::OutgoingFrame& frame);
  void check_vote(int from, const codecs::RaftEnvelope& envelope);
  void check_match(int from, const codecs::RaftEnvelope& envelope, Index match);
  log::JournalModel platters(int b);
  std::vector<std::vector<NodeId>> electorates(GroupId group);

  Fleet& fleet_;
  Random random_;
  const double samples_;
  // What is known of one box's copy of a group, as it was at the last look.
  struct Copy {
    Term term;
    bool leads = false;
    Index commit, applied;
  };
  // The tables at an index, by who had them first (0: nobody yet): what each record of their
  // snapshot is, by its kind and its number among these.
  struct Tables {
    int owner = 0;
    std::map<Record, std::uint64_t> records;
  };
  // What is known of a group: the terms of its committed entries from index 1 on, the tables at
  // each index, and the runs whose data was ever deleted.
  struct Agreed {
    std::vector<Term> terms;
    std::vector<Tables> tables;
    std::set<Index> deleted;
    std::map<Term, int> leaders;
  };
  Copy& copy_of(int b, GroupId group) { return copies_[static_cast<std::size_t>(b)][group.v]; }

  std::set<int> lost_;
  std::vector<Agreed> agreed_;             // by group
  std::vector<std::vector<Copy>> copies_;  // by box, group
  std::vector<std::uint64_t> boots_;       // by box
  std::map<std::tuple<GroupId, Term, int>, NodeId> votes_;
};

}  // namespace pawl::sim
