// A group of members in memory, with a disk for each and a network between them, all under the
// caller's hand: nothing is delivered, written or ticked unless asked for. Scripts (script.h) and
// storms (storm.h) drive it.
//
// Every step of every member is followed by check_invariants() and by the rules that hold between
// members: one leader a term, one vote a term across restarts, nothing said that is not on the
// speaker's platter, log matching, leader completeness, nothing committed that is not on a
// quorum's platters (by the membership in the log, read by this driver itself), nothing committed
// ever lost or changed, a read never below what was committed before it was asked. The first broken
// rule is kept in failure().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "raft/raft.h"

namespace pawl::raft {

// An entry as the driver keeps it. Payloads are numbers, no two alike but for a no-op's, which is
// made of its term.
struct Record {
  Term term;
  std::uint64_t payload = 0;
  std::uint32_t bytes = 0;
  MembershipPtr membership;  // null: it brings none
  friend bool operator==(const Record& a, const Record& b) {
    return a.term == b.term && a.payload == b.payload && a.bytes == b.bytes &&
           (a.membership == nullptr) == (b.membership == nullptr) &&
           (a.membership == nullptr || *a.membership == *b.membership);
  }
};

// A snapshot's contents: the committed entries it stands for. Its stream is made of them.
struct Image {
  Snapshot snapshot;
  std::vector<Record> records;
  std::string stream;
};

// Bugs planted in the driver, to see that the rules find them.
struct PlantedBugs {
  bool report_entries_early = false;     // EntriesPersisted before the write
  bool report_hard_state_early = false;  // HardStatePersisted before the write
  bool acknowledge_memory = false;       // AppendReply says what was received, not what is on disk
  bool grant_every_vote = false;         // a denied vote is sent as granted
  bool forget_vote_at_restart = false;   // the term is restored, the vote is not
  bool lose_last_entry_at_restart = false;
  bool shift_payloads = false;             // an Append's payloads are those of the entries after
  bool apply_all_that_is_durable = false;  // takes own entries on disk for committed
};

// A disk: what is on the platter, and writes on their way to it, in order.
struct Disk {
  struct Write {
    enum class Kind { hard, entries, chunk, finish, install };
    Kind kind = Kind::entries;
    HardState hard;
    Index first;
    std::vector<Record> records;
    EntriesPersisted report;
    Snapshot snapshot;  // of chunk, finish and install
    std::uint64_t offset = 0;
    std::string bytes;
  };
  HardState hard;
  std::vector<Record> log;  // [0] is index 1; compaction forgets nothing here
  Index floor;              // what the trail is restored from
  Index commit;             // a lower bound that survives, as a snapshot's index would
  Snapshot snapshot;        // whole; its image is the cluster's
  Snapshot incoming;        // being received
  std::string incoming_bytes;
  std::deque<Write> queue;
  // Of a disk that lost its log: what it had acknowledged at most, and the log as it was then.
  EntryId promised;
  Term spent;
  std::vector<Record> lost;
};

// A message on its way, with the payloads or bytes that the sender's driver attached.
struct Packet {
  Message message;
  std::vector<Record> records;  // of an Append
  std::string chunk;            // of a SnapshotChunk
};

class Cluster {
 public:
  struct Options {
    int members = 3;
    int founders = 0;  // the first of them found the group, 0: all; the others join later
    std::uint64_t append_bytes_max = 1'000'000;
    std::uint64_t inflight_bytes_max = 1'000'000;
    std::uint32_t snapshot_chunk_bytes = 64;
    std::int64_t snapshot_retry_ms = 100;
    std::uint64_t promotion_lag_max = 4;
    std::uint32_t append_entries_max = 8;
    std::uint32_t inflight_messages_max = 4;
    std::uint64_t uncommitted_entries_max = 1000;
    std::int64_t heartbeat_ms = 50;
    std::int64_t election_timeout_ms_min = 300;
    std::int64_t election_timeout_ms_max = 600;
    bool sync_at_once = false;  // writes complete right after the step that asked
    PlantedBugs bugs;
  };
  explicit Cluster(const Options& options);

  // --- what can be done to it; members are 1..N; nothing happens to a member that is down ---
  void tick(int member, std::int64_t ms, std::uint64_t random = 0);
  void campaign(int member);
  void propose(int member, std::uint32_t count, std::uint32_t bytes = 0, bool hold = false);
  void replicate(int member);
  void compact(int member, Index through);
  // Makes one of what the member has applied, through `through`.
  void snapshot(int member, Index through);
  // What it has can't be sent any more.
  void lose_snapshot(int member);
  void change(int member, const Membership& wish);
  void transfer(int member, int to);
  void abort_transfer(int member);
  void set_candidacy(int member, bool may_campaign);
  // Returns the read's context.
  std::uint64_t read(int member);
  // Any message at all, as if it had come from the network.
  void receive(int member, const Packet& packet);
  // Delivers or loses a packet of packets(); one to a member that is down, or over a cut, is lost.
  void deliver(std::size_t at);
  void drop(std::size_t at);
  // Makes it the youngest of packets().
  void postpone(std::size_t at);
  // Completes a member's oldest write. False if there is none.
  bool complete_write(int member);
  // Loses the writes on their way but for the oldest `kept`, which reach the platter unreported.
  void crash(int member, std::size_t kept);
  void restart(int member);
  // An empty disk under the same id: what must never happen.
  void wipe(int member);
  // Of a member that is down the log and the snapshots are lost, the vote is not. Unless
  // `end_known` it does not know how far the log had gone, either.
  void lose_log(int member, bool end_known);
  // Whether it has all again that it ever acknowledged.
  bool keeps_promise(int member) const;
  // Damages what there is of an incoming snapshot.
  void corrupt_incoming(int member);
  // Replaces a member's disk (as if it had always been so) and restarts it; entries get payloads by
  // index and term. For scripts that begin in the middle.
  void preset(int member, HardState hard, const std::vector<Term>& terms, Index commit);
  void cut(int from, int to, bool broken);

  // --- what can be seen ---
  int size() const { return static_cast<int>(members_.size()); }
  bool up(int member) const { return at(member).raft != nullptr; }
  const Raft& raft(int member) const { return *at(member).raft; }
  const Disk& disk(int member) const { return at(member).disk; }
  // The live leader of the latest term; 0 if there is none.
  int leader() const;
  const std::vector<Packet>& packets() const { return packets_; }
  const std::vector<Record>& committed() const { return committed_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t reads_answered() const { return reads_answered_; }
  std::uint64_t snapshots_installed() const { return snapshots_installed_; }
  std::uint64_t memberships_committed() const { return memberships_committed_; }
  // By the last entry that brings one in a member's log (or the founders').
  const Membership& membership_of(int member) const;
  // The first broken rule; empty while all hold.
  const std::string& failure() const { return failure_; }
  // What happened since the last call, a line each, if tracing.
  void trace(bool on) { tracing_ = on; }
  std::vector<std::string> take_trace() { return std::exchange(trace_, {}); }

 private:
  struct Member {
    int id = 0;
    std::unique_ptr<Raft> raft;
    std::vector<Record> memory;  // the log as the driver sees it
    Disk disk;
    std::int64_t clock_ms = 0;
    Index applied;        // since the restart
    bool founder = true;  // is told of the founders
  };
  Member& at(int member) { return members_.at(static_cast<std::size_t>(member - 1)); }
  const Member& at(int member) const { return members_.at(static_cast<std::size_t>(member - 1)); }

  void boot(Member* m);
  void step(Member* m, const Event& event, const Packet* packet);
  void perform(Member* m, const Effect& effect, const Packet* packet);
  void write(Member* m, const AppendEntries& effect, const Packet* packet);
  void send(Member* m, Message message);
  void role_changed(Member* m, const RoleChanged& effect);
  void commit(Member* m, Index through);
  void check_committable(const Member& m, std::uint64_t index, const Record& record);
  void changed(Member* m, const Effect& effect);
  void snapshot_effect(Member* m, const Effect& effect, const Packet* packet);
  void install(Member* m, const InstallSnapshot& effect);
  void answered(Member* m, const ReadReady& ready);
  Config config_of(const Member& m) const;
  const MembershipPtr& membership_at(const std::vector<Record>& log, std::uint64_t index) const;
  const Image* image_of(const Snapshot& snapshot) const;
  void settle_snapshot(Disk* disk) const;
  void report(Member* m, const Disk::Write& write);
  void check_said(const Member& m, const Message& message);
  void must(bool holds, const Member& m, const std::string& rule);
  void note(const std::string& line);
  void put_on_platter(Disk* disk, const Disk::Write& write) const;

  Options options_;
  std::vector<Member> members_;
  std::vector<Packet> packets_;
  std::set<std::pair<int, int>> cuts_;
  std::vector<Record> committed_;                   // [0] is index 1
  std::map<std::uint64_t, std::uint64_t> leaders_;  // by term
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t>
      votes_;  // (term, voter) -> candidate
  // (index, term) -> (payload, term of the entry before): by induction, log matching.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<std::uint64_t, std::uint64_t>> seen_;
  MembershipPtr founders_;
  std::map<Digest, Image> images_;
  std::map<std::uint64_t, Index> reads_;  // context -> what was committed when it was asked
  std::uint64_t next_read_ = 0;
  std::uint64_t reads_answered_ = 0;
  std::uint64_t snapshots_installed_ = 0;
  std::uint64_t memberships_committed_ = 0;
  std::uint64_t next_payload_ = 1'000'000;
  std::uint32_t proposed_bytes_ = 0;
  std::uint64_t steps_ = 0;
  Effects effects_;
  std::string failure_;
  bool tracing_ = false;
  std::vector<std::string> trace_;
};

}  // namespace pawl::raft
