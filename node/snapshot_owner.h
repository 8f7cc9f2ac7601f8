// What a group asks for when snapshots go to another box, or come from one (raft/install.h): the
// bytes never pass through the group, only their places do.
#pragma once

#include <string_view>

#include "base/ids.h"
#include "raft/effect.h"
#include "raft/message.h"

namespace pawl::node {

class Group;

class SnapshotOwner {
 public:
  virtual ~SnapshotOwner() = default;
  // A follower needs what this box's log does not begin with: a snapshot at `floor` or behind it is
  // to be made ready, for Group::snapshot_available().
  virtual void on_snapshot_needed(const Group& group, Index floor) = 0;
  // A SnapshotChunk is to be sent: its bytes are wanted, for Group::send_chunk().
  virtual void on_chunk_wanted(const Group& group, const raft::Message& message) = 0;
  // Bytes of a snapshot that comes in, for Group::chunk_stored(). The view is valid for the call.
  virtual void on_chunk(const Group& group, const raft::StoreSnapshotChunk& chunk,
                        std::string_view bytes) = 0;
  // All of them are there: check them and make them this box's own, for Group::received().
  virtual void on_whole(const Group& group, const raft::Snapshot& snapshot) = 0;
  // The group's tables are those of the snapshot now.
  virtual void on_installed(Group& group) = 0;
};

}  // namespace pawl::node
