// The loop: turns, deadlines, wake-ups from threads, forgetting within a callback, signals, Asio.
#include "daemon/event_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>

#include "daemon/cold_thread.h"
#include "daemon/signals.h"
#include "daemon/system_clock.h"

namespace pawl::daemon {
namespace {

struct Pipe {
  Pipe() { BOOST_REQUIRE(::pipe(fds) == 0); }
  ~Pipe() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
  void fill() { BOOST_REQUIRE(::write(fds[1], "x", 1) == 1); }
  int fds[2];
};

struct Callback final : Watcher {
  explicit Callback(std::function<void()> f) : call(std::move(f)) {}
  void ready(std::uint32_t) override { call(); }
  std::function<void()> call;
};

struct Hook final : TurnHook {
  void begin_turn(std::int64_t) override { trace += "b"; }
  void end_turn(std::int64_t now_ns) override {
    trace += "e";
    last_ns = now_ns;
    if (on_end) on_end();
  }
  std::int64_t deadline_ns() const override { return deadline; }
  std::string trace;
  std::int64_t last_ns = 0;
  std::int64_t deadline = kNoDeadline;
  std::function<void()> on_end;
};

BOOST_AUTO_TEST_SUITE(event_loop)

BOOST_AUTO_TEST_CASE(a_turn_is_hooks_around_callbacks) {
  SystemClock clock;
  EventLoop loop(&clock);
  Hook hook;
  loop.add_hook(&hook);
  Pipe a;
  Pipe b;
  Callback on_a([&] { hook.trace += "A"; });
  Callback on_b([&] { hook.trace += "B"; });
  BOOST_REQUIRE(loop.watch(a.fds[0], EPOLLIN, &on_a).ok());
  BOOST_REQUIRE(loop.watch(b.fds[0], EPOLLIN, &on_b).ok());
  a.fill();
  b.fill();
  loop.turn(1000);
  BOOST_TEST(hook.trace == "bABe");
  BOOST_TEST(!loop.watch(-1, EPOLLIN, &on_a).ok());
}

BOOST_AUTO_TEST_CASE(a_watcher_forgotten_in_the_same_turn_is_not_called) {
  SystemClock clock;
  EventLoop loop(&clock);
  Pipe a;
  Pipe b;
  int called = 0;
  Callback* other[2] = {nullptr, nullptr};
  Callback on_a([&] {
    ++called;
    loop.forget(b.fds[0], other[1]);
  });
  Callback on_b([&] {
    ++called;
    loop.forget(a.fds[0], other[0]);
  });
  other[0] = &on_a;
  other[1] = &on_b;
  BOOST_REQUIRE(loop.watch(a.fds[0], EPOLLIN, &on_a).ok());
  BOOST_REQUIRE(loop.watch(b.fds[0], EPOLLIN, &on_b).ok());
  a.fill();
  b.fill();
  loop.turn(1000);
  BOOST_TEST(called == 1);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_the_sleep) {
  SystemClock clock;
  EventLoop loop(&clock);
  Hook hook;
  loop.add_hook(&hook);
  hook.deadline = clock.monotonic_ns() + 5'000'000;
  loop.turn(60'000);
  BOOST_TEST(hook.last_ns >= hook.deadline);
}

BOOST_AUTO_TEST_CASE(threads_wake_it) {
  SystemClock clock;
  for (const bool with_asio : {false, true}) {
    EventLoop loop(&clock);
    if (with_asio) loop.context();
    ColdThread cold(loop.waker());
    Hook hook;
    int delivered = 0;
    int submitted = 0;
    hook.on_end = [&] {
      cold.deliver();
      if (delivered == 1000) return loop.stop();
      if (submitted == delivered) {
        ++submitted;
        BOOST_REQUIRE(cold.submit([&] { return [&] { ++delivered; }; }));
      }
    };
    loop.add_hook(&hook);
    loop.run();
    BOOST_TEST(delivered == 1000);
  }
}

BOOST_AUTO_TEST_CASE(descriptors_are_seen_while_asio_sleeps) {
  SystemClock clock;
  EventLoop loop(&clock);
  loop.context();
  Pipe pipe;
  int called = 0;
  Callback on_pipe([&] {
    char c;
    BOOST_REQUIRE(::read(pipe.fds[0], &c, 1) == 1);
    if (++called == 10) return loop.stop();
    pipe.fill();
  });
  BOOST_REQUIRE(loop.watch(pipe.fds[0], EPOLLIN, &on_pipe).ok());
  pipe.fill();
  loop.run();
  BOOST_TEST(called == 10);
}

BOOST_AUTO_TEST_CASE(signals_are_events) {
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  {
    Signals signals;
    SystemClock clock;
    EventLoop loop(&clock);
    std::string trace;
    BOOST_REQUIRE(signals
                      .start(
                          &loop,
                          [&] {
                            trace += "stop";
                            loop.stop();
                          },
                          [&] {
                            trace += "reload ";
                            ::kill(::getpid(), SIGTERM);
                          })
                      .ok());
    ::kill(::getpid(), SIGHUP);
    loop.run();
    BOOST_TEST(trace == "reload stop");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
