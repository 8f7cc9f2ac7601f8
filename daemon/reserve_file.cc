#include "daemon/reserve_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

std::string path_in(const std::string& directory) { return directory + "/" + kReserveName; }

}  // namespace

absl::StatusOr<node::DiskRoom::Look> look_at_room(const std::string& directory) {
  struct statvfs space {};
  if (::statvfs(directory.c_str(), &space) != 0) return system_error(errno, "statvfs", directory);
  node::DiskRoom::Look look;
  look.total_bytes = std::uint64_t{space.f_blocks} * space.f_frsize;
  look.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  struct stat file {};
  const std::string path = path_in(directory);
  if (::lstat(path.c_str(), &file) == 0) {
    look.reserve_bytes = static_cast<std::uint64_t>(file.st_size);
  } else if (errno != ENOENT) {
    return system_error(errno, "stat", path);
  }
  return look;
}

absl::Status make_reserve(const std::string& directory, std::uint64_t bytes) {
  const std::string path = path_in(directory);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error(errno, "open", path);
  // Where the file system can't reserve, the C library writes.
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  ::close(fd);
  if (error == 0) return absl::OkStatus();
  const absl::Status status = system_error(error, "allocate", path);
  (void)give_up_reserve(directory);  // a part of it is none
  return status;
}

absl::Status give_up_reserve(const std::string& directory) {
  const std::string path = path_in(directory);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return system_error(errno, "remove", path);
}

}  // namespace pawl::daemon
