// Handing the leadership over (dissertation 3.10). Whether and to whom is policy, and the driver's.
//
// clang-format off
// | transfer    | event                                        | transfer    | effects                           |
// |-------------|----------------------------------------------|-------------|-----------------------------------|
// | none        | TransferLeadership to another voter          | catching up | TransferEnded refused, if not     |
// | catching up | the target's log is as long as the leader's  | asked       | TimeoutNow                        |
// | asked       | a HeartbeatReply of the target               | asked       | TimeoutNow again (it may be lost) |
// | any         | the longest election timeout has passed      | none        | TransferEnded timed out           |
// | any         | AbortTransfer, or the target has no vote now | none        | TransferEnded aborted             |
// | any         | a later term, or the leader steps down       | none        | TransferEnded yielded             |
// clang-format on
//
// While one is under way nothing is proposed, so that the target can catch up. After it has ended
// the target may still take over: that is an election like any other.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

void transfer_leadership(State* state, const TransferLeadership& event, Effects* effects);

// If there is one under way.
void end_transfer(State* state, TransferEnded::Outcome outcome, Effects* effects);

// The target has acknowledged something.
void advance_transfer(State* state, Effects* effects);
// The target is alive, and has not taken over.
void repeat_transfer(State* state, NodeId from, Effects* effects);
// Its timeout.
void tick_transfer(State* state, Effects* effects);

// The follower's side: it is asked to take over.
void on_timeout_now(State* state, Effects* effects);

}  // namespace pawl::raft
