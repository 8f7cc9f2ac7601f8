// The links to one other box: its datagram session, its stream, its queue, and what is known of the
// paths. PeerLinks (peer_links.h) owns one a peer and hands it what comes in. Loop thread only.
//
// Which stream. Either box connects when it has none to the other; the one of the higher id waits
// kLinkGraceMs longer, so that mostly one connection is made. If there are two, both boxes send
// over the one that the lower id began, and the box of the higher id closes its own; until it is
// closed whatever comes over it counts. A stream from a boot that another stream has superseded is
// dropped.
//
// Which path. Small frames go by UDP while it gets through: an echo comes back for one sent every
// kEchoMs; kEchoMissesMax missing ones in a row, and the stream carries everything. While it does,
// echoes as large as a datagram can be are tried again, ever more rarely. The rest goes by the
// stream; within a turn that is written first, so that a small frame seldom overtakes a large one.
//
// Where. Streams and hellos go to the configured address, looked up anew for each attempt; data
// goes to where the peer's last authenticated datagram came from. Whoever has the keys is the peer,
// from wherever.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/datagram_session.h"
#include "codecs/frame.h"
#include "daemon/frame_queue.h"
#include "daemon/link_shared.h"
#include "daemon/round_trip.h"

namespace pawl::daemon {

class PeerLink {
 public:
  // `shared` and `metrics` outlive it.
  PeerLink(LinkShared* shared, NodeId id, Endpoint endpoint, PeerMetrics* metrics);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  NodeId id() const { return id_; }
  // Something can be sent: else send() drops.
  bool up() const { return udp_live_ || stream() != nullptr; }

  // Queues a frame for flush(), of at most kFramePayloadBytesMax. Whether it arrives is open.
  void send(codecs::FrameKind kind, std::string_view payload);
  // Seals and writes what was queued.
  void flush();
  // Something waits for flush().
  bool dirty() const { return dirty_; }

  void tick(std::int64_t now_ns);
  std::int64_t deadline_ns() const;

  void datagram(std::string_view bytes, const SocketAddress& from);
  // A stream the peer began and that is open now.
  void adopt(std::unique_ptr<TcpLink> stream);
  // Of any of this peer's streams; TcpLink::Owner's calls.
  void opened(TcpLink* stream);
  void record(TcpLink* stream, std::string_view record);
  void writable(TcpLink* stream);
  void closed(TcpLink* stream);

  // A new place, for the next attempt on.
  void move_to(const Endpoint& endpoint);
  // The shared keyring has changed.
  void use_keyring();
  // Says the last record on every stream; nothing is begun any more.
  void close();

 private:
  using Clock64 = std::int64_t;  // monotonic nanoseconds
  // Asking one path to answer.
  struct Echo {
    std::uint64_t number = 0;  // of the last one sent
    bool open = false;         // not answered yet
    Clock64 sent_ns = 0;
    Clock64 due_ns = 0;
    int misses = 0;   // in a row
    int answers = 0;  // in a row
    RoundTrip trip;
  };

  bool below_peer() const { return shared_->self < id_; }
  TcpLink* stream() const;
  SocketAddress datagram_address() const;

  // Streams.
  Clock64 first_attempt_ns() const;
  void begin_connect();
  void connect_to_next();
  void looked_up(std::vector<SocketAddress> addresses, const std::string& error);
  void look_up();
  void retry_later();
  void settle(TcpLink* newest);
  void retire(std::unique_ptr<TcpLink>* stream);
  void bury(std::unique_ptr<TcpLink>* stream);
  void pump();

  // Datagrams.
  void put_datagram(const codecs::Frame& frame);
  void seal_datagram();
  void say_hello(Clock64 now_ns);
  void follow_boot(const SocketAddress& from);
  void set_udp_live(bool live);
  void doubt_datagrams();

  // Both.
  enum class Path : std::uint8_t { kDatagram, kStream };
  // False if it was no batch of frames.
  bool deliver(std::string_view batch, Path path);
  void take(const codecs::Frame& frame, Path path);
  void answer_echo(std::string_view payload, Path path);
  void take_echo_reply(std::string_view payload, Path path);
  void echo_datagram(Clock64 now_ns);
  void echo_stream(Clock64 now_ns);
  void note_trip();
  void note_state();

  LinkShared* shared_;
  NodeId id_;
  Endpoint endpoint_;
  PeerMetrics* metrics_;
  bool was_up_ = false;  // as the handler was told
  bool dirty_ = false;
  bool finished_ = false;

  std::vector<SocketAddress> addresses_;  // of the endpoint, as last looked up
  std::size_t next_address_ = 0;          // of addresses_, to be tried next
  bool looking_up_ = false;
  std::shared_ptr<int> alive_;  // a lookup's answer comes to nobody once this is gone

  std::unique_ptr<TcpLink> outbound_;              // begun here: on its way or open
  std::unique_ptr<TcpLink> inbound_;               // begun there, open
  std::vector<std::unique_ptr<TcpLink>> closing_;  // read until they end
  Clock64 connect_due_ns_ = 0;
  std::int64_t retry_ms_;
  FrameQueue queue_;
  bool backlog_ = false;  // the stream took less than there was
  Echo stream_echo_;

  codecs::DatagramSession session_;
  codecs::BootId boot_;        // the session's peer, as of follow_boot()
  SocketAddress learned_;      // where its last data came from
  std::string datagram_;       // frames of the next one
  std::string sealed_;         // reused
  std::string opened_;         // reused
  int datagrams_flushed_ = 0;  // sealed since the last flush()
  bool udp_live_ = false;
  bool doubted_ = false;        // was live until the stream broke
  bool udp_said_ = false;       // that it does not get through
  std::int64_t echo_retry_ms_;  // between echoes while UDP is not live
  Echo datagram_echo_;
};

}  // namespace pawl::daemon
