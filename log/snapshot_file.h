// Snapshot files of a group: opaque bytes in checked chunks with a hash over the whole. Written by
// the cold thread beside the final name (.tmp), fsynced, renamed, the directory fsynced: a file
// with its final name is complete, and a crash leaves at most a .tmp that the next writer removes.
// The reader verifies the whole file before it hands out the first byte.
// Layout: docs/log-format.md, "Snapshot files".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/record.h"

namespace pawl::log {

struct SnapshotHeader {
  StoreId store_id{};
  GroupId group;
  Index index;  // the last entry folded into it
  Term term;    // of that entry
  std::uint32_t feature_level = 0;
  friend bool operator==(const SnapshotHeader&, const SnapshotHeader&) = default;
};

// "snapshot-GGGG-IIIIIIIIIIIIIIII.snap"
std::string snapshot_name(GroupId group, Index index);

class SnapshotWriter {
 public:
  // Nothing touches the disk before the first chunk is full or commit() is called.
  SnapshotWriter(FileSystem& files, std::string directory, const SnapshotHeader& header);
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  // After an error the writer is dead and returns it again; the .tmp stays for discard().
  absl::Status append(std::string_view bytes);
  // What was written so far, so that commit() finds little left to wait for.
  absl::Status sync();
  std::uint64_t unsynced_bytes() const { return offset_ - synced_; }
  std::uint64_t content_bytes() const { return content_bytes_ + chunk_.size(); }
  // After ok the snapshot is durable under its name.
  absl::Status commit();
  // Removes what was written; for an abandoned snapshot.
  absl::Status discard();

 private:
  absl::Status start();
  absl::Status flush_chunk();

  FileSystem& files_;
  std::string directory_;
  SnapshotHeader header_;
  std::string temporary_;
  std::string chunk_;
  std::string record_;
  std::uint64_t offset_ = 0;
  std::uint64_t synced_ = 0;  // of it
  std::uint64_t content_bytes_ = 0;
  std::uint32_t crc_ = 0;
  Digest digest_{};
  bool started_ = false;
  absl::Status status_;
};

class SnapshotReader {
 public:
  // Verifies every chunk and the whole-file hash. DataLoss names file, offset and remedy.
  static absl::StatusOr<std::unique_ptr<SnapshotReader>> open(FileSystem& files, std::string path,
                                                              const StoreId& store_id);
  const SnapshotHeader& header() const { return header_; }
  std::uint64_t content_bytes() const { return content_bytes_; }
  // The next chunk (at most kSnapshotChunkBytes), checked again; empty at the end. The view is
  // valid until the next call.
  absl::StatusOr<std::string_view> next_chunk();

 private:
  SnapshotReader(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  absl::Status verify(const StoreId& store_id);
  absl::Status damaged(const char* what) const;
  absl::Status read_exactly(std::size_t bytes);
  absl::Status check_footer(const Digest& digest);

  FileSystem& files_;
  std::string path_;
  SnapshotHeader header_;
  std::string buffer_;
  std::uint64_t offset_ = 0;
  std::uint64_t content_bytes_ = 0;
  std::uint32_t crc_ = 0;
};

// Complete snapshots of a group by their names, newest first (as indexes). An unreadable or missing
// directory is an error; temporary files are not listed.
absl::StatusOr<std::vector<Index>> list_snapshots(FileSystem& files, const std::string& directory,
                                                  GroupId group);
// Removes those of a group with an index below `from`, those that were set aside as damaged, and
// temporary files of such.
absl::Status remove_snapshots_before(FileSystem& files, const std::string& directory, GroupId group,
                                     Index from);
// Removes all but the newest `keep` of a group, and the group's leftover temporary files.
absl::Status remove_old_snapshots(FileSystem& files, const std::string& directory, GroupId group,
                                  std::size_t keep);

}  // namespace pawl::log
