// The disk as the log sees it: eight calls on paths. posix_file_system.h is the real one; the one
// that loses unsynced sectors, tears, fills up and flips bits is tests/log/memory_file_system.h.
//
// An instance belongs to one thread: the disk thread, the cold thread and the loop (at start only)
// each have their own, so nothing here locks.
//
// Errors: each status names operation and path. ResourceExhausted: a full disk, NotFound: no file,
// PermissionDenied: a read-only one, DataLoss: bytes it can't give back; all else is Unavailable.
// After a failed write or sync nothing may be assumed about the file: the caller stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pawl::log {

struct FileInfo {
  std::string name;  // without the directory
  std::uint64_t bytes = 0;
};

// How room for a segment is made ahead of its use.
enum class Preallocate : std::uint8_t {
  kZero,      // zeros are written: later syncs change no metadata (111 us against 178 us measured)
  kFallocate  // the file system reserves extents: no bytes reach the flash twice
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The regular files of a directory, in no order. NotFound if there is no such directory.
  virtual absl::StatusOr<std::vector<FileInfo>> list(const std::string& directory) = 0;

  // Reads up to `bytes` at `offset`; fewer only at the file's end. Returns how many.
  virtual absl::StatusOr<std::size_t> read(const std::string& path, std::uint64_t offset, char* out,
                                           std::size_t bytes) = 0;

  // Writes all of `bytes` at `offset`; makes the file if it is missing, grows it as needed. Not
  // durable before sync(), and a new name not before sync_directory().
  virtual absl::Status write(const std::string& path, std::uint64_t offset,
                             std::string_view bytes) = 0;

  // Makes [offset, offset+bytes) exist, growing the file; makes it if it is missing. kZero: all of
  // it reads as zeros then; kFallocate: what is new does.
  virtual absl::Status allocate(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                                Preallocate how) = 0;
  // fdatasync: the file's bytes and its size are on the disk when this returns ok.
  virtual absl::Status sync(const std::string& path) = 0;

  // Replaces `to` if it exists, atomically.
  virtual absl::Status rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status remove(const std::string& path) = 0;
  // Makes the names in a directory durable.
  virtual absl::Status sync_directory(const std::string& directory) = 0;
};

}  // namespace pawl::log
