// What one box sends another that lacks the beginning of a group's log: a snapshot of the group,
// and the entries before it that histories of kept runs need. In the format of a backup
// (docs/backup-format.md) of one group; its digest is the stream's hash for Raft.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "base/ids.h"
#include "log/backup_file.h"
#include "log/file_system.h"
#include "log/kept_file.h"
#include "log/record.h"

namespace pawl::log {

// "transfer-GGGG.tmp" of one that goes out, "incoming-GGGG.tmp" of one that comes in; a start
// removes both.
std::string transfer_name(GroupId group);
std::string incoming_name(GroupId group);
bool is_transfer(std::string_view name);  // either of them
absl::Status remove_transfers(FileSystem& files, const std::string& directory);

struct TransferSeal {
  std::uint64_t bytes = 0;
  Digest hash{};
};

class TransferWriter {
 public:
  TransferWriter(FileSystem& files, std::string path, const BackupHeader& header);
  // First the snapshot and its pieces, then the entries, in order.
  BackupWriter& stream() { return writer_; }
  absl::StatusOr<TransferSeal> finish();

 private:
  absl::Status write(std::string_view bytes);

  FileSystem& files_;
  const std::string path_;
  bool begun_ = false;
  std::uint64_t offset_ = 0;
  std::string last_;  // the last bytes written, where the digest is
  BackupWriter writer_;
};

// What a transfer is to become.
struct TakeOptions {
  std::string directory;
  StoreId store_id{};  // of this box
  GroupId group;
  Index index;  // of the snapshot
  Term term;
  TransferSeal seal;
  std::uint64_t kept_number = 0;  // for its entries
  std::uint32_t feature_level = 0;
};

// Reads the file, writes its entries into a kept file and the snapshot into one of this box's own,
// and makes both durable, the snapshot last. `on_piece` hears the snapshot's contents. DataLoss: it
// is not what was sent.
absl::StatusOr<KeptFile> take_transfer(
    FileSystem& files, const std::string& path, const TakeOptions& options,
    const std::function<absl::Status(std::string_view)>& on_piece);

}  // namespace pawl::log
