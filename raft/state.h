// All that one member knows of its group. A plain value: copied by tests to compare before and
// after, changed only by the files of this folder, each of which owns one concern:
//
//   election    role, leader, ballots, deadlines           durability   hard, durable, held
//   append      trail (follower), verified, leader_commit  replication  trail (leader), peers,
//   commit
#pragma once

#include <vector>

#include "raft/message.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/trail.h"
#include "raft/types.h"

namespace pawl::raft {

struct State {
  Config config;

  // --- survives a crash, by way of the journal ---
  HardState hard;          // as of now, maybe still on its way to the disk
  HardState hard_durable;  // on disk
  Trail trail;             // as of now
  Index durable;           // the trail is on disk through here; <= trail.last()
  Term cut_term;           // requested in this term, the last truncation: older reports are void

  // --- forgotten in a crash ---
  Index commit;  // on the disks of a majority; never falls
  Role role = Role::follower;
  NodeId leader;                       // of hard.term; 0: not known
  std::vector<Message> held;           // wait for hard to be durable; at most kHeldMessagesMax
  std::uint64_t messages_refused = 0;  // malformed, or not from a voter

  // --- time, as told by the last Tick ---
  std::int64_t now_ms = 0;
  std::uint64_t random = 0;
  std::int64_t election_deadline_ms = 0;  // unless leader
  std::int64_t leader_heard_ms = 0;       // while leader is known and another
  std::int64_t heartbeat_due_ms = 0;      // while leader

  // --- a (pre-)candidate's: one for each of config.voters ---
  std::vector<Ballot> ballots;

  // --- a follower's, of the leader of hard.term ---
  Index verified;       // equal to the leader's log through here
  Index leader_commit;  // the largest it told

  // --- a leader's, of hard.term ---
  Index term_start;             // its no-op
  std::vector<Progress> peers;  // the voters but itself

  bool is_voter() const;
  bool only_voter() const { return config.voters.size() == 1 && is_voter(); }
  bool hard_is_durable() const { return hard == hard_durable; }
  Progress* peer(NodeId id);
};

}  // namespace pawl::raft
