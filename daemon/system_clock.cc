#include "daemon/system_clock.h"

#include <time.h>

namespace pawl::daemon {

std::int64_t SystemClock::monotonic_ns() const {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

std::int64_t SystemClock::wall_ms() const {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace pawl::daemon
