#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/event_loop.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

struct Signals::Impl final : public Watcher {
  int fd = -1;
  std::function<void()> stop;
  std::function<void()> reload;

  void ready(std::uint32_t) override {
    signalfd_siginfo info;
    while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGHUP) {
        reload();
      } else {
        stop();
      }
    }
  }
};

Signals::Signals() : impl_(std::make_unique<Impl>()) {
  const sigset_t set = watched_signals();
  PAWL_CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  ::signal(SIGPIPE, SIG_IGN);
}

// Made before every thread, this usually outlives the loop: closing alone takes the descriptor out
// of the loop's set.
Signals::~Signals() {
  if (impl_->fd >= 0) ::close(impl_->fd);
}

absl::Status Signals::start(EventLoop* loop, std::function<void()> stop,
                            std::function<void()> reload) {
  const sigset_t set = watched_signals();
  impl_->stop = std::move(stop);
  impl_->reload = std::move(reload);
  impl_->fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (impl_->fd < 0) return system_error(errno, "signalfd", "signals");
  return loop->watch(impl_->fd, EPOLLIN, impl_.get());
}

}  // namespace pawl::daemon
