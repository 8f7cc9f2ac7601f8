#include "daemon/snapshots.h"

#include <iterator>

#include "base/feature_level.h"
#include "log/format.h"
#include "log/snapshot_file.h"

namespace pawl::daemon {
namespace {

struct Read {
  node::Thawed thawed;
  log::SnapshotHeader header;
  std::uint64_t bytes = 0;  // of the content
};

absl::StatusOr<Read> read_one(log::FileSystem& files, const std::string& path,
                              const log::StoreId& store, GroupId group) {
  auto reader = log::SnapshotReader::open(files, path, store);
  if (!reader.ok()) return reader.status();
  const log::SnapshotHeader& header = (*reader)->header();
  if (header.group != group) return absl::DataLossError(path + " is of another group");
  if (header.feature_level > kFeatureLevel) {
    return absl::FailedPreconditionError(path + " was written by a newer pawl");
  }
  node::Thaw thaw(group, /*verified=*/true);  // by the reader
  std::string error;
  for (;;) {
    const auto chunk = (*reader)->next_chunk();
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) break;
    if (!thaw.feed(*chunk, &error)) return absl::DataLossError(path + ": " + error);
  }
  auto thawed = std::move(thaw).finish(&error);
  if (!thawed) return absl::DataLossError(path + ": " + error);
  return Read{std::move(*thawed), header, (*reader)->content_bytes()};
}

}  // namespace

LoadedSnapshots load_snapshots(log::FileSystem& files, const std::string& directory,
                               const log::StoreId& store, node::Node* node, const Logger& logger) {
  LoadedSnapshots loaded;
  loaded.indexes.resize(node->group_count());
  loaded.older.resize(node->group_count());
  for (std::size_t g = 0; g < node->group_count(); ++g) {
    const GroupId group(static_cast<std::uint16_t>(g));
    const auto indexes = log::list_snapshots(files, directory, group);
    if (!indexes.ok()) continue;
    for (auto at = indexes->begin(); at != indexes->end(); ++at) {
      const Index index = *at;
      const std::string path = directory + "/" + log::snapshot_name(group, index);
      auto read = read_one(files, path, store, group);
      if (read.ok()) {
        node->restore_snapshot(std::move(read->thawed), read->header.index, read->header.term);
        ++loaded.count;
        loaded.bytes += read->bytes;
        loaded.indexes[g] = index;
        if (index != indexes->back()) loaded.older[g] = *std::next(at);
        break;
      }
      logger.write(LogLevel::warning,
                   "snapshot: passed over, an older one or the journal stands in",
                   {{"file", path}, {"why", std::string(read.status().message())}});
      if (absl::IsDataLoss(read.status())) loaded.damaged.push_back(path);
    }
  }
  return loaded;
}

absl::StatusOr<TimeMs> snapshot_time(log::FileSystem& files, const std::string& path,
                                     const log::StoreId& store, GroupId group) {
  const auto read = read_one(files, path, store, group);
  if (!read.ok()) return read.status();
  return read->thawed.tables.time();
}

void set_damaged_aside(log::FileSystem& files, const LoadedSnapshots& loaded) {
  for (const std::string& path : loaded.damaged) {
    (void)files.rename(path, path + std::string(log::format::kDamagedSuffix));
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

absl::Status UncoveredEntries::on_begin(GroupId group, log::LogEnd last) {
  return next_->on_begin(group, last);
}

}  // namespace pawl::daemon
