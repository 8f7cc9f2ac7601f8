// The follower's side of being sent a snapshot (dissertation 5.3), in chunks that can be resumed
// after a crash and under the next leader; the bytes themselves never pass here. (The leader's side
// is in replication.cc, its table in progress.h.)
//
// clang-format off
// | incoming      | event                                       | incoming    | effects                      |
// |---------------|---------------------------------------------|-------------|------------------------------|
// | any           | chunk of a snapshot that the log has passed | any         | AppendReply                  |
// | none, another | chunk of a newer one, or of a new leader's  | at 0        |                              |
// | another       | chunk of an older one of the same leader    | another     |                              |
// | another       | the same, of a later round than any of it   | at 0        |                              |
// | at offset n   | chunk at n                                  | busy        | StoreSnapshotChunk           |
// | at offset n   | chunk at another offset                     | at offset n | SnapshotReply n              |
// | busy          | any chunk of it                             | busy        |                              |
// | busy          | SnapshotChunkStored m                       | at offset m | SnapshotReply m              |
// | busy          | the same, and that is all                   | busy        | FinishSnapshot               |
// | busy          | SnapshotReceived, not sound                 | at 0        | SnapshotReply 0              |
// | busy          | SnapshotReceived, the log has passed it     | none        | AppendReply                  |
// | busy          | SnapshotReceived                            | none        | InstallSnapshot, AppendReply |
// clang-format on
//
// No chunk is stored before the member's term is on its disk: what the snapshot speaks of must not
// be of a later term than what a restart finds.
#pragma once

#include "raft/effect.h"
#include "raft/event.h"
#include "raft/state.h"

namespace pawl::raft {

// From the leader of the current term, which this member follows.
void on_snapshot_chunk(State* state, const SnapshotChunk& chunk, Effects* effects);
void snapshot_chunk_stored(State* state, const SnapshotChunkStored& event, Effects* effects);
void snapshot_received(State* state, const SnapshotReceived& event, Effects* effects);

// What this box can send, and can't any more.
void snapshot_available(State* state, const Snapshot& snapshot, Effects* effects);
void snapshot_lost(State* state, Index last, Effects* effects);

}  // namespace pawl::raft
