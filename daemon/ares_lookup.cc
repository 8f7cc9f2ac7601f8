#include "daemon/ares_lookup.h"

#include <ares.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/limits.h"

// c-ares asks glibc for the ports of services by name, which nothing here does; but that glibc can
// only answer by loading a library, which drags 120 KiB into a static binary that could not use it.
extern "C" {
servent* getservbyname(const char*, const char*) { return nullptr; }
int getservbyport_r(int, const char*, servent*, char*, size_t, servent** result) {
  *result = nullptr;
  return 0;
}
}

namespace pawl::daemon {
namespace {

constexpr int kTimeoutMs = 2'000;  // of the first attempt; doubled at the second
constexpr int kAttempts = 2;

}  // namespace

struct AresLookup::Impl final : public TurnHook {
  // A socket of the library's.
  struct Socket final : public Watcher {
    Socket(Impl* o, int f) : owner(o), fd(f) {}
    void ready(std::uint32_t events) override {
      const bool in = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
      const bool out = (events & EPOLLOUT) != 0;
      ares_process_fd(owner->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
    }
    Impl* owner;
    int fd;
  };
  struct Question {
    Impl* owner;
    Done done;
  };

  explicit Impl(EventLoop* l) : loop(l) { PAWL_CHECK(ares_library_init(ARES_LIB_INIT_ALL) == 0); }
  ~Impl() override {
    if (channel != nullptr) ares_destroy(channel);  // questions end without an answer
    ares_library_cleanup();
  }

  bool begin(std::string* error);
  static void socket_state(void* self, ares_socket_t fd, int readable, int writable);
  static void answered(void* question, int status, int timeouts, ares_addrinfo* result);
  void watch(int fd, std::uint32_t events);
  void end_turn(std::int64_t now_ns) override;
  std::int64_t deadline_ns() const override;

  EventLoop* loop;
  ares_channel channel = nullptr;  // while something is asked
  int open = 0;                    // questions
  std::vector<std::unique_ptr<Socket>> sockets;
  std::vector<std::unique_ptr<Socket>> closed;  // until the turn's end
};

// A channel with the configuration as it is now.
bool AresLookup::Impl::begin(std::string* error) {
  if (channel != nullptr) return true;
  ares_options options{};
  options.timeout = kTimeoutMs;
  options.tries = kAttempts;
  options.sock_state_cb = &socket_state;
  options.sock_state_cb_data = this;
  const int status = ares_init_options(
      &channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS) return true;
  channel = nullptr;
  *error = ares_strerror(status);
  return false;
}

void AresLookup::Impl::socket_state(void* self, ares_socket_t fd, int readable, int writable) {
  const std::uint32_t events = (readable != 0 ? std::uint32_t{EPOLLIN} : 0u) |
                               (writable != 0 ? std::uint32_t{EPOLLOUT} : 0u);
  static_cast<Impl*>(self)->watch(fd, events);
}

// No events: the library is about to close it.
void AresLookup::Impl::watch(int fd, std::uint32_t events) {
  const auto at = std::find_if(sockets.begin(), sockets.end(),
                               [&](const auto& socket) { return socket->fd == fd; });
  if (at == sockets.end()) {
    if (events == 0) return;
    auto socket = std::make_unique<Socket>(this, fd);
    // Should it fail, the question's time runs out.
    if (loop->watch(fd, events, socket.get()).ok()) sockets.push_back(std::move(socket));
  } else if (events != 0) {
    [[maybe_unused]] const absl::Status changed = loop->change(fd, events, at->get());
  } else {
    loop->forget(fd, at->get());
    closed.push_back(std::move(*at));
    sockets.erase(at);
  }
}

void AresLookup::Impl::answered(void* data, int status, int, ares_addrinfo* result) {
  const std::unique_ptr<Question> question(static_cast<Question*>(data));
  std::vector<SocketAddress> addresses;
  for (const ares_addrinfo_node* node = result == nullptr ? nullptr : result->nodes;
       node != nullptr && addresses.size() < limits::kAddressesPerNameMax; node = node->ai_next) {
    const SocketAddress address(node->ai_addr);
    const bool known = std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    if (!address.is_none() && !known) addresses.push_back(address);
  }
  if (result != nullptr) ares_freeaddrinfo(result);
  --question->owner->open;
  if (status == ARES_EDESTRUCTION) return;
  question->done(std::move(addresses), status == ARES_SUCCESS ? "" : ares_strerror(status));
}

void AresLookup::Impl::end_turn(std::int64_t) {
  if (channel == nullptr) return;
  ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // whose time is up
  if (open == 0) {
    ares_destroy(channel);
    channel = nullptr;
  }
  closed.clear();
}

std::int64_t AresLookup::Impl::deadline_ns() const {
  if (channel == nullptr) return kNoDeadline;
  timeval left{};
  if (ares_timeout(channel, nullptr, &left) == nullptr) return kNoDeadline;
  return loop->now_ns() + std::int64_t{left.tv_sec} * 1'000'000'000 +
         std::int64_t{left.tv_usec} * 1'000;
}

AresLookup::AresLookup(EventLoop* loop) : impl_(std::make_unique<Impl>(loop)) {
  loop->add_hook(impl_.get());
}

AresLookup::~AresLookup() { impl_->loop->remove_hook(impl_.get()); }

void AresLookup::lookup(const std::string& name, Done done) {
  std::string error;
  if (!impl_->begin(&error)) return done({}, error);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting probes routes; a peer's addresses are tried in turn
  ++impl_->open;
  ares_getaddrinfo(impl_->channel, name.c_str(), nullptr, &hints, &Impl::answered,
                   new Impl::Question{impl_.get(), std::move(done)});
}

}  // namespace pawl::daemon
