// What a leader knows of one follower's log, for the length of its term.
//
// | state     | event                                    | state     | what is sent
// |-----------|------------------------------------------|-----------|--------------------------------
// | (new)     | this member becomes leader               | probe     | one Append at a time
// | probe     | AppendReply                              | replicate | all there is, pipelined
// | probe     | AppendReject                             | probe     | one Append further back
// | probe     | HeartbeatReply (the probe may be lost)   | probe     | the probe again
// | replicate | AppendReject                             | probe     | from the hint
// | replicate | HeartbeatReply that shows a lost Append  | probe     | from what was received
// | any       | what it needs is below the floor         | install   | heartbeats only
// | install   | AppendReply, or the floor fell below next| probe     | one Append
#pragma once

#include <array>

#include "raft/types.h"

namespace pawl::raft {

// The last indexes of Appends that are on their way, oldest first: a ring of bounded size.
class Inflight {
 public:
  std::uint32_t size() const { return size_; }
  void clear() { size_ = 0; }
  // The ring must not be full (size() < limits::kInflightMessagesMax).
  void push(Index last);
  // Takes out all that end at or before `match`.
  void acknowledge(Index match);

 private:
  std::array<Index, limits::kInflightMessagesMax> last_{};
  std::uint32_t begin_ = 0;
  std::uint32_t size_ = 0;
};

struct Progress {
  enum class Mode : std::uint8_t { probe, replicate, install };

  NodeId id;
  Mode mode = Mode::probe;
  Index match;  // on its disk and equal to ours; never falls within a term
  Index next;   // the next entry to send; > match
  bool probe_sent = false;
  // next - 1 when the last and the last but one heartbeat went out: what the latter covers and is
  // still not received when a heartbeat is answered has been lost (or is very late: a repeat is
  // harmless).
  Index sent_by_heartbeat;
  Index sent_by_heartbeat_before;
  Inflight inflight;

  // Falls back to sending one Append from `from` (at least match + 1).
  void become_probe(Index from);
  // Starts pipelining from `from` (at least match + 1).
  void become_replicate(Index from);
  // Notes a heartbeat going out.
  void heartbeat_sent();
  // Whether an answer that says `received` shows that something sent long ago did not arrive.
  bool shows_loss(Index received) const { return received < sent_by_heartbeat_before; }
};

const char* to_string(Progress::Mode mode);

}  // namespace pawl::raft
