// The time entries are stamped with. It follows the box's wall clock but never goes back, and does
// not believe a jump: a wall clock more than kClockJumpMsMax ahead of the last stamp is followed
// only if it is trusted (alone: the kernel calls it synchronised; of several boxes: a majority's
// clocks agree with it). Until then time runs on from the last stamp with the monotonic clock, so
// that a box without a clock battery that wakes in 2099 fires nothing. An operator who vouches for
// a clock moves the last stamp (AcceptTime).
//
// A new store has no last stamp. Alone, its first one is what the clock says; of several boxes, it
// is known once a majority's clocks agree (Boxes::agreed_clock), or an entry of another box is
// applied, and before that nothing is stamped.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace pawl::node {

// What the clocks said when an input was made.
struct Now {
  std::int64_t mono_ms = 0;
  std::int64_t wall_ms = 0;
  bool wall_trusted = false;  // the kernel's clock is synchronised
};

class NodeTime {
 public:
  // `last` is the newest stamp of any group (0 in a new store: then the wall clock is believed).
  void restore(TimeMs last) { last_ = last; }
  // There is a last stamp.
  bool known() const { return last_.v > 0; }
  // The wall clock says more than time that has run on would explain: whether it is trusted counts.
  bool jumped(const Now& now) const;
  // The stamp for an entry made now; >= every stamp given before.
  TimeMs stamp(const Now& now, bool trusted);
  // An entry with this time is applied: no stamp is before it, and time runs on from there if the
  // box that stamped it was ahead.
  void observe(TimeMs time, std::int64_t now_mono_ms);
  // The wall clock is ahead of what is believed: timers wait until it is trusted or vouched for.
  bool held() const { return held_; }
  // When (monotonic) the stamp will have reached `time`, as time runs now.
  std::int64_t mono_ms_of(TimeMs time) const { return base_mono_ms_ + (time.v - base_.v); }

 private:
  std::int64_t running_ms(std::int64_t mono_ms) const;

  TimeMs last_;
  TimeMs base_;
  std::int64_t base_mono_ms_ = 0;
  bool started_ = false;
  bool held_ = false;
};

}  // namespace pawl::node
