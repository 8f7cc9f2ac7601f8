#include "node/node_time.h"

#include <algorithm>

#include "base/limits.h"
#include "node/planted.h"

namespace pawl::node {

TimeMs NodeTime::stamp(const Now& now) {
  const std::int64_t elapsed = std::max<std::int64_t>(0, now.mono_ms - base_mono_ms_);
  const std::int64_t running = started_ ? std::max(last_.v, base_.v + elapsed) : last_.v;
  const bool first_ever = last_.v == 0;
  const bool jump = !first_ever && now.wall_ms - running > limits::kClockJumpMsMax;
  held_ = jump && !now.wall_trusted && !accepted_;
  const std::int64_t believed = held_ ? running : std::max(running, now.wall_ms);
  if (!held_) accepted_ = false;
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
