#include "node/node_time.h"

#include <algorithm>

#include "base/limits.h"
#include "node/planted.h"

namespace pawl::node {

// The last stamp plus the monotonic time since.
std::int64_t NodeTime::running_ms(std::int64_t mono_ms) const {
  const std::int64_t elapsed = std::max<std::int64_t>(0, mono_ms - base_mono_ms_);
  return started_ ? std::max(last_.v, base_.v + elapsed) : last_.v;
}

bool NodeTime::jumped(const Now& now) const {
  const bool first_ever = last_.v == 0;
  return !first_ever && now.wall_ms - running_ms(now.mono_ms) > limits::kClockJumpMsMax;
}

TimeMs NodeTime::stamp(const Now& now, bool trusted) {
  const std::int64_t running = running_ms(now.mono_ms);
  held_ = !trusted && jumped(now);
  const std::int64_t believed = held_ ? running : std::max(running, now.wall_ms);
  if (!started_ || believed != running) {
    started_ = true;
    base_ = TimeMs(believed);
    base_mono_ms_ = now.mono_ms;
  }
  last_ = std::max(last_, TimeMs(believed));
  return last_;
}

void NodeTime::observe(TimeMs time, std::int64_t now_mono_ms) {
  if (time <= last_) return;
  last_ = time;
  if (planted(Bug::freeze_time)) return;
  if (!started_ || time.v <= base_.v + std::max<std::int64_t>(0, now_mono_ms - base_mono_ms_))
    return;
  base_ = time;
  base_mono_ms_ = now_mono_ms;
}

}  // namespace pawl::node
