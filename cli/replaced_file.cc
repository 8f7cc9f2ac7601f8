#include "cli/replaced_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace pawl::cli {
namespace {

absl::Status failed(const std::string& what, const std::string& path, int error) {
  return absl::InternalError("cannot " + what + " " + path + ": " + std::strerror(error) +
                             "\nhint: the file is as it was; see whether its directory can be "
                             "written to");
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// What is in `fresh` becomes what is on the disk under `path`; on failure `fresh` is removed.
absl::Status put_in_place(int fd, const std::string& fresh, const std::string& path,
                          std::string_view content, const struct stat& old) {
  int error = 0;
  // A stranger's file stays a stranger's only for root; the group may still be one's own.
  if (::fchown(fd, old.st_uid, old.st_gid) != 0 &&
      ::fchown(fd, static_cast<uid_t>(-1), old.st_gid) != 0) {
    errno = 0;
  }
  if (::fchmod(fd, old.st_mode & 07777) != 0 || !write_all(fd, content) || ::fsync(fd) != 0) {
    error = errno;
  }
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  ::unlink(fresh.c_str());
  return failed("write", path, error);
}

}  // namespace

absl::Status replace_file(const std::string& path, std::string_view content) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) return failed("find", path, errno);
  const std::string target = resolved;
  struct stat old {};
  if (::stat(target.c_str(), &old) != 0) return failed("look at", target, errno);
  if (!S_ISREG(old.st_mode)) {
    return absl::InvalidArgumentError(target +
                                      " is no regular file\nhint: `-` reads stdin and "
                                      "writes stdout");
  }
  std::string fresh = target + ".XXXXXX";
  const int fd = ::mkostemp(fresh.data(), O_CLOEXEC);
  if (fd < 0) return failed("make a file beside", target, errno);
  absl::Status status = put_in_place(fd, fresh, target, content, old);
  if (!status.ok()) return status;
  const std::string directory = target.substr(0, target.rfind('/') + 1);
  const int parent = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return absl::OkStatus();  // a directory that can't be read: the file is in place
  ::fsync(parent);
  ::close(parent);
  return absl::OkStatus();
}

}  // namespace pawl::cli
