// What can happen to a node: everything that handle() learns of the world but the time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "codecs/frame_kind.h"
#include "engine/run.h"
#include "log/kept_file.h"
#include "node/freeze.h"
#include "node/request.h"
#include "raft/message.h"

namespace pawl::node {

// The client of this request is gone.
struct Cancelled {
  RequestId id;
};
// A poll's answer could not be sent: its tasks go back without using an attempt.
struct Undelivered {
  std::vector<std::string> tokens;
};
// What the last batch_done() made durable takes effect.
struct BatchCompleted {};
// Parked polls are to be answered now, with what they have: the process is stopping.
struct AnswerPolls {};
// The answer to Outputs::loads: the run as its history folds, or null and why not.
struct RunLoaded {
  GroupId group;
  Index index;
  std::shared_ptr<engine::Run> run;
  std::string error;
  bool is_lost = false;  // what it lacks was damaged and given up
  Seq through = Seq(0);  // as it was asked for
};
// What another box sent, authenticated by the link. The view is valid for the call.
struct PeerFrame {
  NodeId from;
  codecs::FrameKind kind = codecs::FrameKind::kNone;
  std::string_view payload;
};
// A peer can be reached, or no longer. What was sent before it went down may be lost.
struct PeerLink {
  NodeId peer;
  bool up = false;
};
// The answer to Outputs::entry_reads: the payloads in order, fewer if they could not be read.
struct EntriesLoaded {
  GroupId group;
  Index first, last;
  std::vector<std::string> payloads;
};
// The answers to Outputs::snapshot_work.
struct TransferReady {
  GroupId group;
  raft::Snapshot snapshot;  // index 0: it could not be made
};
struct ChunkRead {
  GroupId group;
  raft::Message message;
  std::string bytes;  // as many as the message says; else the transfer is gone
};
struct ChunkWritten {
  GroupId group;
  Index last;
  std::uint64_t stored = 0;
};
struct TransferTaken {
  GroupId group;
  Index last;
  std::shared_ptr<Thawed> thawed;  // null: it was not sound
  std::shared_ptr<log::KeptFile> kept;
};
using SnapshotReport = std::variant<TransferReady, ChunkRead, ChunkWritten, TransferTaken>;
// An operator wants another voter to lead the group; nothing if this box does not.
struct TransferGroup {
  GroupId group;
  NodeId to;
};
// What the links have measured, about once a second: microseconds there and back, 0 if nothing.
struct RoundTrip {
  NodeId peer;
  std::int64_t us = 0;
};
// How much work the disk has room for (node/disk_room.h). Little: what ends work that is under way.
enum class RoomLevel : std::uint8_t { plenty, little, none };
// It has changed, or the numbers have.
struct RoomChanged {
  RoomLevel level = RoomLevel::plenty;
  std::uint64_t free_bytes = 0;
  std::uint64_t needed_bytes = 0;  // free, before there is plenty again
};
// Time has passed.
struct Tick {};
// All that came in together has been given: what was proposed meanwhile goes to the other boxes.
// With several boxes it is the last input of every turn.
struct TurnEnd {};

using Input = std::variant<Request, Cancelled, Undelivered, BatchCompleted, AnswerPolls, RunLoaded,
                           PeerFrame, PeerLink, EntriesLoaded, TransferGroup, SnapshotReport,
                           RoundTrip, RoomChanged, Tick, TurnEnd>;

}  // namespace pawl::node
