#include "log/backup_copy.h"

#include <algorithm>

#include "log/names.h"
#include "log/snapshot_file.h"

namespace pawl::log {
namespace {

std::string name_of(std::size_t group) { return "group " + std::to_string(group); }

class Copy {
 public:
  Copy(const BackupSource& source, BackupWriter* writer)
      : source_(source), writer_(*writer), groups_(source.run_groups + std::size_t{1}) {}

  absl::Status run() {
    if (absl::Status s = copy_states(); !s.ok()) return s;
    if (absl::Status s = copy_snapshots(); !s.ok()) return s;
    absl::Status status = source_.scan.entries(
        [this](const ScannedEntry& entry, std::string_view payload) -> absl::Status {
          return entry.replaced ? absl::OkStatus() : copy_entry(entry, payload);
        });
    return status.ok() ? check_ends() : status;
  }

 private:
  struct Group {
    LogEnd snapshot;      // 0: none is copied
    LogEnd last;          // of what is copied
    bool begins = false;  // with its first entry, or a snapshot
  };

  absl::Status changed(std::size_t group) const {
    return absl::AbortedError(name_of(group) + " went on too far while it was read");
  }

  bool is_wanted(GroupId group, Index index) const {
    return source_.through.empty() || index <= source_.through[group.v];
  }

  absl::Status copy_states() {
    const auto& states = source_.scan.states();
    for (std::size_t g = 0; g < states.size(); ++g) {
      if (!states[g]) continue;
      const absl::Status s = writer_.add_state(GroupId(static_cast<std::uint16_t>(g)), *states[g]);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }

  // The newest of each group that is wanted.
  absl::Status copy_snapshots() {
    for (const SnapshotPlace& snapshot : source_.snapshots) {
      if (snapshot.group.v >= groups_.size()) continue;
      Group& group = groups_[snapshot.group.v];
      if (group.begins || !is_wanted(snapshot.group, snapshot.index)) continue;
      group.snapshot = group.last = {snapshot.term, snapshot.index};
      group.begins = true;
      if (absl::Status s = copy_snapshot(snapshot); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status copy_snapshot(const SnapshotPlace& snapshot) {
    const std::string name = snapshot_name(snapshot.group, snapshot.index);
    auto reader =
        SnapshotReader::open(source_.files, join(source_.directory, name), source_.scan.store_id());
    if (absl::IsNotFound(reader.status())) return changed(snapshot.group.v);
    if (!reader.ok()) return reader.status();
    absl::Status status = writer_.begin_snapshot(
        {snapshot.group, snapshot.index, snapshot.term, snapshot.feature_level});
    while (status.ok()) {
      const auto chunk = (*reader)->next_chunk();
      if (!chunk.ok()) return chunk.status();
      if (chunk->empty()) break;
      status = writer_.add_piece(*chunk);
    }
    return status;
  }

  absl::Status copy_entry(const ScannedEntry& entry, std::string_view payload) {
    if (!is_wanted(entry.group, entry.index)) return absl::OkStatus();
    if (entry.group.v < groups_.size()) {
      Group& group = groups_[entry.group.v];
      // A snapshot came from another box in place of what the journal has.
      const LogEnd end{entry.term, entry.index};
      const bool before = entry.index >= group.snapshot.index && end < group.snapshot;
      const bool other = entry.index == group.snapshot.index && end != group.snapshot;
      if (before || other) return changed(entry.group.v);
      const bool goes_on = entry.index == group.last.index.next();
      if (source_.of_cluster && entry.index > group.snapshot.index && !goes_on) {
        return changed(entry.group.v);
      }
      group.begins |= entry.index.v == 1;
      if (entry.index > group.last.index) group.last = {entry.term, entry.index};
    }
    return writer_.add_entry(entry.group, entry.term, entry.index, payload);
  }

  absl::Status check_ends() const {
    for (std::size_t g = 0; source_.of_cluster && g < groups_.size(); ++g) {
      const Group& group = groups_[g];
      const auto id = GroupId(static_cast<std::uint16_t>(g));
      if (!source_.through.empty() && group.last.index < source_.through[g]) return changed(g);
      const Rebuild* rebuild = rebuild_of(source_.scan.rebuilds(), id);
      if (rebuild != nullptr && source_.through.empty() && group.last < rebuild->promised) {
        return absl::FailedPreconditionError(
            name_of(g) + " was damaged on this box and is not fetched from another one yet");
      }
      if (group.begins) continue;
      if (!source_.through.empty()) return changed(g);
      return absl::FailedPreconditionError("this box holds nothing of " + name_of(g) + " yet");
    }
    return absl::OkStatus();
  }

  const BackupSource& source_;
  BackupWriter& writer_;
  std::vector<Group> groups_;
};

}  // namespace

std::uint32_t feature_level_of(const BackupSource& source) {
  std::uint32_t level = 0;
  for (const ScannedSegment& segment : source.scan.segments()) {
    level = std::max(level, segment.feature_level);
  }
  for (const SnapshotPlace& snapshot : source.snapshots) {
    level = std::max(level, snapshot.feature_level);
  }
  return level;
}

absl::Status copy_store(const BackupSource& source, BackupWriter* writer) {
  return Copy(source, writer).run();
}

}  // namespace pawl::log
