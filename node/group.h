// One Raft group of this node: consensus, the tables its entries fold into, and the pipeline
// between them. Owns the order persist -> commit -> apply; answering and effects are its owner's
// (Node), told through Applier.
//
//   propose(entry) --> raft appends --> journal --> (disk) --> persisted() --> commit --> apply
//
// Entries wait decoded in `pending_` from append to apply: the leader's own with the answers that
// hang on them, restored and replicated ones as bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "codecs/entry.h"
#include "engine/event.h"
#include "engine/tables.h"
#include "log/journal.h"
#include "node/leases.h"
#include "node/request.h"
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
  std::vector<TaskRef> ended;     // tasks with an outcome: their leases end
  std::vector<std::string> keys;  // idempotency keys under way with it
};

class Group;

// What the owner does with each applied entry, in log order.
class Applier {
 public:
  virtual ~Applier() = default;
  // `applied` speaks of entry.run if that is not 0; `proposal` is null unless this node proposed
  // the entry since it started.
  virtual void on_applied(Group& group, Index index, const codecs::Entry& entry,
                          const engine::Applied& applied, Proposal* proposal) = 0;
};

class Group {
 public:
  Group(GroupId id, NodeId self);

  // --- recovery, before start(): a snapshot (optional), then the journal's entries in order ---
  bool restore_snapshot(std::string_view tables, Index index, Term term, std::string* error);
  // False with a reason if the entry can't be read or folded.
  bool restore_entry(Term term, Index index, std::string_view payload, Applier* applier,
                     std::string* error);
  void restore_hard_state(const log::HardState& state);

  // Makes the Raft and campaigns; what it wants to write is queued in the journal.
  void start(log::Journal* journal, const raft::Tick& now, Applier* applier);

  // --- running ---
  void tick(const raft::Tick& now);
  // The journal has made this durable.
  void persisted(const log::Durable& durable);
  // Appends one entry. Must be ready(). Returns its index.
  Index propose(Proposal proposal);
  // What the next proposal's index will be: the uid of a run it starts.
  Index next_index() const { return raft_->last().index.next(); }

  // This node leads, and has applied its term's first entry: it may decide.
  bool ready() const { return raft_ && raft_->ready() && applied_ >= raft_->term_start(); }
  GroupId id() const { return id_; }
  Index applied() const { return applied_; }
  Term applied_term() const;
  const raft::Raft& raft() const { return *raft_; }
  engine::Tables& tables() { return tables_; }
  const engine::Tables& tables() const { return tables_; }
  // Not empty: an entry could not be understood or folded; the process must stop.
  const std::string& fatal() const { return fatal_; }
  std::size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    Index index;
    Term term;
    Proposal proposal;
    bool proposed = false;
    std::string payload;  // if not proposed here; "" is a no-op
  };

  void step(const raft::Event& event);
  void carry_out(const raft::AppendEntries& append);
  void apply_through(Index commit);
  bool apply(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
             Proposal* proposal, Applier* applier, std::string* error);
  bool apply_payload(Index index, std::string_view payload, Applier* applier, std::string* error);
  bool fold(Index index, const codecs::Entry& entry, const std::vector<engine::Event>& events,
            Proposal* proposal, engine::Applied* applied, std::string* error);

  GroupId id_;
  NodeId self_;
  std::optional<raft::Raft> raft_;
  raft::Effects effects_;
  std::deque<raft::AppendEntries> writes_;  // queued in the journal, not yet reported durable
  engine::Tables tables_;
  log::Journal* journal_ = nullptr;
  Applier* applier_ = nullptr;
  Index applied_;
  std::deque<Pending> pending_;  // appended, not yet applied; consecutive indexes
  codecs::EntryEncoder encoder_;
  Proposal* proposing_ = nullptr;    // what propose() is appending
  std::string_view proposed_bytes_;  // and its payload
  raft::Restored restored_;
  std::string fatal_;
};

}  // namespace pawl::node
