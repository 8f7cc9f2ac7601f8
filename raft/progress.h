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
// | any       | what it needs is below the floor         | install   | one SnapshotChunk at a time
// | install   | SnapshotReply                            | install   | the next one
// | install   | AppendReply from the floor on            | replicate | all there is after it
// | any       | AppendReject of what it acknowledged     | lost      | heartbeats only
#pragma once

#include <array>

#include "raft/types.h"

namespace pawl::raft {

// Appends that are on their way, oldest first, by their last indexes: a ring of bounded size.
class Inflight {
 public:
  std::uint32_t size() const { return size_; }
  // Of all of them together.
  std::uint64_t bytes() const { return bytes_; }
  void clear() { size_ = 0, bytes_ = 0; }
  // The ring must not be full (size() < limits::kInflightMessagesMax).
  void push(Index last, std::uint64_t bytes);
  // Takes out all that end at or before `match`.
  void acknowledge(Index match);

 private:
  struct Sent {
    Index last;
    std::uint64_t bytes = 0;
  };
  std::array<Sent, limits::kInflightMessagesMax> sent_{};
  std::uint32_t begin_ = 0;
  std::uint32_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

struct Progress {
  enum class Mode : std::uint8_t { probe, replicate, install, lost };

  NodeId id;
  Mode mode = Mode::probe;
  Index match;        // on its disk and equal to ours; never falls within a term
  Index next;         // the next entry to send; > match
  Round round;        // the newest it has answered
  Round match_round;  // the newest begun when match last rose
  std::int64_t heard_ms = 0;
  bool probe_sent = false;
  // next - 1 when the last and the last but one heartbeat went out: what the latter covers and is
  // still not received when a heartbeat is answered has been lost (or is very late: a repeat is
  // harmless).
  Index sent_by_heartbeat;
  Index sent_by_heartbeat_before;
  Inflight inflight;
  // --- in mode install ---
  Snapshot snapshot;          // the one it is being sent; index 0: none
  std::uint64_t stored = 0;   // what it has of it
  bool chunk_sent = false;    // the chunk at `stored` is on its way,
  std::int64_t chunk_ms = 0;  // since then

  // Falls back to sending one Append from `from` (at least match + 1).
  void become_probe(Index from);
  // Starts pipelining from `from` (at least match + 1).
  void become_replicate(Index from);
  // Waits for a snapshot, which is chosen when it is sent; `next` stays.
  void become_install();
  // Counts for nothing any more.
  void become_lost();
  bool is_lost() const { return mode == Mode::lost; }
  // Notes a heartbeat going out.
  void heartbeat_sent();
  // Whether an answer that says `received` shows that something sent long ago did not arrive.
  bool shows_loss(Index received) const { return received < sent_by_heartbeat_before; }
};

const char* to_string(Progress::Mode mode);

}  // namespace pawl::raft
