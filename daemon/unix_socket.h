// The listening Unix socket and who is on the other end of a connection.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/http.h"

namespace pawl::daemon {

// A bound, listening, non-blocking socket and its file. Closing unlinks the file if it is still
// ours.
class UnixListener {
 public:
  UnixListener() = default;
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  // A socket file left behind by a crash is replaced; AlreadyExists if somebody answers on it, or
  // if the path is no socket. `group` -1: leave it. Nobody can connect before mode and group are
  // set.
  absl::Status open(const std::string& path, int mode, std::int64_t group);
  void close();
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_ = -1;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

// SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket.
absl::StatusOr<Peer> peer_of(int fd);

}  // namespace pawl::daemon
