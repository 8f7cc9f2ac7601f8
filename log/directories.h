// Directories as whoever makes or restores a store sees them, beside the files of a FileSystem.
// posix_file_system.h has the real ones, tests/log/memory_file_system.h those of its disk.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pawl::log {

// Errors as a FileSystem's. What is made or removed is durable once the directory that it stands in
// was synced.
class Directories {
 public:
  virtual ~Directories() = default;
  virtual absl::StatusOr<bool> is_there(const std::string& path) = 0;
  // For its owner alone; false: it was there.
  virtual absl::StatusOr<bool> make_directory(const std::string& path) = 0;
  // An empty one.
  virtual absl::Status remove_directory(const std::string& path) = 0;
};

}  // namespace pawl::log
