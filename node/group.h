// One Raft group of this node: consensus, the tables its entries fold into, and the pipeline
// between them. Owns the order persist -> send -> commit -> apply; answering and effects are its
// owner's (Node), told through GroupOwner.
//
//   propose(entry) --> raft appends --> journal --> (disk) --> persisted() --> commit --> apply
//   receive(Append) -> raft appends --> journal --> (disk) --> persisted() --> acknowledgement
//                                                     receive(its leader's commit) --> apply
//
// Entries wait in `pending_` from append to apply: the leader's own decoded, with the answers that
// hang on them, restored and replicated ones as bytes. A leader's entries that another leader's
// replace are given back to the owner (on_dropped): they never happened.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "codecs/raft_message.h"
#include "engine/event.h"
#include "engine/tables.h"
#include "log/journal.h"
#include "node/entry_cache.h"
#include "node/entry_sender.h"
#include "node/freeze.h"
#include "node/leases.h"
#include "node/request.h"
#include "node/snapshot_owner.h"
#include "raft/raft.h"

namespace pawl::node {

struct PendingAnswer {
  Answer answer;
  int item = -1;  // position in a ReportTasks, or -1
};

// A hand-out in an entry: which poll gets it.
struct Grant {
  RequestId poll;
  TaskRef task;
};

// An entry this node proposed, with what happens once it is applied.
struct Proposal {
  codecs::Entry entry;
  std::vector<engine::Event> events;   // of entry.run: entry.events, decoded
  std::shared_ptr<engine::Run> after;  // entry.run once they are folded
  std::string run_id;                  // the mailbox to release, or ""
  std::vector<PendingAnswer> answers;
  std::vector<Grant> grants;
  std::vector<TaskRef> ended;          // tasks with an outcome: their leases end
  std::vector<std::string> keys;       // idempotency keys under way with it
  std::vector<std::string> forgotten;  // ids of runs that it forgets: mailboxes to release
  // Of one that was dropped: a snapshot of another box stands for its index, so that it may have
  // been committed all the same.
  bool unknown = false;
};

class Group;

// What the owner does for a group, and with each applied entry, in log order.
class GroupOwner {
 public:
  virtual ~GroupOwner() = default;
  // `applied` speaks of entry.run if that is not 0; `proposal` is null unless this node proposed
  // the entry since it started.
  virtual void on_applied(Group& group, Index index, const codecs::Entry& entry,
                          const engine::Applied& applied, Proposal* proposal) = 0;
  // This node leads and has applied its term's first entry: it may decide from now on.
  virtual void on_ready(Group& group) = 0;
  // Who leads, as far as this node knows, is somebody else than before.
  virtual void on_leader(Group& group) = 0;
  // Another leader's entry is committed in this one's place: it never happened, nor will it; or, if
  // it says so (Proposal::unknown), nobody here can tell.
  virtual void on_dropped(Group& group, Proposal proposal) = 0;
  // The answer to read_index(): what is applied through `index` may be shown; 0: ask the leader.
  virtual void on_read(Group& group, std::uint64_t context, Index index) = 0;
  // For another box, which is to give it to receive(). Valid for the call.
  virtual void on_send(NodeId to, const codecs::RaftEnvelope& envelope) = 0;
  // Entries are to be read from the journal for loaded().
  virtual void on_entries_wanted(GroupId group, Index first, Index last) = 0;
  // Null where there is no other box.
  virtual SnapshotOwner* snapshots() = 0;
};

// How a group is set up.
struct GroupOptions {
  GroupId id;
  NodeId self;
  // The members the store was founded with, `self` among them or not; sorted. With nobody else the
  // group is this box's own.
  std::vector<NodeId> founders;
};

class Group : private EntrySender::Out {
 public:
  explicit Group(const GroupOptions& options);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // --- recovery, before start(): a snapshot (optional), then the journal's entries in order ---
  void restore_snapshot(Thawed thawed, Index index, Term term);
  // False with a reason if the entry can't be read or folded. Folds what is known to be committed:
  // everything in a group that is this box's own, else what a later entry says (Entry::committed).
  bool restore_entry(Term term, Index index, std::string_view payload, GroupOwner* owner,
                     std::string* error);
  // The log begins anew behind `last` (log::RecoverySink::on_begin); false as above.
  bool restore_begin(raft::EntryId last, std::string* error);
  void restore_hard_state(const log::HardState& state);
  // Before all of these: what this box had of the group is void; it is filled by another one.
  void begin_anew(const log::Rebuild& rebuild);
  // After a recovery that was refused: what this box has of the group does not go back far enough.
  bool lacks_beginning() const { return lacks_beginning_; }
  // Before start(): those that the snapshot names; null: it is not known.
  const raft::MembershipPtr& snapshot_members() const { return snapshot_members_; }

  // Makes the Raft; what it wants to write is queued in the journal. The only voter campaigns.
  void start(log::Journal* journal, const raft::Tick& now, GroupOwner* owner);

  // --- running ---
  void tick(const raft::Tick& now);
  // The link to a box has broken.
  void unreachable(NodeId peer) { step(raft::Unreachable{peer}); }
  // The journal has made this durable.
  void persisted(const log::Durable& durable);
  // A message of another box, from whom it says.
  void receive(const codecs::RaftEnvelope& envelope);
  // The answer to on_entries_wanted(); fewer payloads if they could not be read.
  void loaded(Index first, Index last, std::vector<std::string> payloads);
  // The journal does not hold what came before its first entry any more.
  void trimmed();

  // --- snapshots between boxes: the answers to SnapshotOwner ---
  void snapshot_available(const raft::Snapshot& snapshot) {
    step(raft::SnapshotAvailable{snapshot});
  }
  void snapshot_lost(Index last) { step(raft::SnapshotLost{last}); }
  // Nothing if this box does not lead any more.
  void send_chunk(const raft::Message& message, std::string_view bytes);
  void chunk_stored(Index last, std::uint64_t stored) {
    step(raft::SnapshotChunkStored{last, stored});
  }
  // Durable here, with what it keeps of histories; null: it was not sound. The tables may not be
  // frozen.
  void received(Index last, std::shared_ptr<Thawed> thawed);

  // Appends one entry. Must accept(). Returns its index.
  Index propose(Proposal proposal);
  // Sends the other boxes what was proposed since the last call, all in one message for each.
  void send_held();
  // What the next proposal's index will be: the uid of a run it starts.
  Index next_index() const { return raft_->last().index.next(); }
  // Answered by on_read, perhaps at once.
  void read_index(std::uint64_t context);
  // Hands the leadership to another voter; nothing if this node does not lead.
  void transfer(NodeId to);
  void set_election_timeout(std::int64_t ms_min) {
    step(raft::SetElectionTimeout{ms_min, 2 * ms_min});
  }
  // Begins to make this the membership; nothing if it can't be now (raft::ChangeRefused).
  void change(const raft::Membership& wish);

  // This node leads, and has applied its term's first entry.
  bool ready() const { return raft_ && raft_->ready() && applied_ >= raft_->term_start(); }
  // It may propose: ready, not handing over, and not too far ahead of what is committed.
  bool accepts() const {
    return ready() && raft_->state().transfer.to.v == 0 &&
           raft_->last().index.v - raft_->commit().v < limits::kUncommittedEntriesMax / 2;
  }
  // Up to which entry this box's disk holds nothing any more that was deleted (scrubbing.h).
  Index scrubbed_to() const { return scrubbed_to_; }
  void set_scrubbed_to(Index through) { scrubbed_to_ = through; }
  // Nobody else has a vote.
  bool alone() const { return alone_; }
  // False of a group that was begun anew, until it is as far as it ever was here.
  bool whole() const;
  void set_candidacy(bool may_campaign) { step(raft::SetCandidacy{may_campaign}); }
  GroupId id() const { return options_.id; }
  Index applied() const { return applied_; }
  Term applied_term() const;
  const raft::Raft& raft() const { return *raft_; }
  engine::Tables& tables() { return tables_; }
  const engine::Tables& tables() const { return tables_; }
  // Not empty: an entry could not be understood or folded; the process must stop.
  const std::string& fatal() const { return fatal_; }
  std::size_t pending() const { return pending_.size(); }
  // Payloads behind applied(), in order, of entries that were read from the journal at the start;
  // valid until the next call of anything else.
  std::vector<std::string_view> unapplied() const;

 private:
  struct Pending {
    Index index;
    Term term;
    Proposal proposal;
    bool proposed = false;
    std::string payload;  // if not proposed here; "" is a no-op
  };
  // The beginning of what is wrong with an entry.
  std::string where(Index index) const;
  // This box is the only voter.
  bool is_alone(const raft::Membership& membership) const;
  void step(const raft::Event& event);
  void carry_out(const raft::Effect& effect, Index* commit);
  void append(const raft::AppendEntries& append);
  void append_one(const raft::AppendEntries& append, Index index);
  void role_changed(const raft::RoleChanged& change);
  void install(const raft::InstallSnapshot& installed);
  void drop_from(Index first);
  bool find_replaced(Index index, Term term, Pending* pending);
  void drop_replaced();
  void send(const raft::Message& message, const std::vector<std::string_view>& payloads) override;
  void want_entries();
  void apply_through(Index commit, GroupOwner* owner, std::string* error);
  bool apply(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
             Proposal* proposal, GroupOwner* owner, std::string* error);
  bool apply_payload(Index index, std::string_view payload, GroupOwner* owner, std::string* error);
  void tell_level();
  bool fold(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
            Proposal* proposal, engine::Applied* applied, std::string* error);
  bool fold_batches(const codecs::Entry& entry);
  bool fold_limits(const codecs::Entry& entry);
  bool apply_entry(Index index, const codecs::Entry& entry, GroupOwner* owner, std::string* error);
  bool decode(Index index, std::string_view payload, codecs::Entry* entry,
              raft::MembershipPtr* membership, std::string* error) const;

  GroupOptions options_;
  std::optional<raft::Raft> raft_;
  raft::Effects effects_;
  std::deque<raft::AppendEntries> writes_;  // queued in the journal, not yet reported durable
  engine::Tables tables_;
  log::Journal* journal_ = nullptr;
  GroupOwner* owner_ = nullptr;
  Index applied_, scrubbed_to_;
  std::deque<Pending> pending_;  // appended, not yet applied; consecutive indexes
  // Proposals that another leader's entries have replaced in this log. Another box may hold them
  // still, win an election and commit them (paper, figure 8): nothing is known of them until
  // something is committed at their index.
  std::vector<Pending> replaced_;
  codecs::EntryEncoder encoder_;
  EntryCache cache_;  // empty while the group is this box's own
  EntrySender sender_{&cache_};
  bool alone_ = false;
  bool was_ready_ = false;

  // Valid within one step.
  bool held_ = false;  // something was proposed, and send_held() has not been called yet
  Proposal* proposing_ = nullptr;    // what propose() is appending
  std::string_view proposed_bytes_;  // and its payload
  const codecs::RaftEnvelope* receiving_ = nullptr;

  std::shared_ptr<Thawed> received_;  // what an InstallSnapshot speaks of
  bool installed_ = false;

  // Of the recovery.
  raft::Restored restored_;
  raft::EntryId snapshot_;
  raft::MembershipPtr snapshot_members_;  // null: not known
  bool lacks_beginning_ = false;
  std::string fatal_;
};

}  // namespace pawl::node
