// One group's consensus as a pure state machine: step(event) appends effects, and nothing else
// happens. No I/O, clock, randomness or payload: those are the driver's (node/ in the daemon, a
// harness in tests), which
//
//   1. restores: builds Restored from the journal and the newest snapshot, and makes a Raft;
//   2. gives it a Tick regularly, a Receive for every message, a Propose for entries to be added;
//   3. carries out the effects in order: writes to the journal, sends, applies what is committed;
//   4. reports completed writes with HardStatePersisted, EntriesPersisted, SnapshotChunkStored and
//      SnapshotReceived;
//   5. may ask for reads, changes of membership and transfers, and tells what snapshot it has.
//
// What the driver may rely on:
//   - No message leaves before the hard state it speaks of is durable, no acknowledgement before
//   the
//     entries are. Leaders send entries while their own disk still writes them.
//   - CommitTo only rises, and names only entries that a quorum has on disk.
//   - A leader's first entry of a term is a no-op (paper section 8). ready() once it is committed.
//   - A crash at any moment loses only what was not reported durable; restoring what the journal
//     holds is always safe, if it holds writes in the order they were asked for.
//
// What the driver must see to: that a message is from whom it says it is; that a box whose disk was
// lost comes back under a new id, or, if its vote is known, says what it had acknowledged
// (Restored::promised); that a snapshot is durable before it is told of.
//
// Built of the Raft paper (Ongaro and Ousterhout, extended version) and Ongaro's dissertation:
// pre-vote (9.6), election, replication, commitment of own-term entries only (paper 5.4.2),
// membership (4), leadership transfer (3.10), reads (6.4), check-quorum (6.2), snapshots (5.3). Not
// thread-safe.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"
#include "raft/trail.h"
#include "raft/types.h"

namespace pawl::raft {

// What the disk says at start.
struct Restored {
  HardState hard;
  Trail trail;   // floor: the last entry that is gone, and the membership in force there
  Index commit;  // known to be committed (the snapshot's, or what was applied); floor <= commit <=
                 // last
  Snapshot snapshot;                  // the newest that is whole and can be sent; index 0: none
  Snapshot incoming;                  // one that was being received; index 0: none
  std::uint64_t incoming_stored = 0;  // its bytes on disk, from the beginning
  // Of a member that has lost entries it had acknowledged, and begins its log anew: the last entry
  // that it may have acknowledged, and the term it was in then. Index 0: it has lost none.
  EntryId promised;
  Term spent;
};

class Raft {
 public:
  // Starts as a follower. `now` sets the clock and the first election timeout. Config and Restored
  // must fit together (checked): no entry is of a later term than hard.term. Config::voters counts
  // only if the trail knows of no membership.
  Raft(const Config& config, const Restored& restored, const Tick& now);

  // Takes one event; appends what follows from it to `effects`.
  void step(const Event& event, Effects* effects);

  Role role() const { return state_.role; }
  bool leads() const { return state_.role == Role::leader; }
  Term term() const { return state_.hard.term; }
  // Of this term; 0: not known.
  NodeId leader() const { return state_.leader; }
  EntryId last() const { return state_.trail.last(); }
  Index commit() const { return state_.commit; }
  // The own log is on the own disk through here.
  Index durable() const { return state_.durable; }
  // The index of the no-op that opened this leader's term; meaningful while it leads.
  Index term_start() const { return state_.term_start; }
  // Leads, and its term's no-op is committed: it knows of every committed entry. Before deciding
  // anything the driver must also have applied through term_start().
  bool ready() const { return leads() && state_.commit >= state_.term_start; }
  // In force now, committed or not.
  const Membership& membership() const { return state_.membership(); }
  const Trail& trail() const { return state_.trail; }
  // For tests, invariants and status pages.
  const State& state() const { return state_; }

 private:
  State state_;
};

}  // namespace pawl::raft
