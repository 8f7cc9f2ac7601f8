#include "log/legible_files.h"

#include <algorithm>
#include <cstring>

namespace pawl::log {

absl::StatusOr<std::vector<FileInfo>> LegibleFiles::list(const std::string& directory) {
  return files_.list(directory);
}

absl::StatusOr<std::size_t> LegibleFiles::read(const std::string& path, std::uint64_t offset,
                                               char* out, std::size_t bytes) {
  if (unreadable_end(path, offset, offset + bytes) == 0) {
    absl::StatusOr<std::size_t> got = files_.read(path, offset, out, bytes);
    if (!absl::IsDataLoss(got.status())) return got;
  }
  return read_pages(path, offset, out, bytes);
}

absl::StatusOr<std::size_t> LegibleFiles::read_pages(const std::string& path, std::uint64_t offset,
                                                     char* out, std::size_t bytes) {
  std::set<std::uint64_t>& unreadable = unreadable_[path];
  std::size_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = offset + done;
    const auto step = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes - done, kPageBytes - at % kPageBytes));
    absl::StatusOr<std::size_t> got = std::size_t{0};
    if (!unreadable.contains(at / kPageBytes)) {
      got = files_.read(path, at, out + done, step);
      if (absl::IsDataLoss(got.status())) unreadable.insert(at / kPageBytes);
    }
    if (unreadable.contains(at / kPageBytes)) {
      std::memset(out + done, 0, step);
      got = step;
    }
    if (!got.ok()) return got.status();
    done += *got;
    if (*got < step) break;
  }
  return done;
}

absl::Status LegibleFiles::write(const std::string& path, std::uint64_t offset,
                                 std::string_view bytes) {
  return files_.write(path, offset, bytes);
}

absl::Status LegibleFiles::allocate(const std::string& path, std::uint64_t offset,
                                    std::uint64_t bytes, Preallocate how) {
  return files_.allocate(path, offset, bytes, how);
}

absl::Status LegibleFiles::sync(const std::string& path) { return files_.sync(path); }

absl::Status LegibleFiles::rename(const std::string& from, const std::string& to) {
  return files_.rename(from, to);
}

absl::Status LegibleFiles::remove(const std::string& path) { return files_.remove(path); }

absl::Status LegibleFiles::sync_directory(const std::string& directory) {
  return files_.sync_directory(directory);
}

std::uint64_t LegibleFiles::unreadable_end(const std::string& path, std::uint64_t from,
                                           std::uint64_t to) const {
  const auto file = unreadable_.find(path);
  if (file == unreadable_.end()) return 0;
  const auto first = file->second.lower_bound(from / kPageBytes);
  if (first == file->second.end() || *first * kPageBytes >= to) return 0;
  std::uint64_t end = *first;
  while (file->second.contains(end)) ++end;
  return end * kPageBytes;
}

}  // namespace pawl::log
