// Where the command line is tested: a fake daemon on a real Unix socket that answers as a test
// says, and `pawl` processes that talk to it. One thread, one poll(2) loop: a test drives both with
// run_until, so that nothing happens behind its back and nothing waits by sleeping.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pawl::cli::testing {

// A request the fake daemon got.
struct Got {
  int connection = 0;  // numbered from 1; answer() takes it
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct Process {
  pid_t pid = -1;
  int input = -1, output = -1, error = -1, pidfd = -1;
  std::string out, err;  // what it printed so far
  bool ended = false;
  int exit = -1;  // -1: killed by `signal`
  int signal = 0;
};

class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // What happens to each request; it may answer, drop, or leave it for later. Default: 404
  // problems.
  std::function<void(const Got&)> on_request;
  std::vector<Got> got;  // all requests so far

  // --- the daemon ---
  void listen();
  // As kill -9 would: the listener and all connections are gone, the socket file stays.
  void vanish();
  void answer(int connection, int status, const std::string& json);
  void answer_raw(int connection, const std::string& bytes);
  void drop(int connection);
  bool connected(int connection) const { return connections_.count(connection) != 0; }

  // --- processes ---
  Process& start(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment = {});
  // Starts, serves until it ends, and returns it.
  Process& pawl(const std::vector<std::string>& arguments,
                const std::vector<std::string>& environment = {});
  // Serves until `done` holds; false if it does not within 30 s (a busy machine).
  bool run_until(const std::function<bool()>& done);
  // Bytes to hand to the stdin of processes started from now on.
  std::string standard_input;

  // --- files ---
  const std::string& directory() const { return directory_; }
  const std::string& socket_path() const { return socket_path_; }
  // Writes a file below the directory and returns its path.
  std::string file(const std::string& name, const std::string& content, bool executable = false);
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;

 private:
  struct Peer {
    int fd;
    std::string in;
  };
  void turn();
  void accept_all();
  void read_peer(int number);
  bool take_request(int number);
  void read_process(Process& process);

  std::string directory_, socket_path_;
  int listener_ = -1;
  int last_connection_ = 0;
  std::map<int, Peer> connections_;
  std::vector<std::unique_ptr<Process>> processes_;
};

// Whether a process of this number exists (a zombie counts as gone).
bool is_alive(pid_t pid);

}  // namespace pawl::cli::testing
