// The real disk. Files being written stay open (at most kOpenFilesMax, the longest unused is
// closed), so that a batch costs one pwrite and one fdatasync and nothing else; reads of other
// files open and close. Short writes and EINTR are continued here.
#pragma once

#include <string>
#include <vector>

#include "log/directories.h"
#include "log/file_system.h"

namespace pawl::log {

class PosixFileSystem final : public FileSystem {
 public:
  static constexpr std::size_t kOpenFilesMax = 4;

  PosixFileSystem() = default;
  ~PosixFileSystem() override;
  PosixFileSystem(const PosixFileSystem&) = delete;
  PosixFileSystem& operator=(const PosixFileSystem&) = delete;

  absl::StatusOr<std::vector<FileInfo>> list(const std::string& directory) override;
  absl::StatusOr<std::size_t> read(const std::string& path, std::uint64_t offset, char* out,
                                   std::size_t bytes) override;
  absl::Status write(const std::string& path, std::uint64_t offset,
                     std::string_view bytes) override;
  absl::Status allocate(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                        Preallocate how) override;
  absl::Status sync(const std::string& path) override;
  absl::Status rename(const std::string& from, const std::string& to) override;
  absl::Status remove(const std::string& path) override;
  absl::Status sync_directory(const std::string& directory) override;

 private:
  struct OpenFile {
    std::string path;
    int fd = -1;
    std::uint64_t used = 0;  // value of uses_ at the last use
  };

  // The descriptor of `path` opened for writing; made if missing.
  absl::StatusOr<int> writable(const std::string& path);
  OpenFile* find(const std::string& path);
  void forget(const std::string& path);

  std::vector<OpenFile> open_;
  std::uint64_t uses_ = 0;
};

class PosixDirectories final : public Directories {
 public:
  absl::StatusOr<bool> is_there(const std::string& path) override;
  absl::StatusOr<bool> make_directory(const std::string& path) override;
  absl::Status remove_directory(const std::string& path) override;
};

}  // namespace pawl::log
