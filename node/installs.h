// Snapshots between boxes, for all groups of a node: what groups ask for goes out as work for the
// driver, what the driver reports goes back to them. All I/O is the driver's
// (Outputs::snapshot_work).
//
// Sending:    needed --MakeTransfer--> TransferReady --> chunks: ReadChunk, ChunkRead, one at a
// time Receiving:  chunks: WriteChunk, ChunkWritten --> whole: TakeTransfer --> TransferTaken -->
// installed
//
// A transfer that is taken while the group's tables are being copied for a snapshot of this box's
// own waits for the end of that.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "node/node.h"

namespace pawl::node {

class Node::Installs : public SnapshotOwner {
 public:
  explicit Installs(Node* node) : node_(node) {}

  void on_snapshot_needed(const Group& group, Index floor) override;
  void on_chunk_wanted(const Group& group, const raft::Message& message) override;
  void on_chunk(const Group& group, const raft::StoreSnapshotChunk& chunk,
                std::string_view bytes) override;
  void on_whole(const Group& group, const raft::Snapshot& snapshot) override;
  void on_installed(Group& group) override;

  void on_report(SnapshotReport& report);
  // Every input: what waited, if it need not wait any more; a transfer that could not be made is
  // asked for once more.
  void look();

 private:
  void report(TransferReady& ready);
  void report(ChunkRead& read);
  void report(ChunkWritten& written);
  void report(TransferTaken& taken);

  Node* node_;
  std::uint64_t given_up_ = 0;  // segments, as of the last look
  std::map<GroupId, TransferTaken> waiting_;
  struct Missing {
    Index floor;
    std::int64_t retry_mono_ms = 0;  // INT64_MAX: it is being made
  };
  std::map<GroupId, Missing> missing_;      // transfers
  std::optional<engine::Catalog> catalog_;  // that comes with group 0's tables
};

}  // namespace pawl::node
