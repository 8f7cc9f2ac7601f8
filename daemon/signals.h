// SIGTERM, SIGINT and SIGHUP as events of the loop (signalfd), SIGPIPE ignored. Make one before any
// thread is started, so that every thread inherits the blocked mask.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"

namespace pawl::daemon {

class EventLoop;

class Signals {
 public:
  // Blocks the signals for the calling thread and those it starts later.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // `loop` may end before this but does not run after it. Calls `stop` on SIGTERM and SIGINT,
  // `reload` on SIGHUP, within a turn of `loop`.
  absl::Status start(EventLoop* loop, std::function<void()> stop, std::function<void()> reload);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
