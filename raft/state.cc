#include "raft/state.h"

#include "base/check.h"

namespace pawl::raft {

const Membership& State::membership() const {
  if (planted(Bug::membership_at_commit)) return *trail.memberships().in_force_at(commit);
  return trail.memberships().current();
}

bool State::may_lead() const {
  return is_voter() || trail.memberships().is_voter_since(commit, config.self);
}

bool State::only_voter() const {
  const Membership& m = membership();
  return m.voters.size() == 1 && m.voters[0] == config.self && !m.joint();
}

const Progress* State::peer(NodeId id) const {
  for (const Progress& p : peers) {
    if (p.id == id) return &p;
  }
  return nullptr;
}

Progress* State::peer(NodeId id) {
  return const_cast<Progress*>(static_cast<const State*>(this)->peer(id));
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
