// What the links between boxes count. Plain fields as in metrics.h; the owner of PeerLinks renders
// them with its other metrics. Loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>

#include "base/ids.h"
#include "codecs/datagram_session.h"
#include "codecs/stream_handshake.h"

namespace pawl::daemon {

// Of one peer.
struct PeerMetrics {
  NodeId id;
  std::uint64_t frames_in = 0;   // handed on, not counting echoes
  std::uint64_t frames_out = 0;  // taken for sending
  std::uint64_t bytes_in = 0;    // of their payloads
  std::uint64_t bytes_out = 0;
  std::uint64_t datagrams_in = 0;  // opened
  std::uint64_t datagrams_out = 0;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t dropped_down = 0;   // frames given to a link that was down
  std::uint64_t dropped_queue = 0;  // past the queue's bound
  std::uint64_t dropped_lost = 0;   // queued when the stream broke
  std::uint64_t connects = 0;       // attempts of ours
  std::uint64_t connects_failed = 0;
  std::uint64_t streams_opened = 0;  // by either side
  std::uint64_t streams_broken = 0;  // open ones that did not end by a last record
  std::uint64_t malformed = 0;       // batches, some frame of which could not be read
  std::uint64_t unknown_kinds = 0;   // and those of a kind this build does not know
  std::uint64_t udp_failures = 0;    // times UDP was found not to get through any more
  bool stream_open = false;
  bool udp_live = false;               // UDP gets through, both ways
  std::int64_t queued_bytes = 0;       // waiting for the stream
  std::int64_t round_trip_us = 0;      // smoothed (RFC 6298); 0: not measured yet
  std::int64_t round_trip_var_us = 0;  // its mean deviation
};

struct LinkMetrics {
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t datagram_bytes_in = 0;
  std::uint64_t datagram_bytes_out = 0;
  std::uint64_t datagrams_unsent = 0;  // refused by the system
  std::uint64_t datagrams_unknown_sender = 0;
  std::array<std::uint64_t, codecs::kDropReasons> datagrams_dropped{};  // by DropReason
  std::uint64_t stream_bytes_in = 0;
  std::uint64_t stream_bytes_out = 0;
  std::uint64_t accepted = 0;
  std::uint64_t half_open_evicted = 0;     // for newer ones
  std::uint64_t handshakes_timed_out = 0;  // of either role
  std::uint64_t handshakes_unknown_peer = 0;
  std::array<std::uint64_t, codecs::kStreamErrors> handshakes_failed{};  // by StreamError
  std::array<std::uint64_t, codecs::kStreamErrors> streams_failed{};     // once open
  std::int64_t half_open = 0;                                            // accepted, key not proved
  std::int64_t connecting = 0;                                           // begun here
  std::int64_t streams_open = 0;                                         // by either side
  std::deque<PeerMetrics> peers;  // of peers that are gone too; none is ever moved
};

// Appends lines of the exposition format, `pawl_link_...` and, of each peer, `pawl_peer_...`.
void append_link_metrics(const LinkMetrics& metrics, std::string* out);

}  // namespace pawl::daemon
