#include "daemon/tcp_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kMs = 1'000'000;
// Of what the system holds unsent: so that a heartbeat does not wait behind megabytes there.
constexpr int kSystemUnsentBytes = 128 * 1024;
constexpr std::size_t kKeptBytesMax = 1 << 20;  // of an output buffer that is empty again

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

void set_options(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kSystemUnsentBytes, sizeof kSystemUnsentBytes);
}

}  // namespace

const char* to_string(TcpEnd end) {
  static constexpr const char* kNames[] = {"none",         "connect",   "handshake", "evicted",
                                           "unknown_peer", "session",   "broken",    "silence",
                                           "replaced",     "malformed", "finished"};
  return kNames[static_cast<std::size_t>(end)];
}

TcpLink::TcpLink(const Environment& environment, codecs::StreamRole role,
                 const codecs::StreamOptions& options)
    : environment_(environment),
      role_(role),
      intended_(options.peer),
      session_(role, options, environment.ring, environment.random,
               role == codecs::StreamRole::kResponder ? environment.filter : nullptr) {}

TcpLink::~TcpLink() {
  if (fd_ < 0) return;
  environment_.loop->forget(fd_, this);
  ::close(fd_);
}

absl::Status TcpLink::start(int fd, const SocketAddress& peer, State state) {
  PAWL_CHECK(state_ == State::kIdle);
  set_options(fd);
  armed_ = state == State::kConnecting ? EPOLLOUT : EPOLLIN;
  if (absl::Status s = environment_.loop->watch(fd, armed_, this); !s.ok()) {
    ::close(fd);
    state_ = State::kClosed;
    return s;
  }
  fd_ = fd;
  address_ = peer;
  state_ = state;
  deadline_ns_ = environment_.loop->now_ns() + limits::kHandshakeMs * kMs;
  return absl::OkStatus();
}

absl::Status TcpLink::adopt(int fd, const SocketAddress& peer) {
  PAWL_CHECK(!initiator());
  return start(fd, peer, State::kGreeting);
}

absl::Status TcpLink::connect(const SocketAddress& from, const SocketAddress& to) {
  PAWL_CHECK(initiator());
  const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error(errno, "create a TCP socket for", to.text());
  if (from.family() == to.family() && !from.is_wildcard()) {
    const int on = 1;  // the port is chosen with the whole connection in view
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const SocketAddress any_port = from.with_port(0);
    // A failure is no reason not to try: the system chooses the address then.
    [[maybe_unused]] const int bound = ::bind(fd, any_port.get(), any_port.bytes());
  }
  if (::connect(fd, to.get(), to.bytes()) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    state_ = State::kClosed;
    return system_error(error, "connect", to.text());
  }
  return start(fd, to, State::kConnecting);
}

void TcpLink::connected() {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) {
    return shut(TcpEnd::kConnect);
  }
  state_ = State::kGreeting;
  session_.start(&output_);
  arm();
  flush();
}

void TcpLink::ready(std::uint32_t events) {
  if (state_ == State::kConnecting) return connected();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if (state_ == State::kClosed || (events & EPOLLOUT) == 0) return;
  flush();
  if (open() && has_room()) environment_.owner->stream_writable(this);
}

void TcpLink::read() {
  std::string& buffer = *environment_.buffer;
  const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) shut(TcpEnd::kBroken);
    return;
  }
  if (n == 0) {
    session_.end_of_input();
    return shut(session_.ended() ? TcpEnd::kFinished : TcpEnd::kBroken);
  }
  environment_.metrics->stream_bytes_in += static_cast<std::uint64_t>(n);
  receive({buffer.data(), static_cast<std::size_t>(n)});
}

void TcpLink::receive(std::string_view bytes) {
  out_.to_send.clear();
  out_.records.clear();
  out_.established = false;
  session_.feed(bytes, &out_);
  if (!initiator() && !named_ && session_.peer().v != 0) {
    named_ = true;
    if (!environment_.owner->stream_named(this, session_.peer())) {
      return shut(TcpEnd::kUnknownPeer);
    }
  }
  output_ += out_.to_send;
  const std::int64_t now = environment_.loop->now_ns();
  if (out_.established) {
    state_ = State::kOpen;
    opened_ns_ = now;
  }
  // Bytes that do not authenticate prove no life.
  if (was_open() && session_.error() == codecs::StreamError::kNone && state_ != State::kClosing) {
    deadline_ns_ = now + limits::kLinkSilenceMs * kMs;
  }
  if (hand_on()) finish();
}

// Tells the owner what came. False if the link was closed over it.
bool TcpLink::hand_on() {
  if (out_.established) {
    flush();
    if (closed()) return false;
    environment_.owner->stream_opened(this);
  }
  for (std::size_t i = 0; i < out_.records.size() && !closed(); ++i) {
    environment_.owner->stream_record(this, out_.records[i]);
  }
  return !closed();
}

// What follows from the session's state once its records are handed on.
void TcpLink::finish() {
  if (session_.error() != codecs::StreamError::kNone) {
    flush();
    if (!closed()) shut(TcpEnd::kSession);
    return;
  }
  if (session_.ended() && open()) close();
  if (!closed()) flush();
}

void TcpLink::send(std::string_view record) {
  if (open()) session_.send(record, &output_);
}

bool TcpLink::has_room() const { return output_.size() - output_at_ < limits::kLinkOutputBytes; }

void TcpLink::flush() {
  if (fd_ < 0 || state_ == State::kConnecting) return;
  if (!drained()) {
    const ssize_t n =
        ::send(fd_, output_.data() + output_at_, output_.size() - output_at_, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return shut(TcpEnd::kBroken);
    if (n > 0) {
      output_at_ += static_cast<std::size_t>(n);
      environment_.metrics->stream_bytes_out += static_cast<std::uint64_t>(n);
    }
  }
  if (drained()) {
    output_.clear();
    output_at_ = 0;
    if (output_.capacity() > kKeptBytesMax) std::string().swap(output_);
    if (state_ == State::kClosing && session_.ended()) return shut(TcpEnd::kFinished);
  } else if (output_at_ >= limits::kLinkOutputBytes && output_at_ >= output_.size() / 2) {
    output_.erase(0, output_at_);
    output_at_ = 0;
  }
  arm();
}

void TcpLink::arm() {
  const std::uint32_t wanted = EPOLLIN | (drained() ? 0u : std::uint32_t{EPOLLOUT});
  if (wanted == armed_) return;
  armed_ = wanted;
  if (!environment_.loop->change(fd_, armed_, this).ok()) shut(TcpEnd::kBroken);
}

void TcpLink::close() {
  if (!open()) return;
  session_.close(&output_);
  state_ = State::kClosing;
  deadline_ns_ = environment_.loop->now_ns() + limits::kLinkSilenceMs * kMs;
  flush();
}

void TcpLink::abort(TcpEnd end) {
  if (!closed()) shut(end);
}

void TcpLink::tick(std::int64_t now_ns) {
  if (closed() || now_ns < deadline_ns_) return;
  shut(was_open() ? TcpEnd::kSilence : TcpEnd::kHandshake);
}

void TcpLink::shut(TcpEnd end) {
  PAWL_CHECK(state_ != State::kClosed);
  state_ = State::kClosed;
  end_ = end;
  deadline_ns_ = kNoDeadline;
  environment_.loop->forget(fd_, this);
  ::close(fd_);
  fd_ = -1;
  std::string().swap(output_);
  output_at_ = 0;
  environment_.owner->stream_closed(this);
}

}  // namespace pawl::daemon
