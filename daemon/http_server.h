// HTTP/1.1 on a Unix stream socket: accepts, reads, writes and times out connections; what the
// bytes mean is http_connection's. Added to the loop as its last hook, so that it writes in
// end_turn what the turn answered.
//
// An idle connection holds no buffer (under 1 KiB in all); buffers come from a pool while a request
// is incomplete or an answer unsent. A client that reads slowly is no longer read from past
// limits::kHttpOutputBytesMax; one that sends slowly is cut off with 408 after kHttpHeaderSeconds;
// an idle one closed after kHttpIdleSeconds; beyond kConnectionsMax a new one gets a 503 and is
// closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "daemon/http.h"

namespace pawl::daemon {

class EventLoop;
struct HttpMetrics;

class HttpServer : public HttpAnswers {
 public:
  struct Options {
    std::string socket_path;
    int socket_mode = 0660;
    std::int64_t socket_group = -1;  // -1: leave it
    // Bounds, of base/limits.h; tests shorten them.
    int idle_ms = 0;     // 0: kHttpIdleSeconds
    int request_ms = 0;  // 0: kHttpHeaderSeconds
    int stall_ms = 0;    // 0: kHttpStallSeconds
    int connections_max = 0;
    std::uint32_t boot = 0;  // goes into X-Request-Id, so that ids of two lives differ
  };

  // Loop, clock, handler and metrics outlive the server.
  HttpServer(EventLoop* loop, const Clock* clock, HttpHandler* handler, HttpMetrics* metrics,
             Options options);
  ~HttpServer() override;

  // Binds and listens, and joins the loop. A stale socket file is replaced if nobody answers on it;
  // AlreadyExists if somebody does.
  absl::Status listen();
  // Stops accepting and closes idle connections; others are closed once they are answered. unlinks
  // the file.
  void drain();
  // No connection is left.
  bool empty() const;
  int connections() const;

  bool respond(RequestId id, const Response& response) override;
  StreamState begin_stream(RequestId id, const Response& response) override;
  StreamState stream(RequestId id, std::string_view piece) override;
  void end_stream(RequestId id) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
