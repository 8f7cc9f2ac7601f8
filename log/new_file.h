// A file that is there under its name once it is whole, and never overwrites one that is there:
// PATH.tmp grows, is synced, is renamed. A crash leaves PATH.tmp or nothing, and the next attempt
// begins it anew.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "log/file_system.h"

namespace pawl::log {

class NewFile {
 public:
  NewFile(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  // What was begun and not kept is removed.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // AlreadyExists if the name is taken.
  absl::Status begin();
  absl::Status write(std::string_view bytes);
  // Durable, under its name, when this returns ok. After an error it may be there or not, and is
  // whole if it is.
  absl::Status keep();

 private:
  std::string temporary() const { return path_ + ".tmp"; }

  FileSystem& files_;
  const std::string path_;
  std::uint64_t offset_ = 0;
  bool begun_ = false;
};

// The directory that a path stands in.
std::string directory_of(const std::string& path);

}  // namespace pawl::log
