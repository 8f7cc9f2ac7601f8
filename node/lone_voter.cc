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
  engine::Catalog catalog;  // group 0's, with the whole log folded
};

Tail tail_of(const Group& group, const engine::Catalog& catalog) {
  Tail tail;
  tail.time = group.tables().time();
  tail.level = group.tables().feature_level();
  tail.catalog = catalog;
  for (const std::string_view payload : group.unapplied()) {
    if (payload.empty()) continue;
    codecs::Entry entry;
    std::string error;
    // It was decoded once already, when the journal was read.
    PAWL_CHECK(codecs::decode_entry(payload, &entry, &error));
    if (!entry.membership.empty()) continue;
    tail.time = std::max(tail.time, entry.time);
    tail.level = std::max(tail.level, entry.raise_level);
    std::vector<engine::CatalogEvent> events;
    engine::decode_catalog_events(entry.catalog, &events);
    for (const engine::CatalogEvent& event : events) tail.catalog.apply(event);
  }
  return tail;
}

Tail tail_of_group_0(Node& node) {
  return tail_of(node.group(GroupId(0)), node.definitions().catalog());
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

void append_membership(const Node& node, const Group& group, Term term, log::Journal* journal) {
  raft::Membership membership;
  membership.voters = {node.options().self};
  codecs::Entry entry;
  entry.level = group.tables().feature_level();
  entry.time = group.tables().time();
  codecs::encode_membership(membership, &entry.membership);
  codecs::EntryEncoder encoder;
  journal->save_hard_state(group.id(), {term, node.options().self});
  journal->append(group.id(), term, group.raft().last().index.next(), encoder.encode(entry));
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
    left.last = group.raft().last().index;
    left.term = group.raft().last().term;
    left.committed = group.applied();
    left.written = tail_of(group, {}).time;
    left.voters = group.raft().membership().all_voters();
    for (const auto& [index, run] : group.tables().runs()) left.open_runs += run->closed() ? 0 : 1;
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
  const std::string name = "box " + std::to_string(node.options().self.v);
  const Tail tail = tail_of_group_0(node);
  const engine::RosterBox* row = tail.catalog.roster().find(node.options().self);
  if (row != nullptr && row->role == engine::BoxRole::removed) {
    *why = name + " was removed from the cluster; recover another box";
    return false;
  }
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    const bool has_any = group.raft().last().index.v > 0 && group.raft().membership().known();
    if (has_any) continue;
    *why = name + " holds nothing of group " + std::to_string(n) + "; recover another box";
    return false;
  }
  if (row == nullptr && !tail.catalog.roster().boxes().empty()) {
    *why = name + " has not heard that it was added to the cluster; recover another box";
    return false;
  }
  return true;
}

void go_on_alone(Node& node, log::Journal* journal) {
  const Tail tail = tail_of_group_0(node);
  for (std::size_t n = 0; n < node.group_count(); ++n) {
    const Group& group = node.group(GroupId(static_cast<std::uint16_t>(n)));
    const bool is_0 = n == 0;
    const raft::EntryId last = group.raft().last();
    if (group.alone()) {
      // It has elected itself at this start; what it proposes follows in its own term.
      if (is_0) append_removals(node, tail, last.index.next(), group.raft().term(), journal);
      continue;
    }
    const Term term(group.raft().term().v + 1);
    append_membership(node, group, term, journal);
    if (is_0) append_removals(node, tail, Index(last.index.v + 2), term, journal);
  }
}

}  // namespace pawl::node
