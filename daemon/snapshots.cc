#include "daemon/snapshots.h"

#include "base/feature_level.h"
#include "log/snapshot_file.h"

namespace pawl::daemon {
namespace {

absl::Status load_one(log::FileSystem& files, const std::string& path, const log::StoreId& store,
                      GroupId group, node::Node* node) {
  auto reader = log::SnapshotReader::open(files, path, store);
  if (!reader.ok()) return reader.status();
  const log::SnapshotHeader& header = (*reader)->header();
  if (header.group != group) return absl::DataLossError(path + " is of another group");
  if (header.feature_level > kFeatureLevel) {
    return absl::FailedPreconditionError(path + " was written by a newer pawl");
  }
  std::string content;
  content.reserve((*reader)->content_bytes());
  while (true) {
    const auto chunk = (*reader)->next_chunk();
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) break;
    content.append(*chunk);
  }
  std::string error;
  if (!node->restore_snapshot(group, content, header.index, header.term, &error)) {
    return absl::DataLossError(path + ": " + error);
  }
  return absl::OkStatus();
}

}  // namespace

int load_snapshots(log::FileSystem& files, const std::string& directory, const log::StoreId& store,
                   node::Node* node, const Logger& logger) {
  int loaded = 0;
  for (std::size_t g = 0; g < node->group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const auto indexes = log::list_snapshots(files, directory, group);
    if (!indexes.ok()) continue;
    for (const Index index : *indexes) {
      const std::string path = directory + "/" + log::snapshot_name(group, index);
      const absl::Status status = load_one(files, path, store, group, node);
      if (status.ok()) {
        ++loaded;
        break;
      }
      logger.write(LogLevel::warning, "snapshot: passed over, the journal is folded instead",
                   {{"file", path}, {"why", std::string(status.message())}});
    }
  }
  return loaded;
}

UncoveredEntries::UncoveredEntries(const node::Node& node, log::RecoverySink* next) : next_(next) {
  for (std::size_t g = 0; g < node.group_count(); ++g) {
    covered_.push_back(node.group(GroupId(static_cast<std::uint16_t>(g))).applied());
  }
}

absl::Status UncoveredEntries::on_hard_state(GroupId group, const log::HardState& state) {
  return next_->on_hard_state(group, state);
}

absl::Status UncoveredEntries::on_entry(GroupId group, Term term, Index index,
                                        std::string_view payload) {
  if (group.v < covered_.size() && index > covered_[group.v]) bytes_ += payload.size();
  return next_->on_entry(group, term, index, payload);
}

absl::Status write_snapshot(log::FileSystem& files, const std::string& directory,
                            const log::StoreId& store, GroupId group,
                            const node::GroupSnapshot& snapshot) {
  log::SnapshotHeader header;
  header.store_id = store;
  header.group = group;
  header.index = snapshot.index;
  header.term = snapshot.term;
  header.feature_level = snapshot.feature_level;
  log::SnapshotWriter writer(files, directory, header);
  absl::Status status = writer.append(snapshot.bytes);
  if (status.ok()) status = writer.commit();
  if (!status.ok()) {
    (void)writer.discard();  // the .tmp is removed by the next writer in any case
    return status;
  }
  return log::remove_old_snapshots(files, directory, group, 2);
}

}  // namespace pawl::daemon
