// The datagrams to and from one peer: hellos, data, and whether they get through.
#include <algorithm>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "daemon/peer_link.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kMs = 1'000'000;

}  // namespace

// Data goes to where data came from, hellos to where the peer should be. While nothing gets
// through, echoes try both in turn.
SocketAddress PeerLink::datagram_address() const {
  const SocketAddress configured =
      addresses_.empty() ? SocketAddress() : addresses_[next_address_ % addresses_.size()];
  if (learned_.is_none() || !session_.live()) return configured.is_none() ? learned_ : configured;
  const int misses = datagram_echo_.misses;
  const bool try_configured = misses >= limits::kEchoMissesMax && misses % 2 == 0;
  return try_configured && !configured.is_none() ? configured : learned_;
}

void PeerLink::put_datagram(const codecs::Frame& frame) {
  if (codecs::append_frame(frame, codecs::wire::kDatagramPayloadBytesMax, &datagram_)) return;
  seal_datagram();
  PAWL_CHECK(codecs::append_frame(frame, codecs::wire::kDatagramPayloadBytesMax, &datagram_));
}

void PeerLink::seal_datagram() {
  sealed_.clear();
  if (session_.send(datagram_, &sealed_)) {
    shared_->udp.send(datagram_address(), sealed_);
    ++metrics_->datagrams_out;
  }
  ++datagrams_flushed_;
  datagram_.clear();
}

void PeerLink::say_hello(std::int64_t now_ns) {
  if (!shared_->udp.is_open()) return;
  const std::int64_t now_ms = now_ns / kMs;
  if (session_.next_poll_ms() == INT64_MAX || now_ms < session_.next_poll_ms()) return;
  const std::optional<std::string> hello = session_.poll(now_ms);
  const SocketAddress to = datagram_address();
  if (hello && !to.is_none()) shared_->udp.send(to, *hello);
}

void PeerLink::datagram(std::string_view bytes, const SocketAddress& from) {
  if (finished_) return;
  codecs::DatagramOutcome outcome = session_.receive(bytes, shared_->loop->now_ns() / kMs);
  if (const auto* dropped = std::get_if<codecs::Dropped>(&outcome)) {
    shared_->drop_datagram(dropped->reason, from);
    return;
  }
  if (const auto* answer = std::get_if<codecs::HelloAnswer>(&outcome)) {
    shared_->udp.send(from, answer->bytes);
  }
  if (!(session_.peer_boot() == boot_)) follow_boot(from);
  const auto* data = std::get_if<codecs::DatagramData>(&outcome);
  if (data == nullptr) return;
  ++metrics_->datagrams_in;
  learned_ = from;
  // An answer to it may use the session again.
  opened_.assign(data->bytes);
  deliver(opened_, Path::kDatagram);
}

// Another life of the peer: what was known of the path to it is forgotten.
void PeerLink::follow_boot(const SocketAddress& from) {
  boot_ = session_.peer_boot();
  learned_ = from;
  datagram_echo_ = Echo{.number = datagram_echo_.number};
  datagram_echo_.due_ns = shared_->loop->now_ns();
  echo_retry_ms_ = 4 * limits::kEchoMs;
  if (udp_live_) set_udp_live(false);
}

// The stream has ended, as it does when the peer's process does: datagrams count for nothing until
// an echo, asked for at once, has come back.
void PeerLink::doubt_datagrams() {
  datagram_echo_.open = false;
  datagram_echo_.misses = 0;
  datagram_echo_.due_ns = shared_->loop->now_ns();
  echo_retry_ms_ = limits::kEchoMs;
  doubted_ = true;
  set_udp_live(false);
}

void PeerLink::set_udp_live(bool live) {
  udp_live_ = live;
  if (live) {
    doubted_ = false;
    datagram_echo_.due_ns = shared_->loop->now_ns() + limits::kEchoMs * kMs;
    if (udp_said_ && shared_->log != nullptr) {
      shared_->log->write(LogLevel::info, "link: UDP gets through again", {{"peer", id_.v}});
    }
    udp_said_ = false;
  }
  note_trip();
  note_state();
}

void PeerLink::echo_datagram(std::int64_t now_ns) {
  Echo& echo = datagram_echo_;
  if (!session_.live() || !shared_->udp.is_open()) {
    echo.due_ns = now_ns + limits::kEchoMs * kMs;
    return;
  }
  if (echo.open) {
    ++echo.misses;
    echo.answers = 0;
    if (!udp_live_)
      echo_retry_ms_ = std::min<std::int64_t>(2 * echo_retry_ms_, limits::kEchoRetryMsMax);
  }
  if (echo.misses >= limits::kEchoMissesMax) {
    if (udp_live_ || doubted_) ++metrics_->udp_failures;
    doubted_ = false;
    if (udp_live_) set_udp_live(false);
    if (!udp_said_ && shared_->log != nullptr) {
      shared_->log->write(LogLevel::notice, "link: UDP does not get through, TCP carries all",
                          {{"peer", id_.v}});
    }
    udp_said_ = true;
  }
  // While it is not trusted, as large as a datagram gets: small ones may pass where those don't.
  std::string payload;
  ByteWriter(&payload).fixed64(++echo.number);
  if (!udp_live_) payload.resize(codecs::kDatagramFramePayloadBytesMax, '\0');
  put_datagram({codecs::FrameKind::kEcho, true, payload});
  dirty_ = true;
  echo.open = true;
  echo.sent_ns = now_ns;
  const std::int64_t wait_ms = udp_live_ ? limits::kEchoMs : echo_retry_ms_;
  echo.due_ns = now_ns + std::max(wait_ms * kMs, 2 * echo.trip.smoothed_ns());
}

}  // namespace pawl::daemon
