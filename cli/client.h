// A blocking HTTP/1.1 client over one keep-alive connection, for commands that ask, wait and print.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/connection.h"

namespace pawl::cli {

// Milliseconds of the monotonic clock.
std::int64_t monotonic_ms();
// Milliseconds since the Unix epoch.
std::int64_t wall_ms();

// The daemon is not there (Unavailable), or went away under a request (Aborted): it may be back
// soon.
bool is_away(const absl::Status& status);

// "/v1/runs" as "/v1/ns/NAME/runs"; other paths, and those that are of all namespaces, as they are.
std::string target_within(std::string_view name_space, std::string_view target);

// The daemon answers a write within limits::kRequestSecondsMax; a little more than that is a daemon
// that hangs.
inline constexpr int kAnswerMs = 20'000;

class Client {
 public:
  // What is below /v1 is asked of the namespace; "" is `default`.
  explicit Client(std::string socket_path, std::string name_space = "")
      : connection_(std::move(socket_path)), name_space_(std::move(name_space)) {}

  // Sends a request and waits for the whole answer, whatever its status. A connection that is lost
  // on the way is made again once and the request repeated: the caller gives everything that
  // changes something an Idempotency-Key. Unavailable: unreachable; Aborted: lost, what became of
  // the request is not known; DeadlineExceeded: no answer within timeout_ms; Internal: the answer
  // is not HTTP; InvalidArgument: a header that can't be sent as it is.
  absl::StatusOr<Response> call(const Request& request, int timeout_ms = kAnswerMs);

  // The same for an answer that goes on: each line of a 200's body is given to `line` as it comes,
  // until `line` returns false or the stream ends. Another status is returned with its body.
  // Without a timeout between lines: the daemon sends something every 15 s, and after a minute of
  // silence the connection counts as lost.
  absl::StatusOr<Response> follow(const Request& request,
                                  const std::function<bool(std::string_view line)>& line);

  const std::string& socket_path() const { return connection_.path(); }
  const std::string& name_space() const { return name_space_; }

 private:
  absl::Status exchange(const Request& request, int timeout_ms);
  absl::Status wait(std::int64_t deadline_ms);
  void send(const Request& request);

  Connection connection_;
  std::string name_space_;
};

}  // namespace pawl::cli
