// The links between this box and the others of its cluster: frames of up to kFramePayloadBytesMax
// to and from each, over UDP where they are small and it gets through, over one TCP connection a
// pair otherwise. docs/wire-format.md has the bytes, peer_link.h how path, stream and address are
// chosen.
//
// Frames may be lost, repeated (never by one path), and overtake one another; none is altered or
// invented, and each comes from a box that holds the keyring. Sending never blocks: what goes to a
// peer that is down, or past its queue's bound, is dropped and counted.
//
// A crash leaves nothing behind; a restart is another boot, which peers recognise. One object, on
// the loop thread; it takes part in each turn: add it after whoever sends in end_turn, so that what
// was sent in a turn leaves in the same one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "codecs/frame_kind.h"
#include "codecs/keyring.h"
#include "codecs/random_bytes.h"
#include "daemon/link_metrics.h"
#include "daemon/link_shared.h"
#include "daemon/socket_address.h"

namespace pawl::daemon {

class EventLoop;

class PeerLinks {
 public:
  struct Peer {
    NodeId id;
    Endpoint endpoint;
  };
  struct Options {
    NodeId self;
    SocketAddress listen;  // one port for UDP and TCP; 0: any that is free (tests)
    std::vector<Peer> peers;
    // None: plain mode, which guards against nobody and is refused unless every address is a
    // literal one of this machine's loopback.
    std::optional<codecs::Keyring> keyring;
    bool udp = true;  // false: neither sends nor takes datagrams
  };

  // All outlive the object; `names` and `log` may be null.
  PeerLinks(EventLoop* loop, LinkHandler* handler, codecs::RandomBytes* random, NameLookup* names,
            const Logger* log);
  ~PeerLinks();
  PeerLinks(const PeerLinks&) = delete;
  PeerLinks& operator=(const PeerLinks&) = delete;

  // Checks the options, binds both sockets and begins to look for the peers. Once. InvalidArgument
  // for options that make no sense; else the system's error, which names operation and address.
  absl::Status open(Options options);
  // Says the last record on every stream and closes all; nothing is called any more.
  void close();

  // Where it listens, with the port that was chosen.
  const SocketAddress& address() const;

  // From the end of this turn on these are the peers: links to others are closed, those that stay
  // go on as they are. Without a keyring a peer beyond the loopback is left out, and logged.
  void set_peers(std::vector<Peer> peers);
  // Queues a frame to a peer for the end of the turn. Dropped if there is no such peer, it is down
  // or its queue full; nothing tells whether it arrives.
  void send(NodeId to, codecs::FrameKind kind, std::string_view payload);
  // Sends what is queued now, not at the turn's end.
  void flush();

  bool up(NodeId peer) const;
  // After a step of rotation: sessions go on under the keys that are accepted now, streams that
  // began under a retired one are replaced. Not in plain mode.
  void use_keyring(const codecs::Keyring& ring);
  // Where a peer is from now on; connections that stand are kept.
  void move_peer(NodeId peer, const Endpoint& endpoint);

  const LinkMetrics& metrics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
