// A disk on which bytes that can't be read (DataLoss, file_system.h) read as zeros: what looks at
// damage, and what mends it, gets past them. Page by page, so that no more is given up than the
// disk does not give. Which pages those were is known afterwards, for zeros that were never written
// may pass for the end of a journal: who reads asks whether they are true.
//
// A page that could not be read once is not asked for again: a disk takes seconds to say so, and
// may say something else the next time. Everything else is as the disk has it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "log/file_system.h"

namespace pawl::log {

class LegibleFiles final : public FileSystem {
 public:
  // What a kernel reads, and fails to read, at once.
  static constexpr std::uint64_t kPageBytes = 4 * limits::KiB;

  // `files` outlives the object.
  explicit LegibleFiles(FileSystem& files) : files_(files) {}

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

  // Some of [from, to) could not be read, of what was read: where the pages end that follow one
  // another from the first such one on. 0: all of it is as it was written.
  std::uint64_t unreadable_end(const std::string& path, std::uint64_t from, std::uint64_t to) const;

 private:
  absl::StatusOr<std::size_t> read_pages(const std::string& path, std::uint64_t offset, char* out,
                                         std::size_t bytes);

  FileSystem& files_;
  std::map<std::string, std::set<std::uint64_t>> unreadable_;  // numbers of pages, by path
};

}  // namespace pawl::log
