#include "daemon/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

absl::StatusOr<std::string> read_all(int fd, const std::string& path, std::size_t bytes_max) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return system_error(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) return system_error(EINVAL, "read", path, "it is no regular file");
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "read", path);
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > bytes_max) {
      return absl::ResourceExhaustedError("read " + path + ": larger than " +
                                          std::to_string(bytes_max) + " bytes");
    }
  }
}

}  // namespace

absl::StatusOr<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  // Non-blocking: a FIFO in place of a file must not hang the start.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return system_error(errno, "open", path);
  absl::StatusOr<std::string> text = read_all(fd, path, bytes_max);
  ::close(fd);
  return text;
}

}  // namespace pawl::daemon
