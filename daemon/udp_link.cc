#include "daemon/udp_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

constexpr int kBatch = 32;          // datagrams of one system call
constexpr int kBatchesPerTurn = 8;  // then the rest of the loop has its turn
// One byte more than is allowed, so that a longer one is told from one that fits.
constexpr std::size_t kSlotBytes = limits::kDatagramBytesMax + 1;
constexpr int kSocketBufferBytes = 1 << 20;  // the system may grant less

sockaddr* as_sockaddr(sockaddr_in6* address) { return reinterpret_cast<sockaddr*>(address); }

}  // namespace

UdpLink::UdpLink(EventLoop* loop, Receiver* receiver, LinkMetrics* metrics)
    : loop_(loop), receiver_(receiver), metrics_(metrics) {}

UdpLink::~UdpLink() { close(); }

absl::Status UdpLink::open(const SocketAddress& listen) {
  PAWL_CHECK(fd_ < 0);
  const int fd = ::socket(listen.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error(errno, "create a UDP socket for", listen.text());
  if (listen.family() == AF_INET6 && listen.is_wildcard()) {
    const int off = 0;  // IPv4 peers are reached through [::] too, under their mapped addresses
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  if (::bind(fd, listen.get(), listen.bytes()) != 0) {
    const int error = errno;
    ::close(fd);
    return system_error(error, "bind UDP", listen.text());
  }
  if (absl::Status s = loop_->watch(fd, EPOLLIN, this); !s.ok()) {
    ::close(fd);
    return s;
  }
  fd_ = fd;
  family_ = listen.family();
  buffer_.resize(kBatch * kSlotBytes);
  return absl::OkStatus();
}

void UdpLink::close() {
  if (fd_ < 0) return;
  loop_->forget(fd_, this);
  ::close(fd_);
  fd_ = -1;
}

void UdpLink::ready(std::uint32_t) {
  for (int i = 0; i < kBatchesPerTurn && fd_ >= 0; ++i) {
    if (receive_batch() < kBatch) return;
  }
}

int UdpLink::receive_batch() {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> slots;
  std::array<sockaddr_in6, kBatch> from{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    slots[i] = {buffer_.data() + i * kSlotBytes, kSlotBytes};
    messages[i].msg_hdr.msg_iov = &slots[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &from[i];
    messages[i].msg_hdr.msg_namelen = sizeof from[i];
  }
  // An error of an earlier send may be reported here; it is that datagram's loss.
  const int count = ::recvmmsg(fd_, messages.data(), kBatch, 0, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    ++metrics_->datagrams_in;
    metrics_->datagram_bytes_in += messages[at].msg_len;
    const char* bytes = static_cast<const char*>(slots[at].iov_base);
    receiver_->on_datagram({bytes, messages[at].msg_len}, SocketAddress(as_sockaddr(&from[at])));
  }
  return count;
}

void UdpLink::send(const SocketAddress& to, std::string_view bytes) {
  PAWL_CHECK(bytes.size() <= limits::kDatagramBytesMax);
  const bool reachable = to.family() == family_ || (family_ == AF_INET6 && to.family() == AF_INET);
  if (fd_ < 0 || !reachable) {
    ++metrics_->datagrams_unsent;
    return;
  }
  if (queued_ == outgoing_.size()) outgoing_.emplace_back();
  outgoing_[queued_].to = to;
  outgoing_[queued_].bytes.assign(bytes);
  ++queued_;
  if (queued_ == kBatch) flush();
}

void UdpLink::flush() {
  if (queued_ == 0) return;
  send_batch(0, queued_);
  queued_ = 0;
}

void UdpLink::send_batch(std::size_t first, std::size_t count) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> slots;
  std::array<sockaddr_in6, kBatch> to{};
  PAWL_CHECK(count <= kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    Outgoing& out = outgoing_[first + i];
    slots[i] = {out.bytes.data(), out.bytes.size()};
    messages[i].msg_hdr.msg_iov = &slots[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_namelen = out.to.write_as(family_, as_sockaddr(&to[i]));
    messages[i].msg_hdr.msg_name = &to[i];
  }
  std::size_t done = 0;
  while (done < count) {
    const int sent =
        ::sendmmsg(fd_, messages.data() + done, static_cast<unsigned>(count - done), MSG_NOSIGNAL);
    if (sent > 0) {
      for (std::size_t i = done; i < done + static_cast<std::size_t>(sent); ++i) {
        ++metrics_->datagrams_out;
        metrics_->datagram_bytes_out += messages[i].msg_len;
      }
      done += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    // A full buffer drops the rest; anything else (no route, a port that is closed) only this one.
    const std::size_t lost = errno == EAGAIN ? count - done : 1;
    metrics_->datagrams_unsent += lost;
    done += lost;
  }
}

}  // namespace pawl::daemon
