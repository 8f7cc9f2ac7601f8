// Batches on their way (engine/batch.h). Nobody directs them: the leader of the group whose turn it
// is goes through its runs, in the order of their indexes, and has each decide on the verb.
//
//   looked at --does not fit--> behind it
//   fits --decided: the run's entry has a step of the batch--> under way --applied--> behind it
//        --refused, or nothing to change--> behind it; counted with the next step
//        --the run is busy, or cold--> waited for: nobody overtakes it
//   all are behind it --a step of its own: done--> told to group 0 until the catalog has it
//
// So the steps of a group's log are in the order of its runs, and what a new leader reads off its
// tables is where to go on: a run is met once (decision 0070). The rate is that of a batch: one
// group at a time works on it, and a leader begins with no credit.
//
// Memory, gone with the process: all of it is in the tables and the catalog.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "node/node.h"

namespace pawl::node {

class Node::Batches {
 public:
  explicit Batches(Node* node) : node_(node) {}

  // --- events ---
  // The catalog has changed, or this box may decide for another group.
  void changed() { due_ = true; }
  // An entry of the group with steps was applied; `own`: it was proposed here.
  void applied(GroupId group, std::string_view steps, bool own);
  // This box decides no longer for the group.
  void lost(GroupId group);
  // Takes the answer if it is one to what a batch has told group 0.
  bool settle(const Answer& answer);

  // --- of a job with a batch, as it is decided ---
  // It is the one that is waited for; else it must not be decided.
  bool expects(const Group& group, const Job& job) const;
  void refused(const Group& group, const Job& job, std::string_view type, std::string_view detail);
  // Nothing to change, or the run is gone (not counted).
  void unchanged(const Group& group, const Job& job, bool gone);
  // It is changed: what its entry is to have.
  engine::BatchStep changed(const Group& group, const Job& job);

  // A request of group 0's leader.
  void decide(const Request& request, const ChangeBatch& op);

  bool unsettled() const { return due_; }
  void look();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const { return wake_mono_ms_; }

 private:
  using Key = std::pair<engine::BatchId, GroupId>;
  struct Pass {
    Index at;         // runs up to here are behind it, or under way
    Index waits_for;  // 0: for none
    std::int64_t waits_until = 0;
    engine::BatchCounts untold;  // of runs behind it, without a step yet
    std::int64_t tell_at = 0;    // of these
    std::size_t under_way = 0;   // steps with a run
    bool ended = false;          // its last step is under way
    std::int64_t credit = 0;     // thousandths of a run
    std::int64_t credit_at = 0;
  };

  void decide_begin(const Request& request, const BeginBatch& op);
  void decide_stop(const Request& request, const StopBatch& op);
  void decide_end(const Request& request, const EndBatchPart& op);
  void conclude(const Request& request, engine::BatchId batch,
                std::optional<engine::BatchEvent> event, std::uint16_t status = 200);
  void refuse_unknown(const Request& request, engine::BatchId batch);

  void drive(const engine::Batch& batch, Group& group);
  Pass& pass_of(const Key& key, const engine::BatchRow* row);
  Pass* pass_of(const Group& group, const Job& job);
  const Pass* pass_of(const Group& group, const Job& job) const;
  void go_through(const engine::Batch& batch, Group& group, Pass* pass);
  bool wants(const engine::Batch& batch, const Group& group, Index run) const;
  bool has_room(const engine::Batch& batch) const;
  bool takes_credit(const engine::Batch& batch, Pass* pass);
  void submit(const engine::Batch& batch, Group& group, Index run);
  void behind(Pass* pass, const Job& job);
  void propose(Group& group, engine::BatchStep step);
  void tell(const Key& key, const engine::BatchCounts& counts);
  void forget_old(Group& group);
  void wake_at(std::int64_t mono_ms);

  Node* node_;
  bool due_ = false;
  bool looking_ = false;
  std::int64_t wake_mono_ms_ = INT64_MAX;
  std::uint64_t next_id_ = 0;  // of requests, of a box alone
  std::map<Key, Pass> passes_;
  std::map<GroupId, engine::BatchId> forgetting_;  // an entry that forgets is under way
  std::map<RequestId, Key> told_;
  std::map<Key, std::int64_t> tell_again_;  // not before
};

}  // namespace pawl::node
