#include "node/resting.h"

#include <algorithm>

#include "base/limits.h"

namespace pawl::node {
namespace {

// While too many are awake but none has rested for long enough.
constexpr std::int64_t kLookAgainMs = 1'000;

}  // namespace

bool Node::Resting::too_many_awake() const {
  std::size_t awake = 0;
  bool raw = false;
  for (const auto& group : node_.groups_) {
    awake += group->tables().runs().awake_count();
    raw |= group->tables().runs().has_raw();
  }
  return raw || awake > node_.options_.runs_awake_max;
}

std::int64_t Node::Resting::next_wake_mono_ms() const {
  return too_many_awake() ? look_mono_ms_ : INT64_MAX;
}

void Node::Resting::look() {
  if (node_.now_.mono_ms < look_mono_ms_ || !too_many_awake()) return;
  const std::size_t each =
      std::max<std::size_t>(1, limits::kRunsPackedPerTurn / node_.options_.run_groups);
  bool more = false;
  for (const auto& group : node_.groups_) {
    const TimeMs now = std::max(node_.stamp_, group->tables().time());
    more |= rest(group.get(), now, node_.options_.run_rest_ms, each);
  }
  look_mono_ms_ = node_.now_.mono_ms + (more ? 1 : kLookAgainMs);
}

void Node::Resting::restored(Group* group) {
  constexpr std::uint64_t kEntries = 1'024;  // between two looks
  if (group->applied().v % kEntries != 0) return;
  rest(group, group->tables().time(), 0, 2 * kEntries);
}

// True if there is more to do at once.
bool Node::Resting::rest(Group* group, TimeMs now, std::int64_t rest_ms, std::size_t packed_max) {
  engine::RunStore::RestOptions rest;
  rest.now = now;
  rest.awake_max = node_.options_.runs_awake_max / node_.options_.run_groups;
  rest.rest_ms = rest_ms;
  rest.packed_max = packed_max;
  const Mailboxes& mailboxes = node_.mailboxes_[group->id().v];
  rest.busy = [&](const engine::Run& run) {
    return mailboxes.busy(run.id()) ||
           node_.under_way_.loads.contains({group->id(), run.uid().index});
  };
  return group->tables().rest(rest);
}

}  // namespace pawl::node
