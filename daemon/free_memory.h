// Memory that the allocator holds and nobody uses any more goes back to the kernel, little by
// little: after a start that read large snapshots, after a burst. On a small box others need it.
//
// Owned by the loop. With another allocator than the binary's own (docs/decisions/0017) it does
// nothing.
#pragma once

#include <cstdint>

namespace pawl::daemon {

class FreeMemory {
 public:
  // At the end of a turn: looks whether there is something to give back, at most once in a while,
  // and gives back one step of it. What it has begun goes on by deadline_ns(); it wakes nobody
  // else.
  void turn(std::int64_t now_ns);
  // When a turn is wanted though nothing happens; INT64_MAX: none is.
  std::int64_t deadline_ns() const { return more_ ? due_ns_ : INT64_MAX; }

 private:
  std::int64_t due_ns_ = 0;
  bool more_ = false;  // the last look found more than is kept
};

}  // namespace pawl::daemon
