// The one UDP socket of the links between boxes: datagrams come in and go out in batches of one
// system call. What they mean is the sessions' (codecs/datagram_session.h); what does not fit into
// the socket's buffer is dropped, as the network would.
//
// Owned by PeerLinks; loop thread only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "daemon/event_loop.h"
#include "daemon/link_metrics.h"
#include "daemon/socket_address.h"

namespace pawl::daemon {

class UdpLink final : public Watcher {
 public:
  // Gets every datagram; the view is valid during the call.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void on_datagram(std::string_view bytes, const SocketAddress& from) = 0;
  };

  // All outlive the link.
  UdpLink(EventLoop* loop, Receiver* receiver, LinkMetrics* metrics);
  ~UdpLink() override;
  UdpLink(const UdpLink&) = delete;
  UdpLink& operator=(const UdpLink&) = delete;

  // Binds and joins the loop.
  absl::Status open(const SocketAddress& listen);
  void close();
  bool is_open() const { return fd_ >= 0; }

  // Queues a datagram of at most kDatagramBytesMax for the next flush(); drops it where the socket
  // is closed or of another family than the address.
  void send(const SocketAddress& to, std::string_view bytes);
  void flush();

  void ready(std::uint32_t events) override;

 private:
  struct Outgoing {
    SocketAddress to;
    std::string bytes;
  };

  int receive_batch();
  void send_batch(std::size_t first, std::size_t count);

  EventLoop* loop_;
  Receiver* receiver_;
  LinkMetrics* metrics_;
  int fd_ = -1;
  int family_ = 0;
  std::vector<char> buffer_;        // of one batch of incoming ones
  std::vector<Outgoing> outgoing_;  // the first queued_ are to be sent; strings are reused
  std::size_t queued_ = 0;
};

}  // namespace pawl::daemon
