#include "node/lone_voter.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/feature_level.h"
#include "codecs/entry.h"
#include "codecs/membership_bytes.h"
#include "engine/roster.h"

namespace pawl::node {
namespace {

// What the end of a log says that is not folded yet.
struct Tail {
  TimeMs time;  // of the last entry
  std::uint16_t level = 0;
  engine::Catalog catalog;  // group 0's, with the log folded
  Index next;               // behind what is kept
  bool cut = false;         // before an entry that would remove this box
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
    for (const engine::CatalogEvent& event : events) tail.catalog.apply(event);
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

Tail tail_of_group_0(Node& node) {
  return tail_of(node.group(GroupId(0)), node.definitions().catalog(), node.options().self);
}

// The events that leave a roster with this box alone; a roster that was never begun begins with
// its founders.
std::vector<engine::CatalogEvent> removals(const Node& node, const Tail& tail) {
  const NodeId self = node.options().self;
  engine::Catalog catalog = tail.catalog;
  std::vector<engine::CatalogEvent> events;
  const auto add = [&](engine::CatalogEvent event) {
    PAWL_CHECK(catalog.apply(event));
    events.push_back(std::move(event));
  };
  engine::Actor actor;
  actor.box = self;
  if (catalog.roster().boxes().empty()) add(engine::BoxesFounded{node.options().founders});
  if (catalog.roster().find(self)->role == engine::BoxRole::learner) {
    add(engine::BoxPromoted{self, tail.time, actor});
  }
  const std::map<NodeId, engine::RosterBox> boxes = catalog.roster().boxes();
  for (const auto& [box, row] : boxes) {
    if (box == self || row.role == engine::BoxRole::removed) continue;
    add(engine::BoxRemoved{box, tail.time, actor});
  }
  return events;
}

void append_membership(const Node& node, const Group& group, Index index, Term term,
                       log::Journal* journal) {
  raft::Membership membership;
  membership.voters = {node.options().self};
  codecs::Entry entry;
  entry.level = group.tables().feature_level();
  entry.time = group.tables().time();
  codecs::encode_membership(membership, &entry.membership);
  codecs::EntryEncoder encoder;
  journal->save_hard_state(group.id(), {term, node.options().self});
  journal->append(group.id(), term, index, encoder.encode(entry));
}

void append_removals(const Node& node, const Tail& tail, Index index, Term term,
                     log::Journal* journal) {
  const std::vector<engine::CatalogEvent> events = removals(node, tail);
  if (events.empty()) return;
  codecs::Entry entry;
  engine::encode_catalog_events(events, &entry.catalog);
  entry.time = tail.time;
  entry.level = std::max(tail.level, kRosterLevel);
  if (tail.level < kRosterLevel) entry.raise_level = kRosterLevel;
  codecs::EntryEncoder encoder;
  journal->append(GroupId(0), term, index, encoder.encode(entry));
}

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

void go_on_alone(Node& node, log::Journal* journal) {
  const Tail tail = tail_of_group_0(node);
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    const bool is_0 = n == 0;
    // Who is the only voter has elected itself at this start: what follows is of its own term.
    const Term term(group.raft().term().v + (group.alone() ? 0 : 1));
    Index next = is_0 ? tail.next : group.raft().last().index.next();
    if (!group.alone() || !group.raft().membership().learners.empty()) {
      append_membership(node, group, next, term, journal);
      next = next.next();
    }
    if (is_0) append_removals(node, tail, next, term, journal);
  }
}

}  // namespace pawl::node
