#include "daemon/event_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <atomic>
#include <chrono>
#include <string>

#include "base/check.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kAsioHandlersPerTurn = 256;
constexpr int kSleepMsMax = 60'000;

}  // namespace

// kAwake: wake() need only leave a note. kSleeping: it must also write to the eventfd. kNoted: the
// loop must not go to sleep before another turn.
struct Waker::Impl {
  enum State : int { kAwake, kSleeping, kNoted };
  std::atomic<int> state{kAwake};
  int fd = -1;
};

Waker::Waker() : impl_(std::make_unique<Impl>()) {
  impl_->fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  PAWL_CHECK(impl_->fd >= 0);
}

Waker::~Waker() { ::close(impl_->fd); }

void Waker::wake() {
  if (impl_->state.exchange(Impl::kNoted) != Impl::kSleeping) return;
  const std::uint64_t one = 1;
  // The only failure is a counter at its maximum, and then the loop is woken already.
  [[maybe_unused]] const ssize_t n = ::write(impl_->fd, &one, sizeof one);
}

struct EventLoop::Impl {
  const Clock* clock;
  Waker waker;
  int epoll_fd = -1;
  std::vector<TurnHook*> hooks;
  epoll_event events[kEventsPerTurn];
  int event_count = 0;
  std::int64_t now_ns = 0;
  int spin_us = 0;
  bool stopped = false;
  // Asio comes to life with the first link; the epoll set is then watched by it while asleep.
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<asio::posix::stream_descriptor> watched;
  bool watch_armed = false;

  bool hooks_busy() const {
    return std::any_of(hooks.begin(), hooks.end(), [](const TurnHook* h) { return h->busy(); });
  }
  int wait_for(std::int64_t at_most_ns) const;
  void poll(int timeout_ms);
  bool dispatch();
  bool run_asio();
  void sleep(int timeout_ms);
  void sleep_in_asio(int timeout_ms);
  bool one_turn();
};

EventLoop::EventLoop(const Clock* clock) : impl_(std::make_unique<Impl>()) {
  impl_->clock = clock;
  impl_->now_ns = clock->monotonic_ns();
  impl_->epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  PAWL_CHECK(impl_->epoll_fd >= 0);
  // Edge-triggered, so that nobody needs to read the counter down.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  PAWL_CHECK(::epoll_ctl(impl_->epoll_fd, EPOLL_CTL_ADD, impl_->waker.impl_->fd, &event) == 0);
}

EventLoop::~EventLoop() {
  if (impl_->watched) impl_->watched->release();
  impl_->watched.reset();
  impl_->context.reset();
  ::close(impl_->epoll_fd);
}

absl::Status EventLoop::watch(int fd, std::uint32_t events, Watcher* watcher) {
  PAWL_CHECK(watcher != nullptr);
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  if (::epoll_ctl(impl_->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return system_error(errno, "epoll_ctl", "add descriptor");
}

absl::Status EventLoop::change(int fd, std::uint32_t events, Watcher* watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = watcher;
  if (::epoll_ctl(impl_->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0) return absl::OkStatus();
  return system_error(errno, "epoll_ctl", "change descriptor");
}

void EventLoop::forget(int fd, Watcher* watcher) {
  ::epoll_ctl(impl_->epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < impl_->event_count; ++i) {
    if (impl_->events[i].data.ptr == watcher) impl_->events[i].data.ptr = nullptr;
  }
}

void EventLoop::add_hook(TurnHook* hook) { impl_->hooks.push_back(hook); }
void EventLoop::remove_hook(TurnHook* hook) { std::erase(impl_->hooks, hook); }
Waker* EventLoop::waker() { return &impl_->waker; }
std::int64_t EventLoop::now_ns() const { return impl_->now_ns; }
void EventLoop::set_spin_us(int spin_us) { impl_->spin_us = spin_us; }
void EventLoop::stop() { impl_->stopped = true; }

asio::io_context& EventLoop::context() {
  if (!impl_->context) {
    impl_->context = std::make_unique<asio::io_context>(1);
    impl_->watched =
        std::make_unique<asio::posix::stream_descriptor>(*impl_->context, impl_->epoll_fd);
  }
  return *impl_->context;
}

void EventLoop::Impl::poll(int timeout_ms) {
  const int n = ::epoll_wait(epoll_fd, events, kEventsPerTurn, timeout_ms);
  PAWL_CHECK(n >= 0 || errno == EINTR);
  event_count = n > 0 ? n : 0;
}

// Calls the watchers of the events at hand; a callback may forget later ones (null then).
bool EventLoop::Impl::dispatch() {
  const bool any = event_count != 0;
  for (int i = 0; i < event_count; ++i) {
    auto* watcher = static_cast<Watcher*>(events[i].data.ptr);
    if (watcher != nullptr) watcher->ready(events[i].events);
  }
  event_count = 0;
  return any;
}

bool EventLoop::Impl::run_asio() {
  if (!context) return false;
  int handlers = 0;
  context->restart();
  while (handlers < kAsioHandlersPerTurn && context->poll_one() != 0) ++handlers;
  return handlers != 0;
}

void EventLoop::Impl::sleep_in_asio(int timeout_ms) {
  if (!watch_armed) {
    watch_armed = true;
    watched->async_wait(asio::posix::stream_descriptor::wait_read,
                        [this](const asio::error_code&) { watch_armed = false; });
  }
  context->restart();
  context->run_one_for(std::chrono::milliseconds(timeout_ms));
  poll(0);
}

// Waits for descriptors or wake(), unless there was a wake() since the turn began.
void EventLoop::Impl::sleep(int timeout_ms) {
  int expected = Waker::Impl::kAwake;
  if (!waker.impl_->state.compare_exchange_strong(expected, Waker::Impl::kSleeping)) {
    poll(0);
    return;
  }
  if (context) {
    sleep_in_asio(timeout_ms);
  } else {
    poll(timeout_ms);
  }
}

// How long the loop may sleep, rounded up so that a deadline has passed when it wakes.
int EventLoop::Impl::wait_for(std::int64_t at_most_ns) const {
  std::int64_t deadline = kNoDeadline;
  for (const TurnHook* hook : hooks) deadline = std::min(deadline, hook->deadline_ns());
  const std::int64_t now = clock->monotonic_ns();
  const std::int64_t until = deadline == kNoDeadline ? at_most_ns : deadline - now;
  const std::int64_t wait = std::clamp<std::int64_t>(until, 0, at_most_ns);
  return static_cast<int>((wait + 999'999) / 1'000'000);
}

// Everything but the waiting. True if there was something to do.
bool EventLoop::Impl::one_turn() {
  const bool noted = waker.impl_->state.exchange(Waker::Impl::kAwake) == Waker::Impl::kNoted;
  now_ns = clock->monotonic_ns();
  for (TurnHook* hook : hooks) hook->begin_turn(now_ns);
  const bool descriptors = dispatch();
  const bool handlers = run_asio();
  for (TurnHook* hook : hooks) hook->work(now_ns);
  for (TurnHook* hook : hooks) hook->end_turn(now_ns);
  return noted || descriptors || handlers;
}

void EventLoop::run() {
  impl_->stopped = false;
  std::int64_t last_work_ns = impl_->clock->monotonic_ns();
  while (!impl_->stopped) {
    if (impl_->one_turn()) last_work_ns = impl_->now_ns;
    if (impl_->stopped) return;
    if (impl_->hooks_busy()) {
      impl_->poll(0);
      continue;
    }
    // A short poll first: waking a sleeping thread costs more than this.
    bool found = false;
    if (impl_->spin_us > 0) {
      const std::int64_t until = last_work_ns + std::int64_t{impl_->spin_us} * 1000;
      do {
        impl_->poll(0);
        found = impl_->event_count != 0 || impl_->waker.impl_->state.load() == Waker::Impl::kNoted;
      } while (!found && impl_->clock->monotonic_ns() < until);
    }
    if (!found) impl_->sleep(impl_->wait_for(std::int64_t{kSleepMsMax} * 1'000'000));
  }
}

void EventLoop::turn(int wait_ms) {
  if (impl_->hooks_busy()) {
    impl_->poll(0);
  } else {
    impl_->sleep(impl_->wait_for(std::int64_t{wait_ms} * 1'000'000));
  }
  impl_->one_turn();
}

}  // namespace pawl::daemon
