#include "node/resting.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace pawl::node {
namespace {

// While too many are awake but none has rested for long enough.
constexpr std::int64_t kLookAgainMs = 1'000;

}  // namespace

std::size_t Node::Resting::awake() const {
  std::size_t awake = 0;
  for (const auto& group : node_.groups_) awake += group->tables().runs().may_rest_count();
  return awake;
}

bool Node::Resting::too_many_awake() const {
  const auto has_raw = [](const auto& group) { return group->tables().runs().has_raw(); };
  return awake() > node_.options_.runs_awake_max ||
         std::any_of(node_.groups_.begin(), node_.groups_.end(), has_raw);
}

std::int64_t Node::Resting::next_wake_mono_ms() const {
  return too_many_awake() ? look_mono_ms_ : INT64_MAX;
}

void Node::Resting::look() {
  if (node_.now_.mono_ms < look_mono_ms_ || !too_many_awake()) return;
  if (awake() > node_.options_.runs_awake_crowd && rest_all(true)) return;
  look_mono_ms_ = node_.now_.mono_ms + (rest_all(false) ? 1 : kLookAgainMs);
}

// Some of each group's. True if there is more to do at once.
bool Node::Resting::rest_all(bool in_haste) {
  const std::size_t most = in_haste ? limits::kCrowdPackedPerTurn : limits::kRunsPackedPerTurn;
  bool more = false;
  for (const auto& group : node_.groups_) {
    engine::RunStore::RestOptions options;
    options.now = std::max(node_.stamp_, group->tables().time());
    options.rest_ms = in_haste ? 0 : node_.options_.run_rest_ms;
    options.packed_max = std::max<std::size_t>(1, most / node_.options_.run_groups);
    options.compress = !in_haste;
    more |= rest(group.get(), std::move(options));
  }
  return more;
}

void Node::Resting::restored(Group* group) {
  constexpr std::uint64_t kEntries = 1'024;  // between two looks
  if (group->applied().v % kEntries != 0) return;
  engine::RunStore::RestOptions options;
  options.now = group->tables().time();
  options.packed_max = 2 * kEntries;
  options.compress = false;
  rest(group, std::move(options));
}

// True if there is more to do at once.
bool Node::Resting::rest(Group* group, engine::RunStore::RestOptions options) {
  options.awake_max = node_.options_.runs_awake_max / node_.options_.run_groups;
  const Mailboxes& mailboxes = node_.mailboxes_[group->id().v];
  options.busy = [&](const engine::Run& run) {
    return mailboxes.busy(run.id()) ||
           node_.under_way_.loads.contains({group->id(), run.uid().index});
  };
  return group->tables().rest(options);
}

}  // namespace pawl::node
