// A request of the worker on its way to the daemon, sent again until there is an answer: the daemon
// may be killed and come back at any time. Requests given to a lane must bear repetition
// (idempotent by token, or with an Idempotency-Key).
//
//   free --start--> waiting --connected--> sent --2xx, 4xx--> free, answer
//                      ^                    |
//                      +--- backoff <-------+ lost, no answer in time, 429, 5xx
//
// Backoff doubles from limits::kWorkerBackoffMsMin to kWorkerBackoffMsMax.
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cli/connection.h"

namespace pawl::cli {

class Lane {
 public:
  explicit Lane(std::string socket_path) : connection_(std::move(socket_path)) {}

  bool busy() const { return request_.has_value(); }
  // Needs !busy(). `answer_ms` is how long an answer may take once sent.
  void start(Request request, std::int64_t answer_ms, std::int64_t now_ms);
  // As far as it goes without waiting; the answer, once, when it is there.
  std::optional<Response> step(std::int64_t now_ms);
  // Forgets the request and closes the connection.
  void abandon();

  // Why the last attempt failed; "" once the daemon is there again, or answers again.
  const std::string& trouble() const { return trouble_; }
  // -1 while there is nothing to wait for but time.
  pollfd wait_for() const;
  // When step() must be called at the latest; a far future if only the descriptor matters.
  std::int64_t wake_ms() const;

 private:
  bool connect_and_send(std::int64_t now_ms);
  void failed(std::string_view why, std::int64_t now_ms);

  Connection connection_;
  std::optional<Request> request_;
  bool sent_ = false;
  std::int64_t answer_ms_ = 0;
  std::int64_t deadline_ms_ = 0;  // of the answer, once sent
  std::int64_t retry_ms_ = 0;     // not to be sent before
  std::int64_t backoff_ms_ = 0;
  std::string trouble_;
  bool refused_ = false;  // trouble_ is an answer (429, 5xx), not a lost connection
};

}  // namespace pawl::cli
