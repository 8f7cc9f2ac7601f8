// What a node asks of whoever drives it, collected while it handles an input. The order within one
// vector is the order in which to act.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "codecs/frame_kind.h"
#include "node/request.h"

namespace pawl::node {

// The tables hold everything that was acknowledged before the Barrier request came in.
struct ReadReady {
  RequestId id;
};

// A cold run's history is wanted: read it back, fold it, and say RunLoaded.
struct LoadRun {
  GroupId group;
  Index run;
  Index newest;  // the run's newest entry
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

struct Outputs {
  std::vector<Answer> answers;
  std::vector<ReadReady> reads;
  std::vector<LoadRun> loads;
  std::vector<OutgoingFrame> frames;
  std::vector<ReadEntries> entry_reads;
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
    changed.clear();
    peers.reset();
    notices.clear();
    fatal.clear();
  }
};

}  // namespace pawl::node
