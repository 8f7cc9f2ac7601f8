#include "node/installs.h"

#include <utility>

#include "base/check.h"
#include "node/boxes.h"
#include "node/forgetting.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kRetryMs = 1'000;

}  // namespace

void Node::Installs::on_snapshot_needed(const Group& group, Index floor) {
  missing_[group.id()] = {floor, INT64_MAX};
  node_->out_->snapshot_work.emplace_back(MakeTransfer{group.id(), floor});
}

void Node::Installs::on_chunk_wanted(const Group& group, const raft::Message& message) {
  node_->out_->snapshot_work.emplace_back(ReadChunk{group.id(), message});
}

void Node::Installs::on_chunk(const Group& group, const raft::StoreSnapshotChunk& chunk,
                              std::string_view bytes) {
  node_->out_->snapshot_work.emplace_back(
      WriteChunk{group.id(), chunk.snapshot.last.index, chunk.offset, std::string(bytes)});
}

void Node::Installs::on_whole(const Group& group, const raft::Snapshot& snapshot) {
  node_->out_->snapshot_work.emplace_back(TakeTransfer{group.id(), snapshot});
}

// Everything that is known of runs beside the tables: this box does not lead the group, so that
// little is.
void Node::Installs::on_installed(Group& group) {
  Node& node = *node_;
  node.time_.observe(group.tables().time(), node.now_.mono_ms);
  node.out_->installed.push_back(group.id());
  ++node.stats_.snapshots_installed;
  for (auto& [key, load] : node.under_way_.loads) {
    if (key.first == group.id()) load.newest = Index(0);  // asked for again, as it is now
  }
  if (group.id().v != 0) return;
  PAWL_CHECK(catalog_.has_value());
  node.definitions_.catalog() = std::move(*std::exchange(catalog_, std::nullopt));
  node.forgetting_->definitions_changed();
  node.boxes_->roster_changed();
}

void Node::Installs::on_report(SnapshotReport& any) {
  std::visit([this](auto& one) { report(one); }, any);
  node_->check_fatal();
  node_->ask_loads();
  node_->settle();
}

void Node::Installs::report(TransferReady& ready) {
  Group& group = node_->mutable_group(ready.group);
  if (ready.snapshot.last.index.v == 0) {
    missing_[ready.group].retry_mono_ms = node_->now_.mono_ms + kRetryMs;
    return;
  }
  missing_.erase(ready.group);
  group.snapshot_available(ready.snapshot);
}

void Node::Installs::report(ChunkRead& read) {
  Group& group = node_->mutable_group(read.group);
  const auto& chunk = std::get<raft::SnapshotChunk>(read.message.body);
  if (read.bytes.size() == chunk.bytes) {
    group.send_chunk(read.message, read.bytes);
  } else {
    group.snapshot_lost(chunk.snapshot.last.index);
  }
}

void Node::Installs::report(ChunkWritten& written) {
  node_->mutable_group(written.group).chunk_stored(written.last, written.stored);
}

void Node::Installs::report(TransferTaken& taken) {
  Group& group = node_->mutable_group(taken.group);
  if (group.tables().is_frozen()) {
    waiting_[taken.group] = std::move(taken);
    return;
  }
  if (taken.thawed != nullptr) {
    catalog_ = std::move(taken.thawed->catalog);
    node_->journal_->add_kept(std::move(*taken.kept));
  }
  group.received(taken.last, std::move(taken.thawed));
  catalog_.reset();
}

SnapshotOwner* Node::snapshots() { return installs_.get(); }

void Node::Installs::look() {
  if (const std::uint64_t now = node_->journal_->stats().segments_recycled; now != given_up_) {
    given_up_ = now;
    for (const auto& group : node_->groups_) group->trimmed();
  }
  for (auto& [group, missing] : missing_) {
    if (missing.retry_mono_ms > node_->now_.mono_ms) continue;
    missing.retry_mono_ms = INT64_MAX;
    node_->out_->snapshot_work.emplace_back(MakeTransfer{group, missing.floor});
  }
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (node_->group(at->first).tables().is_frozen()) {
      ++at;
      continue;
    }
    SnapshotReport taken(std::move(at->second));
    at = waiting_.erase(at);
    on_report(taken);
  }
}

}  // namespace pawl::node
