// Forgets closed runs, and older generations of runs that have continued as new, once their
// retention is over: what [retention] of their definition says, else what the store's configuration
// does. By an entry of the group that lists them, so that all replicas know the same runs; nothing
// evaluates a retention but the leader.
//
//   closed --retention over--> due --entry proposed--> going --applied--> gone
//
// Who is due is found through the tables' closed_by_version() and generations(), oldest first: a
// version has one retention. Ends are rounded up, to a hundredth of the retention and at most an
// hour, so that runs that closed at about the same time go with one entry and one write of the
// disk. Nobody decides on a run whose id is busy; while an entry that forgets is under way, those
// ids are.
//
// Memory, gone with the process: all of it is in the tables and the definitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/node.h"

namespace pawl::node {

class Node::Forgetting {
 public:
  explicit Forgetting(Node* node);

  // How long closed runs are kept whose definition does not say; absent: for ever.
  void set_keep(std::optional<std::int64_t> ms);

  // --- events ---
  // A run, or a generation of it, has closed in an entry that was applied.
  void closed(const Group& group, Index run, TimeMs at);
  // An entry that forgets was applied.
  void forgot(const Group& group, const codecs::Entry& entry, const Proposal* proposal);
  // This box may decide for the group; it may no longer.
  void opened(const Group& group) { find_due(group); }
  void lost(GroupId group) { of_[group.v].under_way = false; }
  // A definition was deployed: perhaps that of runs which are there.
  void definitions_changed();

  // Whoever waits for the values of a run that is gone hears that there is no such run.
  void settle_load(Group& group, Index run);

  // Proposes what is due, one entry a group.
  void look();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const;

 private:
  struct OfGroup {
    std::optional<TimeMs> due;       // of the run that is due first
    bool under_way = false;          // an entry that forgets
    std::int64_t retry_mono_ms = 0;  // not before: those due were busy
  };
  bool may(const Group& group) const;
  std::optional<TimeMs> due_at(const std::pair<std::string, std::uint32_t>& version,
                               TimeMs closed_at) const;
  void find_due(const Group& group);
  // A subscription has not acknowledged all of what is to be forgotten: the run, or this generation
  // of it. Runs are not woken where there is none.
  bool is_held(const Group& group, Index run, std::uint32_t generation = 0) const;
  // The retention of what has closed then is over.
  bool is_due(const std::pair<std::string, std::uint32_t>& version, TimeMs closed_at) const;
  void propose(Group& group);
  Mailboxes& mailboxes(const Group& group);

  Node* node_;
  std::optional<std::int64_t> keep_ms_;
  std::vector<OfGroup> of_;
};

}  // namespace pawl::node
