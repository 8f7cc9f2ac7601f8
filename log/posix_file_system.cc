#include "log/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "log/names.h"

namespace pawl::log {
namespace {

// Zeros are written page by page: what one call writes to a new part of a file the page cache keeps
// as one large folio, and 100 bytes changed in it later make all of that folio dirty.
constexpr std::uint64_t kPageBytes = 4 * limits::KiB;

std::string_view zeros() {
  // Not const, so that they are not in the binary.
  static std::array<char, kPageBytes> zeros{};
  return {zeros.data(), zeros.size()};
}

// A status that names operation and path; `error` is an errno.
absl::Status failed(std::string_view operation, const std::string& path, int error) {
  std::string text(operation);
  text.append(" ").append(path).append(": ").append(std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(text + "; make room on this file system");
    case EROFS:
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(text +
                                         "; check the mount options and who owns the directory");
    case ENOENT:
      return absl::NotFoundError(text);
    default:
      return absl::UnavailableError(text + "; check the disk (dmesg, smartctl)");
  }
}

// The disk, or a file system that keeps checksums, says that the bytes are lost; not that it can't
// be asked now. EIO is what the page cache makes of nearly all of them.
bool is_lost(int error) {
  return error == EIO || error == EBADMSG || error == EUCLEAN || error == EILSEQ ||
         error == ENODATA;
}

absl::Status read_fully(int fd, const std::string& path, std::uint64_t offset, char* out,
                        std::size_t bytes, std::size_t* done) {
  *done = 0;
  while (*done < bytes) {
    const ssize_t n = ::pread(fd, out + *done, bytes - *done, static_cast<off_t>(offset + *done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && is_lost(errno)) {
      return damage(path, offset + *done,
                    std::string("the disk can't give bytes back (") + std::strerror(errno) + "),");
    }
    if (n < 0) return failed("read", path, errno);
    if (n == 0) break;
    *done += static_cast<std::size_t>(n);
  }
  return absl::OkStatus();
}

// Opens, fsyncs and closes a directory.
int fsync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

}  // namespace

PosixFileSystem::~PosixFileSystem() {
  for (const OpenFile& file : open_) ::close(file.fd);
}

PosixFileSystem::OpenFile* PosixFileSystem::find(const std::string& path) {
  for (OpenFile& file : open_) {
    if (file.path == path) {
      file.used = ++uses_;
      return &file;
    }
  }
  return nullptr;
}

void PosixFileSystem::forget(const std::string& path) {
  for (auto it = open_.begin(); it != open_.end(); ++it) {
    if (it->path == path) {
      ::close(it->fd);
      open_.erase(it);
      return;
    }
  }
}

absl::StatusOr<int> PosixFileSystem::writable(const std::string& path) {
  if (const OpenFile* file = find(path)) return file->fd;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open", path, errno);
  if (open_.size() >= kOpenFilesMax) {
    const auto oldest =
        std::min_element(open_.begin(), open_.end(),
                         [](const OpenFile& a, const OpenFile& b) { return a.used < b.used; });
    ::close(oldest->fd);
    open_.erase(oldest);
  }
  open_.push_back(OpenFile{path, fd, ++uses_});
  return fd;
}

absl::StatusOr<std::vector<FileInfo>> PosixFileSystem::list(const std::string& directory) {
  DIR* const dir = ::opendir(directory.c_str());
  if (dir == nullptr) return failed("list", directory, errno);
  std::vector<FileInfo> found;
  int error = 0;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(dir);
    if (entry == nullptr) {
      error = errno;
      break;
    }
    struct stat info;
    if (::fstatat(::dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since
      error = errno;
      break;
    }
    if (S_ISREG(info.st_mode)) {
      found.push_back(FileInfo{entry->d_name, static_cast<std::uint64_t>(info.st_size)});
    }
  }
  ::closedir(dir);
  if (error != 0) return failed("list", directory, error);
  return found;
}

absl::StatusOr<std::size_t> PosixFileSystem::read(const std::string& path, std::uint64_t offset,
                                                  char* out, std::size_t bytes) {
  std::size_t done = 0;
  if (const OpenFile* file = find(path)) {
    if (absl::Status s = read_fully(file->fd, path, offset, out, bytes, &done); !s.ok()) return s;
    return done;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", path, errno);
  absl::Status status = read_fully(fd, path, offset, out, bytes, &done);
  ::close(fd);
  if (!status.ok()) return status;
  return done;
}

absl::Status PosixFileSystem::write(const std::string& path, std::uint64_t offset,
                                    std::string_view bytes) {
  const absl::StatusOr<int> fd = writable(path);
  if (!fd.ok()) return fd.status();
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(*fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path, errno);
    if (n == 0) return failed("write", path, EIO);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return absl::OkStatus();
}

absl::Status PosixFileSystem::allocate(const std::string& path, std::uint64_t offset,
                                       std::uint64_t bytes, Preallocate how) {
  const absl::StatusOr<int> fd = writable(path);
  if (!fd.ok()) return fd.status();
  if (how == Preallocate::kZero) {
    const std::uint64_t end = offset + bytes;
    while (offset < end) {
      const std::uint64_t page_end = (offset / kPageBytes + 1) * kPageBytes;
      const auto part = static_cast<std::size_t>(std::min(end, page_end) - offset);
      if (absl::Status s = write(path, offset, {zeros().data(), part}); !s.ok()) return s;
      offset += part;
    }
    return absl::OkStatus();
  }
  int error = 0;
  do {
    error = ::posix_fallocate(*fd, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (error == EINTR);
  return error == 0 ? absl::OkStatus() : failed("fallocate", path, error);
}

absl::Status PosixFileSystem::sync(const std::string& path) {
  const absl::StatusOr<int> fd = writable(path);
  if (!fd.ok()) return fd.status();
  return ::fdatasync(*fd) == 0 ? absl::OkStatus() : failed("fdatasync", path, errno);
}

absl::Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from + " to " + to, errno);
  forget(to);
  if (OpenFile* file = find(from)) file->path = to;
  return absl::OkStatus();
}

absl::Status PosixFileSystem::remove(const std::string& path) {
  forget(path);
  return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : failed("remove", path, errno);
}

absl::Status PosixFileSystem::sync_directory(const std::string& directory) {
  const int error = fsync_directory(directory);
  return error == 0 ? absl::OkStatus() : failed("fsync", directory, error);
}

absl::StatusOr<bool> PosixDirectories::is_there(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return S_ISDIR(info.st_mode);
  if (errno == ENOENT) return false;
  return failed("stat", path, errno);
}

absl::StatusOr<bool> PosixDirectories::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno == EEXIST) return false;
  return failed("mkdir", path, errno);
}

absl::Status PosixDirectories::remove_directory(const std::string& path) {
  return ::rmdir(path.c_str()) == 0 ? absl::OkStatus() : failed("rmdir", path, errno);
}

}  // namespace pawl::log
