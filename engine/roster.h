// Which boxes a cluster has: the wish that each group's own membership follows (raft/membership.h
// is the truth). A part of group 0's catalog; equal on every replica. Of kRosterLevel.
//
// | box               | event                        | becomes          |
// |-------------------|------------------------------|------------------|
// | (empty roster)    | BoxesFounded                 | each one a voter |
// | never heard of    | BoxAdded                     | learner          |
// | learner           | BoxPromoted                  | voter            |
// | learner or voter  | BoxRemoved                   | removed, forever |
// | any but removed   | BoxKnown, once               | has its store    |
//
// An id is never given twice, and a box whose store is known is not taken for another with an empty
// disk: whoever has lost what it had acknowledged must come back under a new id.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/command.h"

namespace pawl::engine {

// A store's random id, drawn when it was made.
using BoxStore = std::array<unsigned char, 16>;

struct BoxesFounded {
  std::vector<NodeId> boxes;  // sorted
  friend bool operator==(const BoxesFounded&, const BoxesFounded&) = default;
};
struct BoxAdded {
  NodeId box;
  std::string address;   // HOST:PORT, for boxes whose configuration does not name it
  bool promote = false;  // by itself, once it has everything
  TimeMs at;
  Actor actor;
  friend bool operator==(const BoxAdded&, const BoxAdded&) = default;
};
struct BoxPromoted {
  NodeId box;
  TimeMs at;
  Actor actor;
  friend bool operator==(const BoxPromoted&, const BoxPromoted&) = default;
};
struct BoxRemoved {
  NodeId box;
  TimeMs at;
  Actor actor;
  friend bool operator==(const BoxRemoved&, const BoxRemoved&) = default;
};
struct BoxKnown {
  NodeId box;
  BoxStore store{};
  friend bool operator==(const BoxKnown&, const BoxKnown&) = default;
};

enum class BoxRole : std::uint8_t { learner, voter, removed };

struct RosterBox {
  BoxRole role = BoxRole::voter;
  bool founder = false;
  bool promote = false;
  std::string address;  // "" of a founder
  std::optional<BoxStore> store;
  TimeMs since;  // of its role
  Actor by;
  friend bool operator==(const RosterBox&, const RosterBox&) = default;
};

class Roster {
 public:
  // Fold one event; false (and nothing changed) if it does not fit the table above, would leave no
  // voter, or passes limits::kVotersMax.
  bool apply(const BoxesFounded& e);
  bool apply(const BoxAdded& e);
  bool apply(const BoxPromoted& e);
  bool apply(const BoxRemoved& e);
  bool apply(const BoxKnown& e);

  // With those that were removed. Empty until the cluster is at level 4, and of a box alone.
  const std::map<NodeId, RosterBox>& boxes() const { return boxes_; }
  // Null if it was never there.
  const RosterBox* find(NodeId box) const;
  // Events folded so far: of two rosters of a cluster the one with more is the newer.
  std::uint64_t changes() const { return changes_; }
  // Of that role, sorted.
  std::vector<NodeId> with(BoxRole role) const;
  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);
  friend bool operator==(const Roster&, const Roster&) = default;

 private:
  std::map<NodeId, RosterBox> boxes_;
  std::uint64_t changes_ = 0;
};

const char* to_string(BoxRole role);

}  // namespace pawl::engine
