#include "node/lone_voter.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/check.h"
#include "base/feature_level.h"
#include "base/limits.h"
#include "codecs/entry.h"
#include "codecs/membership_bytes.h"
#include "engine/roster.h"
#include "node/channel_ends.h"

namespace pawl::node {
namespace {

// What the end of a log says that is not folded yet.
struct Tail {
  TimeMs time;  // of the last entry
  std::uint16_t level = 0;
  engine::Catalog catalog;    // group 0's, with the log folded
  engine::Channels channels;  // likewise
  Index next;                 // behind what is kept
  bool cut = false;           // before an entry that would remove this box
};

bool removes(const std::vector<engine::CatalogEvent>& events, NodeId box) {
  return std::any_of(events.begin(), events.end(), [box](const engine::CatalogEvent& event) {
    const auto* removed = std::get_if<engine::BoxRemoved>(&event);
    return removed != nullptr && removed->box == box;
  });
}

// Through the whole log, or to the first entry that would remove `self`: it is not decided, and
// this box is all there is.
Tail tail_of(const Group& group, const engine::Catalog& catalog, NodeId self) {
  Tail tail;
  tail.time = group.tables().time();
  tail.level = group.tables().feature_level();
  tail.catalog = catalog;
  tail.channels = group.tables().channels();
  tail.next = group.applied().next();
  for (const std::string_view payload : group.unapplied()) {
    tail.next = tail.next.next();
    if (payload.empty()) continue;
    codecs::Entry entry;
    std::string error;
    // It was decoded once already, when the journal was read.
    PAWL_CHECK(codecs::decode_entry(payload, &entry, &error));
    if (!entry.membership.empty()) continue;
    std::vector<engine::CatalogEvent> events;
    engine::decode_catalog_events(entry.catalog, &events);
    if (removes(events, self)) {
      tail.next = Index(tail.next.v - 1);
      tail.cut = true;
      break;
    }
    tail.time = std::max(tail.time, entry.time);
    tail.level = std::max(tail.level, entry.raise_level);
    if (entry.receive.number > 0 && tail.channels.receive(entry.receive_from, entry.receive)) {
      tail.catalog.apply(
          engine::VersionPinned{entry.receive_from, entry.receive.name, entry.receive.version});
    }
    for (const engine::CatalogEvent& event : events) tail.catalog.apply(event);
    for (const auto& send : entry.sends) tail.channels.send(send.to, send.message);
    if (entry.ack_through > 0) tail.channels.acknowledged(entry.ack_to, entry.ack_through);
  }
  return tail;
}

// A group follows the roster only when a change of it is decided: one that goes on without this box
// says that its removal was.
bool is_let_go(const Node& node) {
  const NodeId self = node.options().self;
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const raft::Membership& now =
        node.group(GroupId(static_cast<std::uint16_t>(n))).raft().membership();
    const auto has = [self](const std::vector<NodeId>& boxes) {
      return std::binary_search(boxes.begin(), boxes.end(), self);
    };
    if (!has(now.voters) && !has(now.learners) && has(now.outgoing)) return true;
  }
  return false;
}

// A box without peers follows no roster: what the log of another box says of its number is not
// about it.
Tail tail_of_group_0(Node& node) {
  const NodeId self = node.alone() ? NodeId() : node.options().self;
  return tail_of(node.group(GroupId(0)), node.definitions().catalog(), self);
}

// The events that leave a roster with this box alone; a roster that was never begun begins with
// its founders. One voter of before goes last, since there is always one.
std::vector<engine::CatalogEvent> removals(const Node& node, const Tail& tail,
                                           const std::string& address) {
  const NodeId self = node.options().self;
  engine::Catalog catalog = tail.catalog;
  const engine::Roster& roster = catalog.roster();
  std::vector<engine::CatalogEvent> events;
  const auto add = [&](engine::CatalogEvent event) {
    PAWL_CHECK(catalog.apply(event));
    events.push_back(std::move(event));
  };
  engine::Actor actor;
  actor.box = self;
  if (roster.boxes().empty()) add(engine::BoxesFounded{node.options().founders});
  const bool votes = roster.find(self) && roster.find(self)->role == engine::BoxRole::voter;
  const NodeId stays = votes ? self : roster.with(engine::BoxRole::voter).front();
  const std::map<NodeId, engine::RosterBox> boxes = roster.boxes();
  for (const auto& [box, row] : boxes) {
    if (box == self || box == stays || row.role == engine::BoxRole::removed) continue;
    add(engine::BoxRemoved{box, tail.time, actor});
  }
  if (votes) return events;
  if (!roster.find(self)) add(engine::BoxAdded{self, address, false, tail.time, actor});
  add(engine::BoxPromoted{self, tail.time, actor});
  add(engine::BoxRemoved{stays, tail.time, actor});
  return events;
}

// Writes the last entries of one group's log.
class LogEnding {
 public:
  LogEnding(const Node& node, const Group& group, Tail tail, log::Journal* journal)
      : node_(node), group_(group), tail_(std::move(tail)), journal_(*journal) {
    // Who is the only voter has elected itself at this start: what follows is of its own term.
    term_ = Term(group.raft().term().v + (group.alone() ? 0 : 1));
    next_ = group.id().v == 0 ? tail_.next : group.raft().last().index.next();
  }
  const Tail& tail() const { return tail_; }

  // And an empty entry, as a leader's first one: whoever reads it knows that all before it counts.
  void append_membership() {
    if (group_.alone() && group_.raft().membership().learners.empty()) return;
    raft::Membership membership;
    membership.voters = {node_.options().self};
    codecs::Entry entry;
    entry.level = group_.tables().feature_level();
    entry.time = group_.tables().time();
    codecs::encode_membership(membership, &entry.membership);
    journal_.save_hard_state(group_.id(), {term_, node_.options().self});
    append(entry);
    journal_.append(group_.id(), term_, next_, {});
    next_ = next_.next();
  }

  void append_removals(const std::string& address) {
    const std::vector<engine::CatalogEvent> events = removals(node_, tail_, address);
    if (events.empty()) return;
    codecs::Entry entry = stamped();
    engine::encode_catalog_events(events, &entry.catalog);
    if (tail_.level < kRosterLevel) entry.level = entry.raise_level = kRosterLevel;
    tail_.level = entry.level;
    append(entry);
  }

  // Of group 0: what it missed of a run group's messages.
  void append_receives(GroupId from, const ChannelRepair& repair) {
    for (const engine::Message& message : repair.receives) {
      codecs::Entry entry = stamped();
      entry.receive_from = from;
      entry.receive = message;
      append(entry);
    }
  }

  // Of a run group: what group 0 has heard of it already, or has yet to hear.
  void append_sends(const ChannelRepair& repair) {
    if (repair.sends.empty()) return;
    codecs::Entry entry = stamped();
    for (const engine::Message& message : repair.sends) {
      entry.sends.push_back({GroupId(0), message});
    }
    entry.ack_through = repair.acknowledged;
    append(entry);
  }

 private:
  codecs::Entry stamped() const {
    codecs::Entry entry;
    entry.level = tail_.level;
    entry.time = tail_.time;
    return entry;
  }

  void append(const codecs::Entry& entry) {
    journal_.append(group_.id(), term_, next_, encoder_.encode(entry));
    next_ = next_.next();
  }

  const Node& node_;
  const Group& group_;
  Tail tail_;
  log::Journal& journal_;
  Term term_;
  Index next_;
  codecs::EntryEncoder encoder_;
};

}  // namespace

std::vector<GroupLeft> what_is_left(const Node& node) {
  std::vector<GroupLeft> all;
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    GroupLeft left;
    left.group = group.id();
    // Where it is the only voter already, this start has begun a term of its own.
    const Index last = group.raft().last().index;
    left.last = group.alone() ? Index(last.v - 1) : last;
    left.term = group.raft().trail().term_at(left.last).value_or(Term());
    left.committed = group.applied();
    left.written = tail_of(group, {}, NodeId()).time;
    left.voters = group.raft().membership().all_voters();
    for (const auto& [version, open] : group.tables().open_by_version()) left.open_runs += open;
    all.push_back(std::move(left));
  }
  return all;
}

std::vector<NodeId> boxes_given_up(Node& node) {
  const Tail tail = tail_of_group_0(node);
  std::set<NodeId> boxes;
  for (const auto& [box, row] : tail.catalog.roster().boxes()) {
    if (row.role != engine::BoxRole::removed) boxes.insert(box);
  }
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    const std::vector<NodeId> members = group.raft().membership().all_members();
    boxes.insert(members.begin(), members.end());
  }
  boxes.erase(node.options().self);
  return {boxes.begin(), boxes.end()};
}

bool can_go_on_alone(Node& node, std::string* why) {
  const NodeId self = node.options().self;
  const std::string name = "box " + std::to_string(self.v);
  const engine::RosterBox* decided = node.definitions().catalog().roster().find(self);
  if ((decided != nullptr && decided->role == engine::BoxRole::removed) || is_let_go(node)) {
    *why = name + " was removed from the cluster; recover another box";
    return false;
  }
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    if (node.group(GroupId(static_cast<std::uint16_t>(n))).raft().last().index.v > 0) continue;
    *why = name + " holds nothing of group " + std::to_string(n) + "; recover another box";
    return false;
  }
  const Tail tail = tail_of_group_0(node);
  const engine::Roster& roster = tail.catalog.roster();
  const std::vector<NodeId>& founders = node.options().founders;
  const bool founder = std::binary_search(founders.begin(), founders.end(), self);
  if (roster.find(self) == nullptr && !(founder && roster.boxes().empty())) {
    *why = name + " has not heard that it was added to the cluster; recover another box";
    return false;
  }
  return true;
}

bool is_perhaps_removed(Node& node) { return tail_of_group_0(node).cut; }

bool can_take_over(Node& node, std::string* why) {
  if (node.alone()) return true;
  const NodeId self = node.options().self;
  const Tail tail = tail_of_group_0(node);
  const std::vector<NodeId>& founders = node.options().founders;
  bool known = tail.catalog.roster().find(self) != nullptr ||
               std::binary_search(founders.begin(), founders.end(), self);
  NodeId highest = founders.back();
  for (const auto& [box, row] : tail.catalog.roster().boxes()) highest = std::max(highest, box);
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    for (const NodeId box : group.raft().membership().all_members()) {
      known |= box == self;
      highest = std::max(highest, box);
    }
  }
  if (known) {
    *why = "box " + std::to_string(self.v) +
           " founded the cluster or belonged to it, and what it had acknowledged may not all be "
           "here: restore under a number that was never used, " +
           std::to_string(highest.v + 1) +
           " is the next, with founder = false; the founders' entries stay as they were";
    return false;
  }
  if (tail.catalog.roster().boxes().size() < std::size_t{limits::kRosterBoxesMax}) return true;
  *why = "the cluster has had " + std::to_string(limits::kRosterBoxesMax) +
         " boxes, and takes no further number: restore it as a box alone";
  return false;
}

bool channels_agree(Node& node) {
  const Tail tail = tail_of_group_0(node);
  for (std::size_t n = 1; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    const engine::Channels channels = tail_of(group, {}, NodeId()).channels;
    if (!repair_of(group.id(), channels, tail.channels, tail.catalog).empty()) return false;
  }
  return true;
}

bool goes_on_alone(Node& node) {
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    if (!node.group(GroupId(static_cast<std::uint16_t>(n))).alone()) return false;
  }
  return channels_agree(node) && (node.alone() || boxes_given_up(node).empty());
}

void go_on_alone(Node& node, log::Journal* journal, const std::string& address) {
  std::deque<LogEnding> ends;
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    ends.emplace_back(node, group, n == 0 ? tail_of_group_0(node) : tail_of(group, {}, NodeId()),
                      journal);
    ends.back().append_membership();
    if (n == 0 && !node.alone()) ends.back().append_removals(address);
  }
  const engine::Catalog& catalog = ends.front().tail().catalog;
  for (std::size_t n = 1; n < ends.size(); ++n) {
    const GroupId group(static_cast<std::uint16_t>(n));
    const ChannelRepair repair =
        repair_of(group, ends[n].tail().channels, ends.front().tail().channels, catalog);
    ends.front().append_receives(group, repair);
    ends[n].append_sends(repair);
  }
}

}  // namespace pawl::node
