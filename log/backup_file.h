// The file that `pawl backup` writes and `pawl restore` reads: a store's entries, hard states and
// snapshots as a stream of records in checked chunks, with a hash over the whole. It goes through
// pipes: nothing is written or read twice, and memory is bounded by the largest entry.
// Layout: docs/backup-format.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "base/ids.h"
#include "log/compression.h"
#include "log/record.h"

namespace pawl::log {

namespace format {
inline constexpr std::string_view kBackupMagic = "PAWLBKUP";
inline constexpr std::uint32_t kBackupVersion = 1;
inline constexpr std::uint32_t kBackupOfClusterVersion = 2;  // it names the box
inline constexpr std::size_t kBackupHeaderBytes = 64;
}  // namespace format

struct BackupHeader {
  StoreId store_id{};  // of the store that it was made of
  TimeMs made_at;
  std::uint32_t feature_level = 0;  // that a reader needs
  std::uint16_t run_groups = 0;
  NodeId box;  // of a cluster, that it was made of; 0: of a box alone
  friend bool operator==(const BackupHeader&, const BackupHeader&) = default;
};

struct BackedUpSnapshot {
  GroupId group;
  Index index;
  Term term;
  std::uint32_t feature_level = 0;
  friend bool operator==(const BackedUpSnapshot&, const BackedUpSnapshot&) = default;
};

// What both ends count, and the end of a backup says.
struct BackupCounts {
  std::uint64_t states = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t entries = 0;
  friend bool operator==(const BackupCounts&, const BackupCounts&) = default;
};

class BackupWriter {
 public:
  // Takes all bytes in order; an error ends the writing.
  using Write = std::function<absl::Status(std::string_view)>;

  BackupWriter(Write write, const BackupHeader& header);
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  // Each returns the first error of all. A snapshot is begun, and then its pieces follow.
  absl::Status add_state(GroupId group, const HardState& state);
  absl::Status begin_snapshot(const BackedUpSnapshot& snapshot);
  absl::Status add_piece(std::string_view bytes);  // at most limits::kSnapshotChunkBytes
  absl::Status add_entry(GroupId group, Term term, Index index, std::string_view payload);
  // Without it the backup is refused as cut off.
  absl::Status finish();

  const BackupCounts& counts() const { return counts_; }
  std::uint64_t bytes() const { return bytes_; }  // written so far

 private:
  absl::Status end_record();
  absl::Status flush();

  const Write write_;
  absl::Status status_;
  std::string chunk_;
  std::string stored_;
  Compressor compressor_;
  BackupCounts counts_;
  std::uint64_t bytes_ = 0;
  std::uint32_t crc_ = 0;
  Digest digest_{};
};

// Hears a backup in order. A status that is not ok ends the reading and is returned from it.
class BackupSink {
 public:
  virtual ~BackupSink() = default;
  virtual absl::Status on_header(const BackupHeader& header) = 0;
  virtual absl::Status on_state(GroupId group, const HardState& state) = 0;
  virtual absl::Status on_snapshot(const BackedUpSnapshot& snapshot) = 0;
  virtual absl::Status on_piece(std::string_view bytes) = 0;
  virtual absl::Status on_entry(GroupId group, Term term, Index index,
                                std::string_view payload) = 0;
};

// Up to so many bytes, fewer only at the end.
using BackupRead = std::function<absl::StatusOr<std::size_t>(char*, std::size_t)>;

// Reads all of it; ok only if the end was there and everything in order. What the sink heard of a
// backup that is refused later must be thrown away. DataLoss names `name`, the offset and what to
// do; FailedPrecondition: a newer pawl made it.
absl::Status read_backup(const BackupRead& read, const std::string& name, BackupSink& sink);

}  // namespace pawl::log
