// One connection to the daemon's Unix socket that never blocks: it carries one request at a time.
// The blocking client waits on it with poll(2); the worker's loop has several of them.
//
//   closed --open--> idle --send--> busy --advance: the whole answer--> answered --take--> idle |
//   closed
//                                    busy --advance fails--> closed
//
// After a failure the caller can't know whether the daemon acted on the request: requests that
// change something carry an Idempotency-Key and are sent again under the same key.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/http_response.h"

namespace pawl::cli {

struct Request {
  std::string method = "GET";
  std::string target;  // path and query, already percent-encoded
  std::string body;
  std::string content_type = "application/json";             // sent if there is a body
  std::vector<std::pair<std::string, std::string>> headers;  // others
};

class Connection {
 public:
  explicit Connection(std::string socket_path) : path_(std::move(socket_path)) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Connects if it is closed. Unavailable: nobody listens there, with what to do about it.
  absl::Status open();
  // Needs an open connection that is not busy. Only queues; advance() writes.
  void send(const Request& request);
  // Writes and reads as far as it goes without waiting. Aborted: the connection was lost;
  // Internal: the answer is not HTTP as we know it. Either closes. Not busy: notices that the
  // daemon has closed it, and closes too.
  absl::Status advance();
  void close();

  bool is_open() const { return fd_ >= 0; }
  bool busy() const { return parser_ != nullptr; }
  bool answered() const { return busy() && parser_->done(); }
  // While busy: what has come so far, or null before the end of the headers.
  Response* partial();
  // Needs answered().
  Response take();

  int fd() const { return fd_; }
  // What poll(2) should wait for.
  short events() const;
  const std::string& path() const { return path_; }

 private:
  absl::Status write_some();
  absl::Status read_some();
  absl::Status lost(std::string_view what);

  std::string path_;
  int fd_ = -1;
  std::string out_;
  std::size_t written_ = 0;
  std::unique_ptr<ResponseParser> parser_;
};

// Percent-encodes one path segment or query value: a run's id becomes one segment.
std::string percent_encode(std::string_view text);

// 32 hexadecimal digits from the kernel's generator: an Idempotency-Key.
std::string random_key();

}  // namespace pawl::cli
