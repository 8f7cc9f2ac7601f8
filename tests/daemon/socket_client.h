// A blocking client on a Unix socket and a server on a loop of its own thread's turns: the loop is
// turned by the test itself, so nothing here waits for a time that was guessed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/event_loop.h"
#include "daemon/http_server.h"
#include "daemon/metrics.h"
#include "daemon/system_clock.h"

namespace pawl::daemon {

// A directory that is removed with what is in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  std::string path(std::string_view name) const;

 private:
  std::string path_;
};

// One end of a connection; non-blocking.
class SocketClient {
 public:
  explicit SocketClient(const std::string& path);
  ~SocketClient();
  SocketClient(SocketClient&& other) noexcept
      : fd_(other.fd_), received(std::move(other.received)), ended(other.ended) {
    other.fd_ = -1;
  }
  SocketClient(const SocketClient&) = delete;

  bool connected() const { return fd_ >= 0; }
  // How many bytes the socket took.
  std::size_t send(std::string_view bytes);
  // Reads what there is into `received`; sets `ended` at the end of file or an error.
  void poll();
  void finish_sending();
  void close();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;

 public:
  std::string received;
  bool ended = false;
};

// Handler that keeps the ids, or answers at once with the body it got.
class Echo : public HttpHandler {
 public:
  void request(const Request& r) override;
  void cancelled(RequestId id) override { gone.push_back(id); }
  void stream_writable(RequestId id) override { writable.push_back(id); }

  HttpServer* server = nullptr;
  bool at_once = true;
  std::vector<RequestId> open;
  std::vector<RequestId> gone;
  std::vector<RequestId> writable;
  Peer peer;
};

// A clock that moves only when told to.
class HandClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override { return now_ns; }
  std::int64_t wall_ms() const override { return 1'795'251'600'000; }
  std::int64_t now_ns = 1'000'000'000;
};

class ServerStage {
 public:
  explicit ServerStage(HttpServer::Options options = {});
  // Turns the loop until `done` holds; fails the test after very many turns.
  void until(const std::function<bool()>& done);
  std::string path() const { return scratch.path("s"); }

  ScratchDirectory scratch;
  HandClock clock;
  EventLoop loop;
  HttpMetrics metrics;
  Echo echo;
  HttpServer server;
};

}  // namespace pawl::daemon
