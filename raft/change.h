// The leader's side of a change of membership, one at a time; the table is in membership.h, and the
// follower takes each over with the entry that brings it (append.h).
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

void change_membership(State* state, const ChangeMembership& event, Effects* effects);

// Makes the leader's list of followers that of the membership in force; who stays keeps its
// progress.
void follow_membership(State* state);

// The leader's commit has risen: leaves a committed joint membership; steps down if the committed
// one gives it no vote (dissertation 4.2.2, 4.3). It may lead no more afterwards.
void finish_change(State* state, Effects* effects);

}  // namespace pawl::raft
