// All that one member knows of its group. A plain value: copied by tests to compare before and
// after, changed only by the files of this folder, each of which owns one concern:
//
//   election     role, leader, ballots, deadlines      durability   hard, durable, held
//   append       trail (follower), verified,           replication  trail (leader), peers, commit
//                leader_commit, leader_round           change       the memberships of the trail
//   read_index   round, reads                          transfer     transfer
//   install      incoming, snapshot
#pragma once

#include <vector>

#include "raft/message.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/trail.h"
#include "raft/types.h"

namespace pawl::raft {

// A read that waits for a quorum to confirm that this member still leads.
struct PendingRead {
  std::uint64_t context = 0;
  Index index;  // 0: no entry of this term is committed yet
  Round round;  // begun after the read came; 0: not yet begun
};

// A leadership on its way to another member.
struct Transfer {
  NodeId to;  // 0: none is
  std::int64_t deadline_ms = 0;
  bool asked = false;  // TimeoutNow is on its way
};

// A snapshot that a follower is being sent.
struct IncomingSnapshot {
  Snapshot snapshot;         // index 0: none
  Term term;                 // of the leader who sends it
  Round round;               // of that leader, in which its newest chunk was sent
  std::uint64_t stored = 0;  // on disk, from the stream's beginning
  bool busy = false;         // a chunk is being stored, or the whole is being finished
};

struct State {
  Config config;

  // --- survives a crash, by way of the journal ---
  HardState hard;          // as of now, maybe still on its way to the disk
  HardState hard_durable;  // on disk
  Trail trail;             // as of now
  Index durable;           // the trail is on disk through here; <= trail.last()
  // Of a member that has lost entries (Restored): it votes as if its log went on to `promised`, so
  // that no leader lacks what it had acknowledged, and campaigns for itself only once its log is
  // as far again. What it had acknowledged counts in no term after `spent`: it begins a later one.
  EntryId promised;
  Term spent;
  Term cut_term;  // requested in this term, the last truncation: older reports are void

  // --- forgotten in a crash ---
  Index commit;  // on the disks of a majority; never falls
  Role role = Role::follower;
  NodeId leader;                       // of hard.term; 0: not known
  std::vector<Message> held;           // wait for hard to be durable; at most kHeldMessagesMax
  std::uint64_t messages_refused = 0;  // malformed, not for this member, or an impossible answer
  Snapshot snapshot;                   // the newest this box can send; index 0: none

  // --- time, as told by the last Tick ---
  std::int64_t now_ms = 0;
  std::uint64_t random = 0;
  std::int64_t election_deadline_ms = 0;  // unless leader
  std::int64_t leader_heard_ms = 0;       // while leader is known and another
  std::int64_t heartbeat_due_ms = 0;      // while leader

  // --- a (pre-)candidate's: one for each of membership().all_voters() ---
  std::vector<Ballot> ballots;
  std::vector<NodeId> electors;  // those, in the same order

  // --- a follower's, of the leader of hard.term ---
  Index verified;       // equal to the leader's log through here
  Index leader_commit;  // the largest it told
  Round leader_round;   // likewise
  IncomingSnapshot incoming;

  // --- a leader's, of hard.term ---
  Index term_start;                // its no-op
  std::vector<Progress> peers;     // all members but itself
  Round round;                     // the newest begun
  std::vector<PendingRead> reads;  // oldest first; at most kReadsPendingMax
  Transfer transfer;
  bool snapshot_asked = false;  // SnapshotNeeded was said

  // What is in force: the newest of the log, committed or not.
  const Membership& membership() const;
  bool is_voter() const { return membership().is_voter(config.self); }
  // Whether it may still be needed as a leader: it is a voter, or the change that took its vote is
  // not known to be committed. Its log may be the only one to have that change, and then nobody
  // else can be elected before it is (dissertation 4.2.2).
  bool may_lead() const;
  bool only_voter() const;
  // Its log is as far as what it had ever acknowledged.
  bool keeps_promise() const { return at_least_as_current(trail.last(), promised); }
  bool hard_is_durable() const { return hard == hard_durable; }
  Progress* peer(NodeId id);
  const Progress* peer(NodeId id) const;
};

}  // namespace pawl::raft
