// What all links of a process share: PeerLinks owns it, each PeerLink has a pointer. Loop thread
// only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "codecs/first_message_filter.h"
#include "codecs/frame_kind.h"
#include "codecs/keyring.h"
#include "codecs/protection.h"
#include "daemon/event_loop.h"
#include "daemon/link_metrics.h"
#include "daemon/logging.h"
#include "daemon/name_lookup.h"
#include "daemon/tcp_link.h"
#include "daemon/udp_link.h"

namespace pawl::daemon {

// Who gets what comes in. May call PeerLinks::send(); must neither close nor destroy it.
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  // A frame from an authenticated peer; the view is valid during the call.
  virtual void on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) = 0;
  // The peer can be reached now (a stream is open, or UDP gets through), or can't any more: what is
  // sent to it then is dropped. It begins as down.
  virtual void on_link(NodeId peer, bool up) = 0;
};

struct LinkShared {
  LinkShared(EventLoop* l, UdpLink::Receiver* receiver, std::uint64_t seed)
      : loop(l), jitter(seed), udp(l, receiver, &metrics) {}

  // Counts a datagram that was dropped; one that no box of ours sends is told of in the log, once a
  // minute at most.
  void drop_datagram(codecs::DropReason reason, const SocketAddress& from);
  // Tells of what a stranger did, likewise. `what` is a fixed text.
  void note_stranger(const char* what, const SocketAddress& from, const char* reason);

  NodeId self;
  codecs::Protection protection = codecs::Protection::kSealed;
  codecs::Keyring ring;
  codecs::BootId boot;  // of this process's streams
  SocketAddress listen;
  EventLoop* loop;
  codecs::RandomBytes* random = nullptr;
  NameLookup* names = nullptr;  // may be null: literal addresses alone
  const Logger* log = nullptr;
  LinkHandler* handler = nullptr;
  codecs::FirstMessageFilter filter;
  Random jitter;
  LinkMetrics metrics;
  UdpLink udp;
  TcpLink::Environment streams;
  std::string read_buffer;
  LogRateLimit strangers{1, std::int64_t{60} * 1'000'000'000};
  // Closed ones, destroyed at the turn's end: a callback of theirs may be under way.
  std::vector<std::unique_ptr<TcpLink>> graveyard;
};

}  // namespace pawl::daemon
