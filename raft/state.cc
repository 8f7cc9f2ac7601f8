#include "raft/state.h"

#include <algorithm>

#include "base/check.h"

namespace pawl::raft {

bool State::is_voter() const {
  return std::binary_search(config.voters.begin(), config.voters.end(), config.self);
}

Progress* State::peer(NodeId id) {
  for (Progress& p : peers) {
    if (p.id == id) return &p;
  }
  return nullptr;
}

const char* to_string(Role role) {
  switch (role) {
    case Role::follower:
      return "follower";
    case Role::pre_candidate:
      return "pre-candidate";
    case Role::candidate:
      return "candidate";
    case Role::leader:
      return "leader";
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::raft
