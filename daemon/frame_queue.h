// Frames to one peer that wait for its stream, gathered into batches of which each becomes a
// record. Bounded: what does not fit is refused, since Raft bears any loss, and best that of the
// newest: a follower can use the beginning of a row of Appends and not its rest.
//
// Express frames are small ones (heartbeats, votes) that must not wait behind megabytes: they go
// first and have room of their own. So they overtake; without a backlog everything is in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "codecs/frame.h"

namespace pawl::daemon {

class FrameQueue {
 public:
  struct Batch {
    std::string bytes;  // frames, one behind the other
    std::uint32_t frames = 0;
  };

  // False, and nothing happens, if the frame would go past kLinkQueuedBytesMax, an express one past
  // kLinkExpressBytesMax beside them.
  bool push(const codecs::Frame& frame, bool express);
  // The batch to be sent next; false if there is none.
  bool pop(Batch* batch);
  // Forgets everything; returns how many frames that were.
  std::uint64_t clear();

  bool empty() const { return express_.batches.empty() && ordered_.batches.empty(); }
  std::size_t bytes() const { return express_.bytes + ordered_.bytes; }

 private:
  struct Lane {
    std::deque<Batch> batches;
    std::size_t bytes = 0;
  };
  static bool push_to(Lane* lane, const codecs::Frame& frame, std::size_t bytes_max);
  static bool pop_from(Lane* lane, Batch* batch);

  Lane express_, ordered_;
};

}  // namespace pawl::daemon
