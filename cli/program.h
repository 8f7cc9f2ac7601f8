// One program at work: a child process in a process group of its own, with pipes as its stdin,
// stdout and stderr and no other descriptor of ours.
//
//   running --exit or signal--> ended (still a zombie: its pid and group can't be reused)
//                               --collect--> gone, with what was left of its group killed
//
// If the worker itself is killed, the kernel sends the program SIGTERM: its lease is about to be
// lost and another worker will get the task.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/outcome.h"

namespace pawl::cli {

// A descriptor that closes itself.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd() { reset(); }
  void reset();
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Program {
 public:
  // Starts `path` without arguments; `environment` holds "NAME=VALUE", `input` becomes stdin. The
  // open-files limit of the child is `files_max`. Fails with the reason if it can't be started.
  static absl::StatusOr<std::unique_ptr<Program>> start(const std::string& path,
                                                        const std::vector<std::string>& environment,
                                                        std::string input, std::uint64_t files_max);
  // Kills what still runs of it.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Appends what poll(2) should wait for.
  void add_fds(std::vector<pollfd>* fds) const;
  // Moves bytes through the pipes and looks whether it has ended; never waits.
  void advance();
  bool ended() const { return ended_; }
  // To the whole process group.
  void signal(int number);
  // Needs ended(). Reads what is left in the pipes, kills the rest of the group, reaps.
  ProgramEnd collect();

 private:
  Program() = default;
  void write_input();
  void read_output();
  void read_error();

  pid_t pid_ = -1;
  bool ended_ = false;
  bool reaped_ = false;
  OwnedFd process_;  // pidfd: readable once it has ended
  OwnedFd input_fd_, output_fd_, error_fd_;
  std::string input_;
  std::size_t written_ = 0;
  ProgramEnd end_;
};

}  // namespace pawl::cli
