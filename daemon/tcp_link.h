// One TCP connection to another box: a socket and the session on it (codecs/stream_session.h).
//
//   connecting --(connected)--> greeting --(handshake done)--> open --(close, or peer's last
//   record)--> closing --(both last records are through)--> closed any --(socket error, session
//   error, time is up, abort)--> closed
//
// Each state but closed has a time limit, which the owner applies by tick(). Closed is said once to
// the owner, who must not destroy the link within a callback. Loop thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "codecs/stream_session.h"
#include "daemon/event_loop.h"
#include "daemon/link_metrics.h"
#include "daemon/socket_address.h"

namespace pawl::daemon {

// Why a connection is closed.
enum class TcpEnd : std::uint8_t {
  kNone,
  kConnect,      // the system could not connect
  kHandshake,    // time was up before the peer proved its key
  kEvicted,      // to make room
  kUnknownPeer,  // it authenticated as a box that is none of ours
  kSession,      // error() says why
  kBroken,       // a socket error, or its end without a last record
  kSilence,      // nothing came for too long
  kReplaced,     // by a newer one
  kMalformed,    // a record was no batch of frames
  kFinished,     // both sides said so
};

// A word for logs: "silence".
const char* to_string(TcpEnd end);

class TcpLink final : public Watcher {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A responder knows who speaks; false hangs up without an answer.
    virtual bool stream_named(TcpLink* link, NodeId peer) = 0;
    virtual void stream_opened(TcpLink* link) = 0;
    // The view is valid during the call.
    virtual void stream_record(TcpLink* link, std::string_view record) = 0;
    // There is room again; see has_room().
    virtual void stream_writable(TcpLink* link) = 0;
    // The descriptor is closed; end() says why.
    virtual void stream_closed(TcpLink* link) = 0;
  };

  struct Environment {  // all outlive the link
    EventLoop* loop = nullptr;
    Owner* owner = nullptr;
    LinkMetrics* metrics = nullptr;
    const codecs::Keyring* ring = nullptr;
    codecs::RandomBytes* random = nullptr;
    codecs::FirstMessageFilter* filter = nullptr;
    std::string* buffer = nullptr;  // to read into, of kReadBytes
  };
  static constexpr std::size_t kReadBytes = 256 * 1024;

  TcpLink(const Environment& environment, codecs::StreamRole role,
          const codecs::StreamOptions& options);
  ~TcpLink() override;
  TcpLink(const TcpLink&) = delete;
  TcpLink& operator=(const TcpLink&) = delete;

  // Initiator: begins to connect, from the host of `from` unless that is nowhere or any. On an
  // error the link is closed and nobody is called.
  absl::Status connect(const SocketAddress& from, const SocketAddress& to);
  // Responder: takes an accepted, non-blocking descriptor.
  absl::Status adopt(int fd, const SocketAddress& peer);

  bool initiator() const { return role_ == codecs::StreamRole::kInitiator; }
  // Records can be sent.
  bool open() const { return state_ == State::kOpen; }
  bool closed() const { return state_ == State::kClosed; }
  // It was open, and may still be.
  bool was_open() const { return session_.established(); }
  TcpEnd end() const { return end_; }
  codecs::StreamError error() const { return session_.error(); }
  // Whom an initiator means; who a responder's peer is once it authenticated, nobody (0) before.
  NodeId peer() const { return initiator() ? intended_ : session_.peer(); }
  // Of a link that was open.
  const codecs::StreamAgreement& agreement() const { return session_.agreement(); }
  const SocketAddress& address() const { return address_; }
  std::int64_t opened_ns() const { return opened_ns_; }

  // Seals a record of at most kStreamRecordBytesMax; ignored unless open.
  void send(std::string_view record);
  // Less than kLinkOutputBytes are sealed and unsent: send() is welcome.
  bool has_room() const;
  // All that was sealed is with the system.
  bool drained() const { return output_.size() == output_at_; }
  // One write of what is sealed.
  void flush();

  // Says the last record, once open; what the peer still says is read until it says its own.
  void close();
  // At once.
  void abort(TcpEnd end);

  void tick(std::int64_t now_ns);
  std::int64_t deadline_ns() const { return deadline_ns_; }

  void ready(std::uint32_t events) override;

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kGreeting, kOpen, kClosing, kClosed };

  absl::Status start(int fd, const SocketAddress& peer, State state);
  void connected();
  void read();
  void receive(std::string_view bytes);
  bool hand_on();
  void finish();
  void arm();
  void shut(TcpEnd end);

  Environment environment_;
  codecs::StreamRole role_;
  NodeId intended_;
  codecs::StreamSession session_;
  codecs::StreamOutput out_;
  State state_ = State::kIdle;
  TcpEnd end_ = TcpEnd::kNone;
  bool named_ = false;
  int fd_ = -1;
  std::uint32_t armed_ = 0;  // the epoll events asked for
  SocketAddress address_;
  std::string output_;  // sealed; what is before output_at_ was sent
  std::size_t output_at_ = 0;
  std::int64_t opened_ns_ = 0;
  std::int64_t deadline_ns_ = kNoDeadline;
};

}  // namespace pawl::daemon
