// What time it is, as an argument: only daemon/ (and the simulator) implement Clock; raft, engine,
// dsl and node get instants in their inputs and never ask.
#pragma once

#include <cstdint>

namespace pawl {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since an arbitrary start; never goes back, stops with the machine.
  virtual std::int64_t monotonic_ns() const = 0;
  // Milliseconds since the Unix epoch as the box believes; may jump.
  virtual std::int64_t wall_ms() const = 0;
};

}  // namespace pawl
