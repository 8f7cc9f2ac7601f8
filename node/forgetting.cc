#include "node/forgetting.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/feature_level.h"
#include "base/limits_subscriptions.h"

namespace pawl::node {

Node::Forgetting::Forgetting(Node* node)
    : node_(node), keep_ms_(node->options_.keep_closed_ms), of_(node->groups_.size()) {}

void Node::Forgetting::set_keep(std::optional<std::int64_t> ms) {
  keep_ms_ = ms;
  definitions_changed();
}

void Node::Forgetting::definitions_changed() {
  for (const auto& group : node_->groups_) {
    if (node_->opened_[group->id().v].v != 0) find_due(*group);
  }
}

bool Node::Forgetting::may(const Group& group) const {
  return node_->decides(group) && group.tables().feature_level() >= kJournalLevel;
}

// Absent: never, or this box has no definition to tell.
std::optional<TimeMs> Node::Forgetting::due_at(const std::pair<std::string, std::uint32_t>& version,
                                               TimeMs closed_at) const {
  const dsl::Definition* definition = node_->definitions_.find(version.first, version.second);
  if (definition == nullptr) return std::nullopt;
  const std::optional<std::int64_t> keep =
      definition->retention_ms ? definition->retention_ms : keep_ms_;
  if (!keep || *keep > INT64_MAX / 2 - closed_at.v) return std::nullopt;
  const std::int64_t slack = std::clamp<std::int64_t>(*keep / 100, 1, limits::kForgetSlackMsMax);
  return TimeMs((closed_at.v + *keep + slack - 1) / slack * slack);
}

void Node::Forgetting::closed(const Group& group, Index run, TimeMs at) {
  if (node_->opened_[group.id().v].v == 0) return;
  OfGroup& of = of_[group.id().v];
  const engine::Run& known = *group.tables().find(run);
  const auto due = due_at({known.workflow(), known.version()}, at);
  if (due && (!of.due || *due < *of.due)) of.due = due;
}

void Node::Forgetting::forgot(const Group& group, const codecs::Entry& entry,
                              const Proposal* proposal) {
  node_->stats_.runs_forgotten += entry.forgets.size();
  if (node_->out_ == nullptr) return;
  if (node_->opened_[group.id().v].v != 0) find_due(group);
  for (const Index run : entry.forgets) node_->out_->changed.emplace_back(group.id(), run);
  if (proposal == nullptr) return;
  of_[group.id().v].under_way = false;
  for (const std::string& id : proposal->forgotten) {
    node_->left_.released.push_back({group.id(), id, Index(0)});
  }
}

void Node::Forgetting::find_due(const Group& group) {
  OfGroup& of = of_[group.id().v];
  of.due.reset();
  const auto look_at = [&](const auto& by_version) {
    for (const auto& [version, closed] : by_version) {
      const auto due = due_at(version, closed.begin()->closed_at);
      if (due && (!of.due || *due < *of.due)) of.due = due;
    }
  };
  look_at(group.tables().closed_by_version());
  look_at(group.tables().generations().by_version());
}

void Node::Forgetting::look() {
  for (const auto& group : node_->groups_) {
    OfGroup& of = of_[group->id().v];
    if (of.under_way || !may(*group)) continue;
    const bool now = of.due && *of.due <= node_->stamp_;
    if (now && of.retry_mono_ms <= node_->now_.mono_ms) propose(*group);
  }
}

bool Node::Forgetting::is_due(const std::pair<std::string, std::uint32_t>& version,
                              TimeMs closed_at) const {
  const auto due = due_at(version, closed_at);
  return due && *due <= node_->stamp_;
}

bool Node::Forgetting::is_held(const Group& group, Index run, std::uint32_t generation) const {
  const auto held = node_->catalog().subscriptions().held_from(group.id());
  if (!held) return false;
  const engine::Run& known = *group.tables().find(run);
  if (generation == 0) return known.last_entry >= *held;
  const auto& older = *known.older;
  return std::any_of(older.begin(), older.end(), [&](const engine::Generation& each) {
    return each.number == generation && each.last_entry >= *held;
  });
}

void Node::Forgetting::propose(Group& group) {
  Proposal proposal;
  std::vector<Index>& runs = proposal.entry.forgets;
  std::set<std::string> ids;
  bool held = false;
  for (const auto& [version, closed] : group.tables().closed_by_version()) {
    for (const engine::ClosedRun& run : closed) {
      if (!is_due(version, run.closed_at) || runs.size() >= limits::kForgottenPerEntryMax) break;
      if (is_held(group, run.run)) {
        held = true;  // as those that have closed since
        break;
      }
      const std::string id = group.tables().runs().id_of(run.run);
      if (mailboxes(group).busy(id)) continue;
      ids.insert(id);
      runs.push_back(run.run);
    }
  }
  std::map<Index, std::uint32_t> generations;  // of a run, up to which
  for (const auto& [version, closed] : group.tables().generations().by_version()) {
    for (const engine::ClosedGeneration& generation : closed) {
      const std::size_t listed = runs.size() + generations.size();
      if (!is_due(version, generation.closed_at) || listed >= limits::kForgottenPerEntryMax) break;
      if (is_held(group, generation.run, generation.number)) {
        held = true;
        break;
      }
      std::uint32_t& through = generations[generation.run];
      through = std::max(through, generation.number);
    }
  }
  // Of those due some may be busy: they are looked at again, and this entry's end is not waited for
  // where there is none.
  OfGroup& of = of_[group.id().v];
  const bool none = runs.empty() && generations.empty();
  const std::int64_t again = held ? limits::kHeldAgainMs : limits::kForgetRetryMs;
  of.retry_mono_ms = none ? node_->now_.mono_ms + again : 0;
  if (none) return;
  std::sort(runs.begin(), runs.end());
  proposal.entry.time = node_->stamp_;
  proposal.entry.forgets_generations.assign(generations.begin(), generations.end());
  for (const std::string& id : ids) mailboxes(group).acquire(id);
  proposal.forgotten.assign(ids.begin(), ids.end());
  of.under_way = true;
  ++node_->stats_.entries_proposed;
  group.propose(std::move(proposal));
}

Mailboxes& Node::Forgetting::mailboxes(const Group& group) {
  return node_->mailboxes_[group.id().v];
}

void Node::Forgetting::settle_load(Group& group, Index run) {
  const auto it = node_->under_way_.loads.find({group.id(), run});
  UnderWay::Load load = std::move(it->second);
  node_->under_way_.loads.erase(it);
  for (const RequestId id : load.reads) {
    node_->under_way_.outstanding.erase(id);
    node_->out_->reads.push_back({id});
  }
  for (Job& job : load.jobs) node_->submit(group, std::move(job));
}

std::int64_t Node::Forgetting::next_wake_mono_ms() const {
  std::int64_t wake = INT64_MAX;
  for (const auto& group : node_->groups_) {
    const OfGroup& of = of_[group->id().v];
    if (of.under_way || !of.due || !may(*group)) continue;
    wake = std::min(wake, std::max(of.retry_mono_ms, node_->time_.mono_ms_of(*of.due)));
  }
  return wake;
}

void Node::keep_closed(std::optional<std::int64_t> ms) { forgetting_->set_keep(ms); }

}  // namespace pawl::node
