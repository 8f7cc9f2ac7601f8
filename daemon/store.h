// A box's data directory: who owns it, which store it is, how many groups it has.
//
//   DIR/lock        held (flock) by the one daemon that runs on it
//   DIR/store       text, written once when the store is made: format, store id, number of run
//                   groups; of several boxes also which one it is and who founded it
//   DIR/*.seg       the journal;  DIR/*.snap  snapshots (docs/log-format.md)
//
// A crash while the store is made leaves either no `store` file, and the next start makes it, or
// all of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/record.h"

namespace pawl::daemon {

struct StoreIdentity {
  log::StoreId id{};
  std::uint16_t run_groups = 0;
  // This box and the founders of its cluster, sorted; a store of one box alone has 1 and {1}.
  NodeId box{1};
  std::vector<NodeId> founders{NodeId(1)};
  bool created = false;  // made by this open
};

// Held as long as the process may touch the directory.
class StoreLock {
 public:
  StoreLock() = default;
  ~StoreLock();
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;
  // Makes the directory (mode 0700) if its parent is there. AlreadyExists if another process runs
  // on it; what the kernel said if it can't be made or opened.
  absl::Status acquire(const std::string& directory);
  // Another process holds the lock of the directory now.
  static bool is_held(const std::string& directory);

 private:
  int fd_ = -1;
};

// 32 digits.
std::string to_hex(const log::StoreId& id);

// Reads the store file. NotFound if there is none; else as open_store.
absl::StatusOr<StoreIdentity> read_store(log::FileSystem& files, const std::string& directory);

// Reads the store file, or makes the store as `wanted` says (with a fresh random id) if the
// directory holds none. FailedPrecondition if it is of a newer format, of another box than wanted,
// or some of the founders wanted were none: a store keeps both for life. DataLoss if it is damaged
// or missing beside a journal.
absl::StatusOr<StoreIdentity> open_store(log::FileSystem& files, const std::string& directory,
                                         const StoreIdentity& wanted, std::string_view random_16);

}  // namespace pawl::daemon
