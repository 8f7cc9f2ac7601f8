// How a group begins: its snapshot, the journal's entries in order, and what Raft starts with.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "node/group.h"

namespace pawl::node {
namespace {

// Segments are given up once two snapshots, or the only one there can be, stand for them.
constexpr char kNothingBefore[] =
    "what came before it was given up, and no snapshot of the group that reaches so far can be "
    "read; put the group's .snap files back from a copy, or restore a backup";

}  // namespace

// The trail begins with the journal, not with the snapshot: a leader may have to send any of it.
bool Group::restore_entry(Term term, Index index, std::string_view payload, GroupOwner* owner,
                          std::string* error) {
  raft::Trail& trail = restored_.trail;
  // It followed something that was replaced since: terms never fall along a log.
  if (index > snapshot_.index && term < snapshot_.term) return true;
  // Entries are gone, at the journal's beginning or after the histories that a restored backup
  // begins with: what the snapshot covers is not looked at.
  if (index > trail.last().index.next()) {
    if (index > snapshot_.index.next()) {
      *error = where(index) + kNothingBefore;
      lacks_beginning_ = true;
      return false;
    }
    trail = raft::Trail(snapshot_, snapshot_members_);
  }
  // What was folded here is committed. What the snapshot covers may have been written more than
  // once on the way to that: what holds is known at the end of the journal (start).
  if (index <= applied_ && applied_ > snapshot_.index) {
    *error = where(index) + "it replaces an entry that was committed";
    return false;
  }
  while (!pending_.empty() && pending_.back().index >= index) pending_.pop_back();
  if (index <= trail.floor().index) {
    trail.truncate_from(trail.floor().index.next());
    return true;
  }
  codecs::Entry entry;
  raft::MembershipPtr membership;
  if (!decode(index, payload, &entry, &membership, error)) return false;
  // The only voter's log is committed as far as it is on the disk (paper 5.3: a majority of one);
  // an entry that ends that is committed by what follows it.
  const bool own = is_alone(trail.memberships().current()) && membership == nullptr;
  if (!trail.replay({index, term}, static_cast<std::uint32_t>(payload.size()), membership)) {
    *error = where(index) + "the entry does not follow the one before it";
    return false;
  }
  if (index <= applied_) return true;
  const Index committed = own ? index : std::min(entry.committed, index);
  apply_through(std::min(committed, Index(index.v - 1)), owner, error);
  if (!error->empty()) return false;
  if (committed < index) {
    pending_.push_back({index, term, {}, false, std::string(payload)});
    return true;
  }
  PAWL_CHECK(pending_.empty() && index == applied_.next());
  if (!payload.empty() && !apply_entry(index, entry, owner, error)) return false;
  applied_ = index;
  return true;
}

// What came before is another log's, and the box had applied none of it that its snapshot does not
// stand for.
bool Group::restore_begin(raft::EntryId last, std::string* error) {
  if (last.index > applied_) {
    *error = where(last.index) + kNothingBefore;
    lacks_beginning_ = true;
    return false;
  }
  if (applied_ > snapshot_.index) {
    *error = where(last.index) + "the log begins anew before an entry that was committed";
    return false;
  }
  restored_.trail = raft::Trail(last, snapshot_members_);
  pending_.clear();
  return true;
}

void Group::start(log::Journal* journal, const raft::Tick& now, GroupOwner* owner) {
  journal_ = journal;
  tell_level();
  owner_ = owner;
  raft::Config config;
  config.self = options_.self;
  config.voters = options_.founders;
  // A snapshot that is ahead of the journal stands for it, and so does one that came from another
  // box where the journal holds something else: it was durable, and the log was not begun anew.
  const bool is_others = journal->kept().installed_through(id()) >= snapshot_.index;
  const bool other_log = is_others && !restored_.trail.holds(snapshot_);
  if (restored_.trail.last().index < applied_ || (applied_.v > 0 && other_log)) {
    restored_.trail = raft::Trail(snapshot_, snapshot_members_);
    pending_.clear();
    if (is_others) journal->begin_log(id(), {snapshot_.term, snapshot_.index});
  }
  if (!restored_.trail.holds(snapshot_)) {
    lacks_beginning_ = true;
    fatal_ = where(snapshot_.index) + "the snapshot's last entry is not the journal's";
  }
  // A group that has voted has had an entry, if only its leader's first.
  if (applied_.v == 0 && restored_.trail.last().index.v == 0 && restored_.hard.term.v > 0 &&
      journal->oldest_segment() > 1 && restored_.promised.index.v == 0) {
    lacks_beginning_ = true;
    fatal_ = where(Index(0)) + kNothingBefore;
  }
  restored_.commit = applied_;
  raft_.emplace(config, restored_, now);
  restored_ = raft::Restored{};
  alone_ = is_alone(raft_->membership());
  if (!fatal_.empty()) return;
  if (alone_) {
    step(raft::Campaign{});
  } else if (raft_->state().promised.index.v > 0) {
    step(now);  // a later term begins before anything is said
  }
}

}  // namespace pawl::node
