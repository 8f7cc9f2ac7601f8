#include "node/boxes.h"

#include <algorithm>
#include <cstdlib>

#include "base/feature_level.h"
#include "base/limits.h"

namespace pawl::node {
namespace {

std::string numbers(const std::vector<NodeId>& boxes) {
  std::string text;
  for (const NodeId box : boxes) text += (text.empty() ? "" : ",") + std::to_string(box.v);
  return text;
}

bool contains(const std::vector<NodeId>& boxes, NodeId box) {
  return std::binary_search(boxes.begin(), boxes.end(), box);
}

// The order in which groups change: 1, 2 ... and 0 at last, so that whoever loses its vote has
// heard of it from group 0 before.
GroupId nth_group(std::size_t n, std::size_t count) {
  return GroupId(static_cast<std::uint16_t>((n + 1) % count));
}

// Keeps what was said at last, unless it fits; true if that is another thing than before.
bool changes(std::map<NodeId, BoxStatus::Verdict>* said, NodeId peer, BoxStatus::Verdict verdict) {
  if (verdict == BoxStatus::Verdict::fits) return said->erase(peer) > 0;
  const auto [at, fresh] = said->try_emplace(peer, verdict);
  return fresh || std::exchange(at->second, verdict) != verdict;
}

}  // namespace

Node::Boxes::Boxes(Node* node)
    : node_(node), make_(cluster_make(node->options_.founders, node->options_.run_groups)) {
  wish_.voters = node->options_.founders;
}

// --- events ---

void Node::Boxes::roster_changed() {
  if (roster().boxes().empty()) return;
  wish_.voters = roster().with(engine::BoxRole::voter);
  wish_.learners = roster().with(engine::BoxRole::learner);
  settled_ = false;
  next_try_mono_ms_ = 0;
  if (node_->out_ != nullptr) name_peers();  // else the journal is being read
}

void Node::Boxes::link_changed(NodeId peer, bool up) {
  heard_.erase(peer);
  hear_us_.erase(peer);
  if (up) greet(peer);
}

bool Node::Boxes::on_status(NodeId from, const BoxStatus& status) {
  const Verdict verdict = judge(from, status);
  const bool fits = verdict == Verdict::fits;
  const bool news = changes(&judged_, from, verdict);
  if (news) note(verdict, from, false);
  if (changes(&judged_us_, from, status.verdict) && status.verdict != Verdict::fits) {
    note(status.verdict, from, true);
  }
  if (status.heard) {
    hear_us_.insert(from);
  } else {
    hear_us_.erase(from);
  }
  if (!fits) heard_.erase(from);
  clocks_[from] = status.wall_ms - node_->now_.mono_ms;
  // At most one answer for each time a link comes up, and one for each change of mind.
  if ((fits && heard_.insert(from).second) || news) greet(from);
  if (fits && status.roster > std::max(news_changes_, roster().changes())) {
    news_changes_ = status.roster;
    news_ = status.boxes;
    name_peers();
  }
  return fits;
}

void Node::Boxes::greet(NodeId peer) {
  node_->send_frame(peer, codecs::FrameKind::kBoxStatus, status_for(peer));
}

// Frames may be lost: who has not said that it has heard this box is told again. Where one of the
// two does not want the other, what is said once a second is enough.
void Node::Boxes::tick() {
  for (const NodeId peer : cluster().linked) {
    if (judged_.contains(peer) || judged_us_.contains(peer)) continue;
    if (!hear_us_.contains(peer) || !heard(peer)) greet(peer);
  }
  if (!named_) name_peers();
  if (settled_ || node_->now_.mono_ms < next_try_mono_ms_) return;
  next_try_mono_ms_ = node_->now_.mono_ms + limits::kChangeAgainMs;
  const std::size_t count = node_->groups_.size();
  const bool votes = contains(wish_.voters, node_->options_.self);
  bool done = true;
  for (std::size_t n = 0; n < count; ++n) {
    Group& group = *node_->groups_[nth_group(n, count).v];
    if (is_settled(group)) continue;
    const bool wished = as_wished(group);
    if (!votes) {
      if (!wished) leave(group);
      done = false;
      continue;
    }
    if (!wished && node_->decides(group) && !group.raft().membership().joint()) {
      group.change(wish_);
    }
    return;
  }
  if (!done) return;
  settled_ = true;
  name_peers();
}

// --- the roster ---

void Node::Boxes::raise_levels() {
  const std::uint16_t common = common_level();
  for (const auto& group : node_->groups_) {
    if (group->tables().feature_level() < kClusterLevel) node_->open(*group);
    if (node_->decides(*group) && group->tables().feature_level() < common) {
      node_->raise_feature_level(*group, common);
    }
  }
}

// What every box says that it can read, now; 0 while one is not there: it may come back as an older
// build than it was.
std::uint16_t Node::Boxes::common_level() const {
  std::uint16_t level = kFeatureLevel;
  for (const NodeId peer : cluster().peers) {
    const auto status = cluster().statuses.find(peer);
    if (status == cluster().statuses.end() || !cluster().is_linked(peer) || !heard(peer)) return 0;
    level = std::min(level, status->second.feature_level);
  }
  return level;
}

void Node::Boxes::enter_what_is_known() {
  const Group& group = *node_->groups_[0];
  if (!node_->decides(group) || node_->under_way_.catalog_busy) return;
  if (group.tables().feature_level() < kRosterLevel) return;
  std::vector<engine::CatalogEvent> events;
  if (roster().boxes().empty()) {
    events.push_back(engine::BoxesFounded{node_->options_.founders});
    propose(std::move(events));
    return;
  }
  const NodeId self = node_->options_.self;
  for (const auto& [box, row] : roster().boxes()) {
    if (row.role == engine::BoxRole::removed) continue;
    const auto status = cluster().statuses.find(box);
    const bool known = box == self || (heard(box) && status != cluster().statuses.end());
    if (!known) continue;
    if (!row.store) {
      events.push_back(
          engine::BoxKnown{box, box == self ? node_->options_.store : status->second.store});
    } else if (row.role == engine::BoxRole::learner && row.promote && settled_ &&
               status->second.caught_up) {
      engine::Actor by;
      by.box = self;
      events.push_back(engine::BoxPromoted{box, node_->stamp_, by});
    }
  }
  if (!events.empty()) propose(std::move(events));
}

bool Node::Boxes::decide(const Request& request, const ChangeBoxes& op,
                         std::vector<engine::CatalogEvent>* events) {
  using What = ChangeBoxes::What;
  const engine::RosterBox* row = roster().find(op.box);
  const bool there = row != nullptr && row->role != engine::BoxRole::removed;
  const bool votes = there && row->role == engine::BoxRole::voter;
  const bool done = op.what == What::remove    ? row != nullptr && !there
                    : op.what == What::promote ? votes
                                               : there;
  if (done) return true;
  const std::optional<No> no = why_not(op, row);
  if (no) {
    node_->refuse(request.id, 409, no->type, no->title, no->detail);
    return false;
  }
  switch (op.what) {
    case What::add:
      events->push_back(
          engine::BoxAdded{op.box, op.address, op.promote, node_->stamp_, request.actor});
      break;
    case What::promote:
      events->push_back(engine::BoxPromoted{op.box, node_->stamp_, request.actor});
      break;
    case What::remove:
      events->push_back(engine::BoxRemoved{op.box, node_->stamp_, request.actor});
      break;
  }
  return true;
}

std::optional<Node::Boxes::No> Node::Boxes::why_not(const ChangeBoxes& op,
                                                    const engine::RosterBox* row) const {
  using What = ChangeBoxes::What;
  const std::string name = "box " + std::to_string(op.box.v);
  if (roster().boxes().empty()) {
    return No{"level-too-low", "The boxes can't be changed yet",
              "every box must be up and run this version of pawl once: `pawl cluster status`"};
  }
  if (op.what == What::add && row != nullptr) {
    return No{"box-removed", "The number was used before",
              name + " was removed; a number is never used again: take the next one"};
  }
  if (op.what != What::add && row == nullptr) {
    return No{"box-unknown", "There is no such box",
              "the boxes are " + numbers(wish_.voters) +
                  (wish_.learners.empty() ? "" : " and, learning, " + numbers(wish_.learners))};
  }
  if (op.what == What::promote && row->role == engine::BoxRole::removed) {
    return No{"box-removed", "The box was removed",
              name + " was removed and does not come back: add a box with the next number"};
  }
  if (!settled()) {
    return No{"change-under-way", "The boxes are being changed",
              "the change before this one is not done in every group: `pawl cluster status`"};
  }
  if (op.what == What::add) {
    if (engine::Roster after = roster(); after.apply({op.box, op.address, false, {}, {}}))
      return {};
    return No{"too-many-boxes", "The cluster is full",
              "a cluster has at most " + std::to_string(limits::kVotersMax) +
                  " boxes at a time, and " + std::to_string(limits::kRosterBoxesMax) +
                  " in all its life: remove one, or begin a new cluster"};
  }
  if (op.what == What::promote) {
    const auto status = cluster().statuses.find(op.box);
    if (status != cluster().statuses.end() && status->second.caught_up) return {};
    return No{"not-caught-up", "The box has not everything yet",
              name + " must be up and have the log of every group before it gets a vote"};
  }
  if (row->role != engine::BoxRole::voter || keeps_majority(op.box)) return {};
  return No{"no-majority-left", "Too few boxes would be left",
            "without " + name +
                " no majority of the voters is up: start them first, or add another"
                " box"};
}

void Node::Boxes::propose(std::vector<engine::CatalogEvent> events) {
  Proposal proposal;
  proposal.entry.time = node_->stamp_;
  engine::encode_catalog_events(events, &proposal.entry.catalog);
  node_->under_way_.catalog_busy = true;
  ++node_->stats_.entries_proposed;
  node_->groups_[0]->propose(std::move(proposal));
}

// --- what it knows ---

bool Node::Boxes::removed() const {
  const engine::RosterBox* row = roster().find(node_->options_.self);
  return row != nullptr && row->role == engine::BoxRole::removed;
}

bool Node::Boxes::clocks_agree() const {
  const Now& now = node_->now_;
  return is_only_voter() ? now.wall_trusted : is_agreed(now.wall_ms);
}

std::optional<std::int64_t> Node::Boxes::agreed_clock() const {
  const Now& now = node_->now_;
  if (is_only_voter() || is_agreed(now.wall_ms)) return now.wall_ms;
  for (const auto& [box, clock] : clocks_) {
    if (has_clock(box) && is_agreed(clock + now.mono_ms)) return clock + now.mono_ms;
  }
  return std::nullopt;
}

bool Node::Boxes::is_only_voter() const {
  return wish_.voters == std::vector<NodeId>{node_->options_.self};
}

// A voter that this box hears, and its clock.
bool Node::Boxes::has_clock(NodeId box) const {
  return contains(wish_.voters, box) && heard(box) && cluster().is_linked(box) &&
         clocks_.contains(box);
}

// About this is what the clocks of a majority of the voters say.
bool Node::Boxes::is_agreed(std::int64_t wall_ms) const {
  const Now& now = node_->now_;
  std::size_t agree = 0;
  for (const NodeId voter : wish_.voters) {
    const bool self = voter == node_->options_.self;
    if (!self && !has_clock(voter)) continue;
    const std::int64_t theirs = self ? now.wall_ms : clocks_.at(voter) + now.mono_ms;
    agree += std::abs(wall_ms - theirs) <= limits::kClockJumpMsMax ? 1 : 0;
  }
  return agree * 2 > wish_.voters.size();
}

BoxStatus Node::Boxes::status_for(NodeId peer) const {
  const Cluster& c = cluster();
  BoxStatus status;
  status.feature_level = kFeatureLevel;
  status.wall_ms = node_->now_.wall_ms;
  status.wall_trusted = node_->now_.wall_trusted;
  status.disk_ms = c.disk_ms(node_->now_.mono_ms, node_->under_way_.room);
  status.sync_ms = c.pace.sync_ms();
  status.round_trip_ms = c.pace.round_trip_ms();
  status.store = node_->options_.store;
  status.make = make_;
  status.heard = heard(peer);
  status.caught_up = caught_up();
  status.roster = roster().changes();
  for (const auto& [box, row] : roster().boxes()) {
    if (row.role != engine::BoxRole::removed) status.boxes.emplace_back(box, row.address);
  }
  const auto judged = judged_.find(peer);
  if (judged != judged_.end()) status.verdict = judged->second;
  return status;
}

BoxStatus::Verdict Node::Boxes::judge(NodeId peer, const BoxStatus& status) const {
  if (status.make != make_) {
    return Verdict::other_make;
  }
  const engine::RosterBox* row = roster().find(peer);
  const bool other = row != nullptr && row->store && *row->store != status.store;
  return other ? Verdict::other_store : Verdict::fits;
}

// Whose fault it is nobody can tell; both sides say what does not fit.
void Node::Boxes::note(Verdict verdict, NodeId peer, bool of_us) {
  const std::string box = "box " + std::to_string(peer.v);
  std::string text;
  switch (verdict) {
    case Verdict::fits:
      text = box + " is listened to again";
      break;
    case Verdict::other_make:
      text = (of_us ? box + " does not listen to this box" : box + " is not listened to") +
             ": it was made with other founders or another number of groups (here: founders " +
             numbers(node_->options_.founders) + ", groups " +
             std::to_string(node_->options_.run_groups) +
             "); set [cluster] founders and [store] groups as on the other boxes, and begin again "
             "with an empty data directory on the box that is new";
      break;
    case Verdict::other_store:
      text = (of_us ? box + " does not listen to this box: this is not the store that the number "
                    : box + " is not listened to: its store is not the one that the number ") +
             "was given to. A box that lost its disk, or was set up anew, comes back under a new "
             "number: remove the old one, then `pawl cluster add`";
      break;
  }
  node_->out_->notices.push_back(std::move(text));
}

bool Node::Boxes::as_wished(const Group& group) const {
  const raft::Membership& membership = group.raft().membership();
  return !membership.joint() && membership.voters == wish_.voters &&
         membership.learners == wish_.learners;
}

bool Node::Boxes::is_settled(const Group& group) const {
  return as_wished(group) && group.raft().trail().memberships().index() <= group.raft().commit();
}

bool Node::Boxes::settled() const {
  return settled_ || std::all_of(node_->groups_.begin(), node_->groups_.end(),
                                 [this](const auto& group) { return is_settled(*group); });
}

// This box is to have no vote: whoever has the most leads on.
void Node::Boxes::leave(Group& group) {
  if (!node_->decides(group)) return;
  const raft::Progress* best = nullptr;
  for (const NodeId voter : wish_.voters) {
    const raft::Progress* progress = group.raft().state().peer(voter);
    if (progress == nullptr || !cluster().is_linked(voter)) continue;
    if (best == nullptr || progress->match > best->match) best = progress;
  }
  if (best != nullptr) group.transfer(best->id);
}

// Members, and those that a group still counts on: without them it could not let them go, and they
// must hear that they go. A box whose roster is old, or that is not in it yet, also those that
// others name.
std::vector<std::pair<NodeId, std::string>> Node::Boxes::wanted_peers() const {
  std::map<NodeId, std::string> peers;
  if (roster().find(node_->options_.self) == nullptr) {
    for (const NodeId box : node_->options_.founders) peers.emplace(box, "");
    for (const NodeId box : node_->options_.neighbours) peers.emplace(box, "");
  }
  for (const auto& [box, row] : roster().boxes()) {
    if (row.role != engine::BoxRole::removed) peers[box] = row.address;
    if (row.role != engine::BoxRole::removed) continue;
    if (is_counted_on(box)) {
      peers[box] = row.address;
    } else {
      peers.erase(box);
    }
  }
  if (news_changes_ > roster().changes()) peers.insert(news_.begin(), news_.end());
  peers.erase(node_->options_.self);
  return {peers.begin(), peers.end()};
}

bool Node::Boxes::is_counted_on(NodeId box) const {
  return std::any_of(node_->groups_.begin(), node_->groups_.end(), [box](const auto& group) {
    return group->raft().membership().is_member(box);
  });
}

void Node::Boxes::name_peers() {
  Cluster& c = cluster();
  if (removed() && !std::exchange(told_removed_, true)) {
    node_->out_->notices.push_back(
        "this box was removed from the cluster: stop it and delete its data directory; to come "
        "back it needs a new number (`pawl cluster add` on another box)");
  }
  std::vector<std::pair<NodeId, std::string>> peers = wanted_peers();
  std::vector<NodeId> ids;
  ids.reserve(peers.size());
  for (const auto& [box, address] : peers) ids.push_back(box);
  if (named_ && ids == c.peers) return;
  for (const NodeId box : c.peers) {
    if (contains(ids, box)) continue;
    c.linked.erase(box);
    c.statuses.erase(box);
    c.pace.lost(box);
    heard_.erase(box);
    clocks_.erase(box);
  }
  named_ = true;
  c.peers = std::move(ids);
  node_->out_->peers = std::move(peers);
}

bool Node::Boxes::caught_up() const {
  return std::all_of(node_->groups_.begin(), node_->groups_.end(), [this](const auto& group) {
    const raft::Raft& raft = group->raft();
    return raft.leader().v != 0 && raft.commit().v > 0 && group->applied() == raft.commit() &&
           raft.membership().is_member(node_->options_.self);
  });
}

bool Node::Boxes::keeps_majority(NodeId without) const {
  std::size_t left = 0;
  std::size_t up = 0;
  for (const NodeId voter : wish_.voters) {
    if (voter == without) continue;
    ++left;
    up += voter == node_->options_.self || (cluster().is_linked(voter) && heard(voter)) ? 1 : 0;
  }
  return left > 0 && up * 2 > left;
}

}  // namespace pawl::node
