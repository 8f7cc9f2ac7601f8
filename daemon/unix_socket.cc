#include "daemon/unix_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

constexpr int kBacklog = 4096;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Binds so that the new file has no permissions until it has its owner.
int bind_closed(int fd, const sockaddr_un& address) {
  const mode_t before = ::umask(0777);
  const int result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  return result == 0 ? 0 : error;
}

// Removes the file if it is a socket on which nobody listens.
absl::Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return system_error(errno, "stat", path);
  if (!S_ISSOCK(info.st_mode)) {
    return system_error(EEXIST, "bind", path, "it is no socket; remove it or set server.socket");
  }
  const int probe = new_socket();
  if (probe < 0) return system_error(errno, "socket", path);
  const int result = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(probe);
  if (result == 0 || error != ECONNREFUSED) {
    return system_error(EADDRINUSE, "bind", path,
                        "another daemon answers on it; stop that one or set server.socket");
  }
  if (::unlink(path.c_str()) != 0) return system_error(errno, "unlink", path);
  return absl::OkStatus();
}

}  // namespace

UnixListener::~UnixListener() { close(); }

absl::Status UnixListener::open(const std::string& path, int mode, std::int64_t group) {
  PAWL_CHECK(fd_ < 0);
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return system_error(ENAMETOOLONG, "bind", path, "a socket's path has at most 107 bytes");
  }
  const sockaddr_un address = address_of(path);
  const int fd = new_socket();
  if (fd < 0) return system_error(errno, "socket", path);
  int error = bind_closed(fd, address);
  if (error == EADDRINUSE) {
    if (absl::Status stale = remove_stale(path, address); !stale.ok()) {
      ::close(fd);
      return stale;
    }
    error = bind_closed(fd, address);
  }
  if (error != 0) {
    ::close(fd);
    return system_error(error, "bind", path,
                        error == ENOENT ? "make the directory first, or set server.socket" : "");
  }
  fd_ = fd;
  path_ = path;
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
  if (group >= 0 && ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0) {
    return system_error(errno, "chown", path, "the daemon must be in server.socket_group");
  }
  if (::listen(fd, kBacklog) != 0) return system_error(errno, "listen", path);
  if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) {
    return system_error(errno, "chmod", path);
  }
  return absl::OkStatus();
}

void UnixListener::close() {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  struct stat info;
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

absl::StatusOr<Peer> peer_of(int fd) {
  Peer peer;
  ucred credentials;
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return system_error(errno, "getsockopt", "SO_PEERCRED");
  }
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  peer.pid = credentials.pid;
  peer.groups.resize(16);
  for (int attempt = 0;; ++attempt) {
    length = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) == 0) break;
    if (errno != ERANGE || attempt == 2) return system_error(errno, "getsockopt", "SO_PEERGROUPS");
    peer.groups.resize(length / sizeof(gid_t));
  }
  peer.groups.resize(length / sizeof(gid_t));
  std::sort(peer.groups.begin(), peer.groups.end());
  peer.groups.shrink_to_fit();
  return peer;
}

}  // namespace pawl::daemon
