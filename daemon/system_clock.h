// The real clock: the only implementation of Clock outside of tests and the simulator.
#pragma once

#include "base/clock.h"

namespace pawl::daemon {

class SystemClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override;  // CLOCK_MONOTONIC
  std::int64_t wall_ms() const override;       // CLOCK_REALTIME
};

}  // namespace pawl::daemon
