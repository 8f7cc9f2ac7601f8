// The one loop thread. It owns all state; everything else (disk thread, cold threads, signals)
// only wakes it.
//
// A turn: hooks' begin_turn (finished disk work comes in), then every ready descriptor's callback,
// then Asio's ready handlers, then hooks' work, which is for what was read, then hooks' end_turn,
// in order of add_hook: the application cuts its journal batch there, and the HTTP server, added
// last, writes each connection's answers with one call. So all that arrived in a turn shares a
// batch, and all that is answered in a turn shares writes; and each step is done for everything
// before the next one is, so that its instructions stay in the processor's cache.
//
// Descriptors are watched with an epoll set of our own, level-triggered, which is itself watched by
// Asio's io_context: links (UDP, TCP) are coroutines on context(), while the many connections of
// the socket cost no Asio operation each (docs/decisions/0020).
//
// Timers: none as such. A hook says when it next has something to do (deadline_ns) and looks at the
// clock in end_turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"

namespace asio {
class io_context;
}

namespace pawl::daemon {

inline constexpr std::int64_t kNoDeadline = INT64_MAX;

// Something that takes part in every turn. Owned by the caller; outlives the loop's run().
class TurnHook {
 public:
  virtual ~TurnHook() = default;
  virtual void begin_turn(std::int64_t now_ns) {}
  // Every ready descriptor was read from.
  virtual void work(std::int64_t now_ns) {}
  virtual void end_turn(std::int64_t now_ns) = 0;
  // Monotonic; a turn takes place at or soon (within a millisecond) after it. kNoDeadline: none.
  virtual std::int64_t deadline_ns() const { return kNoDeadline; }
  // True if there is work for another turn right away.
  virtual bool busy() const { return false; }
};

// Called with the ready epoll events (EPOLLIN, EPOLLOUT, EPOLLHUP ...).
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void ready(std::uint32_t events) = 0;
};

// Wakes the loop from another thread. Cheap when the loop is awake: then it only stores a flag.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  // Any thread. What the caller stored before is seen in the next turn's begin_turn.
  void wake();

 private:
  friend class EventLoop;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class EventLoop {
 public:
  // `clock` outlives the loop.
  explicit EventLoop(const Clock* clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `events` as in epoll_ctl; EPOLLERR and EPOLLHUP always come. The descriptor stays the caller's.
  absl::Status watch(int fd, std::uint32_t events, Watcher* watcher);
  absl::Status change(int fd, std::uint32_t events, Watcher* watcher);
  // Safe within a callback: events of the same turn for this watcher are dropped.
  void forget(int fd, Watcher* watcher);

  void add_hook(TurnHook* hook);
  // Not within a hook's call.
  void remove_hook(TurnHook* hook);

  Waker* waker();
  asio::io_context& context();
  // The clock as read at the turn's start: equal for all that happens in a turn.
  std::int64_t now_ns() const;

  // After this long without work the loop sleeps; until then it polls. 0: sleeps at once.
  // Microseconds.
  void set_spin_us(int spin_us);

  // Turns until stop(). stop() is for the loop's own thread.
  void run();
  void stop();
  // One turn; waits at most `wait_ms` for something to do. For tests.
  void turn(int wait_ms);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
