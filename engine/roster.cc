#include "engine/roster.h"

#include <algorithm>

#include "base/limits.h"

namespace pawl::engine {

bool Roster::apply(const BoxesFounded& e) {
  const auto not_ascending = [](NodeId a, NodeId b) { return a >= b; };
  const bool sound =
      boxes_.empty() && !e.boxes.empty() && e.boxes.size() <= std::size_t{limits::kVotersMax} &&
      e.boxes.front().v != 0 &&
      std::adjacent_find(e.boxes.begin(), e.boxes.end(), not_ascending) == e.boxes.end();
  if (!sound) return false;
  for (const NodeId box : e.boxes) {
    RosterBox& row = boxes_[box];
    row.role = BoxRole::voter;
    row.founder = true;
  }
  ++changes_;
  return true;
}

bool Roster::apply(const BoxAdded& e) {
  // Before the founders there is nobody to add it.
  if (boxes_.empty() || e.box.v == 0 || boxes_.contains(e.box)) return false;
  const std::size_t members = with(BoxRole::voter).size() + with(BoxRole::learner).size();
  if (members >= std::size_t{limits::kVotersMax}) return false;
  if (boxes_.size() >= std::size_t{limits::kRosterBoxesMax}) return false;
  RosterBox& row = boxes_[e.box];
  row.role = BoxRole::learner;
  row.promote = e.promote;
  row.address = e.address;
  row.since = e.at;
  row.by = e.actor;
  ++changes_;
  return true;
}

bool Roster::apply(const BoxPromoted& e) {
  const auto at = boxes_.find(e.box);
  if (at == boxes_.end() || at->second.role != BoxRole::learner) return false;
  at->second.role = BoxRole::voter;
  at->second.since = e.at;
  at->second.by = e.actor;
  ++changes_;
  return true;
}

bool Roster::apply(const BoxRemoved& e) {
  const auto at = boxes_.find(e.box);
  if (at == boxes_.end() || at->second.role == BoxRole::removed) return false;
  const bool last = at->second.role == BoxRole::voter && with(BoxRole::voter).size() == 1;
  if (last) return false;
  at->second.role = BoxRole::removed;
  at->second.since = e.at;
  at->second.by = e.actor;
  ++changes_;
  return true;
}

bool Roster::apply(const BoxKnown& e) {
  const auto at = boxes_.find(e.box);
  if (at == boxes_.end() || at->second.role == BoxRole::removed || at->second.store) return false;
  at->second.store = e.store;
  ++changes_;
  return true;
}

const RosterBox* Roster::find(NodeId box) const {
  const auto at = boxes_.find(box);
  return at == boxes_.end() ? nullptr : &at->second;
}

std::vector<NodeId> Roster::with(BoxRole role) const {
  std::vector<NodeId> found;
  for (const auto& [box, row] : boxes_) {
    if (row.role == role) found.push_back(box);
  }
  return found;
}

const char* to_string(BoxRole role) {
  switch (role) {
    case BoxRole::learner:
      return "learner";
    case BoxRole::voter:
      return "voter";
    case BoxRole::removed:
      return "removed";
  }
  return "";
}

}  // namespace pawl::engine
