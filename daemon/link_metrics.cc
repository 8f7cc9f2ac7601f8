#include "daemon/link_metrics.h"

#include "daemon/metrics.h"

namespace pawl::daemon {
namespace {

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

void append_shared(const LinkMetrics& m, MetricsText* text) {
  constexpr std::string_view kDatagrams = "Datagrams of links between boxes";
  text->counter("pawl_link_datagrams_total", kDatagrams, R"(direction="in")", m.datagrams_in);
  text->counter("pawl_link_datagrams_total", kDatagrams, R"(direction="out")", m.datagrams_out);
  constexpr std::string_view kBytes = "Bytes of links between boxes";
  text->counter("pawl_link_bytes_total", kBytes, R"(path="udp",direction="in")",
                m.datagram_bytes_in);
  text->counter("pawl_link_bytes_total", kBytes, R"(path="udp",direction="out")",
                m.datagram_bytes_out);
  text->counter("pawl_link_bytes_total", kBytes, R"(path="tcp",direction="in")", m.stream_bytes_in);
  text->counter("pawl_link_bytes_total", kBytes, R"(path="tcp",direction="out")",
                m.stream_bytes_out);
  constexpr std::string_view kDropped = "Datagrams dropped, by reason";
  constexpr std::string_view kDroppedName = "pawl_link_datagrams_dropped_total";
  text->counter(kDroppedName, kDropped, R"(reason="unsent")", m.datagrams_unsent);
  text->counter(kDroppedName, kDropped, R"(reason="unknown_sender")", m.datagrams_unknown_sender);
  for (std::size_t i = 0; i < m.datagrams_dropped.size(); ++i) {
    const char* reason = codecs::to_string(static_cast<codecs::DropReason>(i));
    text->counter(kDroppedName, kDropped, label("reason", reason), m.datagrams_dropped[i]);
  }
}

void append_streams(const LinkMetrics& m, MetricsText* text) {
  text->counter("pawl_link_accepted_total", "TCP connections accepted from boxes", "", m.accepted);
  constexpr std::string_view kConnections = "TCP connections of links, by state";
  constexpr std::string_view kConnectionsName = "pawl_link_connections";
  text->gauge(kConnectionsName, kConnections, R"(state="half_open")", m.half_open);
  text->gauge(kConnectionsName, kConnections, R"(state="connecting")", m.connecting);
  text->gauge(kConnectionsName, kConnections, R"(state="open")", m.streams_open);
  constexpr std::string_view kFailed = "Handshakes of links that failed, by reason";
  constexpr std::string_view kFailedName = "pawl_link_handshakes_failed_total";
  text->counter(kFailedName, kFailed, R"(reason="evicted")", m.half_open_evicted);
  text->counter(kFailedName, kFailed, R"(reason="timeout")", m.handshakes_timed_out);
  text->counter(kFailedName, kFailed, R"(reason="unknown_peer")", m.handshakes_unknown_peer);
  for (std::size_t i = 1; i < m.handshakes_failed.size(); ++i) {
    const char* reason = codecs::to_string(static_cast<codecs::StreamError>(i));
    text->counter(kFailedName, kFailed, label("reason", reason), m.handshakes_failed[i]);
  }
  for (std::size_t i = 1; i < m.streams_failed.size(); ++i) {
    const char* reason = codecs::to_string(static_cast<codecs::StreamError>(i));
    text->counter("pawl_link_streams_failed_total", "Open streams that failed, by reason",
                  label("reason", reason), m.streams_failed[i]);
  }
}

// One line a peer and field: a name's lines have to stand together.
struct Field {
  std::string_view name, help, labels;
  std::uint64_t PeerMetrics::*counter;
};
constexpr Field kFields[] = {
    {"pawl_peer_frames_total", "Frames from and to a box", R"(direction="in")",
     &PeerMetrics::frames_in},
    {"pawl_peer_frames_total", "Frames from and to a box", R"(direction="out")",
     &PeerMetrics::frames_out},
    {"pawl_peer_frame_bytes_total", "Payload bytes of frames", R"(direction="in")",
     &PeerMetrics::bytes_in},
    {"pawl_peer_frame_bytes_total", "Payload bytes of frames", R"(direction="out")",
     &PeerMetrics::bytes_out},
    {"pawl_peer_datagrams_total", "Datagrams opened and sealed", R"(direction="in")",
     &PeerMetrics::datagrams_in},
    {"pawl_peer_datagrams_total", "Datagrams opened and sealed", R"(direction="out")",
     &PeerMetrics::datagrams_out},
    {"pawl_peer_records_total", "Records of streams opened and sealed", R"(direction="in")",
     &PeerMetrics::records_in},
    {"pawl_peer_records_total", "Records of streams opened and sealed", R"(direction="out")",
     &PeerMetrics::records_out},
    {"pawl_peer_frames_dropped_total", "Frames not sent, by reason", R"(reason="down")",
     &PeerMetrics::dropped_down},
    {"pawl_peer_frames_dropped_total", "Frames not sent, by reason", R"(reason="queue")",
     &PeerMetrics::dropped_queue},
    {"pawl_peer_frames_dropped_total", "Frames not sent, by reason", R"(reason="lost")",
     &PeerMetrics::dropped_lost},
    {"pawl_peer_connects_total", "Attempts to connect", "", &PeerMetrics::connects},
    {"pawl_peer_connects_failed_total", "Attempts that failed", "", &PeerMetrics::connects_failed},
    {"pawl_peer_streams_opened_total", "Streams opened by either box", "",
     &PeerMetrics::streams_opened},
    {"pawl_peer_streams_broken_total", "Streams that ended without saying so", "",
     &PeerMetrics::streams_broken},
    {"pawl_peer_batches_refused_total", "Batches refused, by reason", R"(reason="malformed")",
     &PeerMetrics::malformed},
    {"pawl_peer_batches_refused_total", "Batches refused, by reason", R"(reason="unknown_kind")",
     &PeerMetrics::unknown_kinds},
    {"pawl_peer_udp_failures_total", "Times UDP was found not to get through", "",
     &PeerMetrics::udp_failures},
};

struct Gauge {
  std::string_view name, help;
  std::int64_t (*of)(const PeerMetrics&);
};
constexpr Gauge kGauges[] = {
    {"pawl_peer_stream_open", "Whether a stream to the box is open",
     [](const PeerMetrics& p) { return std::int64_t{p.stream_open}; }},
    {"pawl_peer_udp_live", "Whether UDP gets through to the box and back",
     [](const PeerMetrics& p) { return std::int64_t{p.udp_live}; }},
    {"pawl_peer_queued_bytes", "Frames waiting for the stream",
     [](const PeerMetrics& p) { return p.queued_bytes; }},
    {"pawl_peer_round_trip_microseconds", "Smoothed round-trip time; 0: not measured",
     [](const PeerMetrics& p) { return p.round_trip_us; }},
    {"pawl_peer_round_trip_deviation_microseconds", "Mean deviation of the round-trip time",
     [](const PeerMetrics& p) { return p.round_trip_var_us; }},
};

std::string peer_label(const PeerMetrics& peer, std::string_view more) {
  std::string labels = label("peer", std::to_string(peer.id.v));
  if (!more.empty()) labels += "," + std::string(more);
  return labels;
}

}  // namespace

void append_link_metrics(const LinkMetrics& m, std::string* out) {
  MetricsText text(out);
  append_shared(m, &text);
  append_streams(m, &text);
  for (const Field& f : kFields) {
    for (const PeerMetrics& p : m.peers) {
      text.counter(f.name, f.help, peer_label(p, f.labels), p.*f.counter);
    }
  }
  for (const Gauge& g : kGauges) {
    for (const PeerMetrics& p : m.peers) text.gauge(g.name, g.help, peer_label(p, ""), g.of(p));
  }
}

}  // namespace pawl::daemon
