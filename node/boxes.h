// Who belongs to the cluster, as one box acts on it.
//
// Group 0's roster (engine/roster.h) is the wish; each group's own membership entries are the
// truth. Every box knows the roster and follows all groups, so no box has to direct the others:
//
//   a change of the roster is committed by group 0
//     -> group 1's leader makes its membership the wished one (joint consensus)
//     -> group 2's leader does, once it sees that of group 1 committed ... group N's ... group 0's
//     -> everybody drops the links to who was removed
//
// One group at a time, and resumed by whoever leads. A box that is removed waits for nobody: it
// hands over what it leads. A learner says when it has caught up; group 0's leader then promotes it
// if that was asked for.
//
// Before anything else a peer's BoxStatus is heard: which store it has, and how its cluster was
// made. A box with another store than the roster says (wiped, or a second one with the same id), or
// of another make, is not listened to; it is told why. Its own vote was given by a disk that is
// gone.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "node/node.h"

namespace pawl::node {

class Node::Boxes {
 public:
  explicit Boxes(Node* node);

  // --- events ---
  // The roster has changed (an entry of group 0 was applied), or was restored.
  void roster_changed();
  void link_changed(NodeId peer, bool up);
  // Remembers what a peer says of itself. False: it is not to be heard.
  bool on_status(NodeId from, const BoxStatus& status);
  // At each tick of raft: greets who has not heard this box yet, and goes on with a change.
  void tick();
  // Once a second: the groups that this box leads rise to the level that every box can read.
  void raise_levels();
  // Once a second, once data was deleted anywhere: up to where it is off this box's disk.
  void tell_scrubbed();
  // Once a second: what group 0's leader enters into the roster by itself.
  void enter_what_is_known();
  // Decides one request; events for the catalog, none if nothing changes. False: refused.
  bool decide(const Request& request, const ChangeBoxes& op,
              std::vector<engine::CatalogEvent>* events);

  // --- what it knows ---
  // Its frames count: its status was heard since the link came up, and fits.
  bool heard(NodeId peer) const { return heard_.contains(peer); }
  // Those whose votes are wished for, sorted: where leaderships are spread.
  const std::vector<NodeId>& voters() const { return wish_.voters; }
  // All groups have the membership that the roster wishes, and it is committed.
  bool settled() const;
  bool removed() const;
  // The clocks of a majority of the voters, this box's among them, say about what this one's does;
  // alone it is the kernel's word that counts.
  bool clocks_agree() const;
  // What the clock says on which a majority of the voters agrees, this box's or another's; the only
  // voter believes its own.
  std::optional<std::int64_t> agreed_clock() const;
  // What this box says of itself to that peer.
  BoxStatus status_for(NodeId peer) const;

 private:
  using Verdict = BoxStatus::Verdict;
  // Why a change is refused.
  struct No {
    std::string_view type, title;
    std::string detail;
  };
  // `row`: of op.box, or null; the change is not made yet.
  std::optional<No> why_not(const ChangeBoxes& op, const engine::RosterBox* row) const;
  void greet(NodeId peer);
  std::uint16_t common_level() const;
  bool is_only_voter() const;
  bool has_clock(NodeId box) const;
  bool is_agreed(std::int64_t wall_ms) const;
  Verdict judge(NodeId peer, const BoxStatus& status) const;
  void note(Verdict verdict, NodeId peer, bool of_us);
  bool as_wished(const Group& group) const;
  // And it is committed: what is not may go again, with the leader who wrote it.
  bool is_settled(const Group& group) const;
  void leave(Group& group);
  std::vector<std::pair<NodeId, std::string>> wanted_peers() const;
  bool is_counted_on(NodeId box) const;
  void name_peers();
  bool caught_up() const;
  bool keeps_majority(NodeId without) const;
  void propose(std::vector<engine::CatalogEvent> events);
  const engine::Roster& roster() const { return node_->definitions_.catalog().roster(); }
  Cluster& cluster() const { return *node_->cluster_; }

  Node* node_;
  const std::uint64_t make_;  // of this cluster (cluster_make)
  raft::Membership wish_;
  bool settled_ = true;
  bool told_removed_ = false;
  bool named_ = false;  // peers were given out since the start
  std::int64_t next_try_mono_ms_ = 0;
  std::set<NodeId> heard_;                 // by this box
  std::map<NodeId, std::int64_t> clocks_;  // their wall clock less our monotonic one, when heard
  std::set<NodeId> hear_us_;               // they have said so
  std::map<NodeId, Verdict> judged_;       // who does not fit, by this box
  std::map<NodeId, Verdict> judged_us_;    // by whom this box does not
  // The newest that a peer has said, and of what age.
  std::vector<std::pair<NodeId, std::string>> news_;
  std::uint64_t news_changes_ = 0;
};

}  // namespace pawl::node
