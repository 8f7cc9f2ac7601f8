// What the disk thread executes. The journal (on the loop) decides everything and hands out
// batches of these; the disk thread only carries them out in order and stops at the first error.
// Bytes and the batch itself belong to the journal and stay valid until Journal::completed().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "log/file_system.h"

namespace pawl::log {

// Makes [offset, offset+bytes) of a file exist.
struct AllocateFile {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  Preallocate how = Preallocate::kZero;
};
struct WriteFile {
  std::string path;
  std::uint64_t offset = 0;
  std::string_view bytes;
};
struct SyncFile {
  std::string path;
};
struct SyncDirectory {
  std::string path;
};
struct RenameFile {
  std::string from;
  std::string to;
};
struct RemoveFile {
  std::string path;
};

using Operation =
    std::variant<AllocateFile, WriteFile, SyncFile, SyncDirectory, RenameFile, RemoveFile>;

struct Batch {
  std::uint64_t id = 0;
  // True for work that nobody waits for (making room ahead, recycling).
  bool background = false;
  std::vector<Operation> operations;
};

absl::Status execute(FileSystem& files, const Operation& operation);

// Executes in order, stops at the first error. An error means that the process must stop: after a
// failed write or fdatasync the kernel may have dropped the dirty pages, so no retry can be
// trusted. The one exception is ResourceExhausted: an allocation found no room, and since a batch
// allocates before it does anything else, nothing of it was done; see Journal::lacked_room(). A
// disk that is full when something else is done (it copies on write, say) is Unavailable.
absl::Status execute(FileSystem& files, const Batch& batch);

}  // namespace pawl::log
