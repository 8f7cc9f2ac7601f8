// What a node asks of whoever drives it, collected while it handles an input. The order within one
// vector is the order in which to act.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "codecs/frame_kind.h"
#include "node/request.h"
#include "raft/message.h"

namespace pawl::node {

// The tables hold everything that was acknowledged before the Barrier request came in.
struct ReadReady {
  RequestId id;
};

// A run's history is wanted, of a cold one or for a look into the past: read it back, fold it, and
// say RunLoaded.
struct LoadRun {
  GroupId group;
  Index run;
  Index newest;          // the run's newest entry, or that of an earlier generation
  Seq through = Seq(0);  // up to the entry that has this event; 0: all
};

// For another box: PeerFrame there. May be lost; a link that loses frames says so by PeerLink.
struct OutgoingFrame {
  NodeId to;
  codecs::FrameKind kind = codecs::FrameKind::kNone;
  std::string payload;
};

// Entries of a group's log are wanted from the journal: read them and say EntriesLoaded.
struct ReadEntries {
  GroupId group;
  Index first, last;
};

// A snapshot of the group that covers `floor` is to be made ready to be sent, with the entries of
// the kept runs up to it: say TransferReady.
struct MakeTransfer {
  GroupId group;
  Index floor;
};
// Bytes of the transfer that was made ready, for a SnapshotChunk: say ChunkRead.
struct ReadChunk {
  GroupId group;
  raft::Message message;
};
// Bytes of a transfer that comes in; at offset 0 it is begun anew. Say ChunkWritten.
struct WriteChunk {
  GroupId group;
  Index last;  // the snapshot's
  std::uint64_t offset = 0;
  std::string bytes;
};
// All of it is there. Check it, make its entries and then the snapshot durable, and say
// TransferTaken.
struct TakeTransfer {
  GroupId group;
  raft::Snapshot snapshot;
};
using SnapshotWork = std::variant<MakeTransfer, ReadChunk, WriteChunk, TakeTransfer>;

struct Outputs {
  std::vector<Answer> answers;
  std::vector<ReadReady> reads;
  std::vector<LoadRun> loads;
  std::vector<OutgoingFrame> frames;
  std::vector<ReadEntries> entry_reads;
  std::vector<SnapshotWork> snapshot_work;
  // Groups whose tables came from another box just now: any of their runs may have changed.
  std::vector<GroupId> installed;
  // Runs that an applied entry changed, with the entry: for whoever waits for them. (group 0: 0, a
  // definition)
  std::vector<std::pair<GroupId, Index>> changed;
  // The other boxes of the cluster from now on, with the addresses that were given for
  // those that were added to it ("": the configuration knows).
  std::optional<std::vector<std::pair<NodeId, std::string>>> peers;
  // For the log: what an operator should know.
  std::vector<std::string> notices;
  // Not empty: the node has lost an invariant or read an entry it can't understand. The process
  // must stop with this message; nothing more may be answered.
  std::string fatal;

  void clear() {
    answers.clear();
    reads.clear();
    loads.clear();
    frames.clear();
    entry_reads.clear();
    snapshot_work.clear();
    installed.clear();
    changed.clear();
    peers.reset();
    notices.clear();
    fatal.clear();
  }
};

}  // namespace pawl::node
