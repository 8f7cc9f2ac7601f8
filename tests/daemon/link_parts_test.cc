// The parts of the links that need no socket: addresses, the queue, round-trip times, metrics.
#include <netinet/in.h>

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "base/limits.h"
#include "daemon/frame_queue.h"
#include "daemon/link_metrics.h"
#include "daemon/round_trip.h"
#include "daemon/socket_address.h"

namespace pawl::daemon {
namespace {

constexpr codecs::FrameKind kKind = codecs::FrameKind::kRaft;

BOOST_AUTO_TEST_SUITE(link_parts)

BOOST_AUTO_TEST_CASE(literal_addresses) {
  const auto text = [](std::string_view host) { return SocketAddress::literal(host, 7460).text(); };
  BOOST_TEST(text("10.0.0.1") == "10.0.0.1:7460");
  BOOST_TEST(text("fd00:0::1") == "[fd00::1]:7460");
  BOOST_TEST(text("::ffff:10.0.0.1") == "10.0.0.1:7460");
  for (const char* none : {"", "10.0.0", "10.0.0.256", "box-1", "fe80::1%eth0", "[::1]", "1"}) {
    BOOST_TEST(text(none) == "nowhere", none);
  }
  const auto loopback = [](const char* h) { return SocketAddress::literal(h, 1).is_loopback(); };
  BOOST_TEST(loopback("127.0.0.1"));
  BOOST_TEST(loopback("127.255.0.9"));
  BOOST_TEST(loopback("::1"));
  BOOST_TEST(loopback("::ffff:127.0.0.1"));
  BOOST_TEST(!loopback("128.0.0.1"));
  BOOST_TEST(!loopback("::2"));
  BOOST_TEST(!loopback("0.0.0.0"));
  BOOST_TEST(!SocketAddress().is_loopback());
  BOOST_TEST(SocketAddress::literal("0.0.0.0", 1).is_wildcard());
  BOOST_TEST(SocketAddress::literal("::", 1).is_wildcard());
  BOOST_TEST(!SocketAddress::literal("::1", 1).is_wildcard());
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_on_an_ipv6_socket) {
  const SocketAddress four = SocketAddress::literal("10.0.0.1", 80);
  sockaddr_in6 room{};
  auto* as_any = reinterpret_cast<sockaddr*>(&room);
  BOOST_TEST(four.write_as(AF_INET6, as_any) == sizeof(sockaddr_in6));
  BOOST_TEST((SocketAddress(as_any) == four));
  BOOST_TEST(four.write_as(AF_INET, as_any) == sizeof(sockaddr_in));
  BOOST_TEST((SocketAddress(as_any) == four));
  BOOST_TEST(SocketAddress::literal("::1", 80).write_as(AF_INET, as_any) == 0u);
  BOOST_TEST(four.with_port(81).text() == "10.0.0.1:81");
  BOOST_TEST(!(four.with_port(81) == four));
}

BOOST_AUTO_TEST_CASE(endpoints) {
  const auto good = [](std::string_view text, const char* host, int port) {
    Endpoint endpoint;
    BOOST_TEST(parse_endpoint(text, &endpoint) == "");
    BOOST_TEST(endpoint.host == host);
    BOOST_TEST(endpoint.port == port);
    BOOST_TEST(endpoint.text() == text);
  };
  good("10.0.0.1:7460", "10.0.0.1", 7460);
  good("[fd00::1]:1", "fd00::1", 1);
  good("box-1.example:65535", "box-1.example", 65535);
  good("localhost:80", "localhost", 80);
  const auto bad = [](const std::string& text, std::string_view why) {
    Endpoint endpoint;
    const std::string wrong = parse_endpoint(text, &endpoint);
    BOOST_TEST(wrong.find(why) != std::string::npos, text << ": " << wrong);
  };
  bad("", "HOST:PORT");
  bad("10.0.0.1", "HOST:PORT");
  bad(":80", "has no host");
  bad("h:", "port");
  bad("h:0", "port");
  bad("h:65536", "port");
  bad("h:8x", "port");
  bad("h:+8", "port");
  bad("fd00::1:80", "brackets");
  bad("[10.0.0.1]:80", "no IPv6 address");
  bad("[fd00::1%eth0]:80", "no IPv6 address");
  bad("10.0.0.300:80", "no IPv4 address");
  bad("a b:80", "neither an address nor a name");
  bad(std::string(254, 'a') + ":80", "253 characters");
}

std::string drained(FrameQueue* queue) {
  std::string text;
  for (FrameQueue::Batch batch; queue->pop(&batch);) {
    codecs::FrameReader reader(batch.bytes);
    codecs::Frame frame;
    while (reader.next(&frame) == codecs::FrameStep::kFrame) {
      text += std::string(frame.payload.substr(0, 1));
    }
    text += std::to_string(batch.frames) + " ";
  }
  return text;
}

BOOST_AUTO_TEST_CASE(a_queue_gathers_batches_and_lets_express_frames_pass) {
  FrameQueue queue;
  BOOST_TEST(queue.empty());
  for (const char* payload : {"a", "b"}) BOOST_TEST(queue.push({kKind, false, payload}, false));
  BOOST_TEST(queue.push({kKind, false, "x"}, true));
  BOOST_TEST(queue.push({kKind, false, std::string(limits::kLinkRecordBytes, 'L')}, false));
  BOOST_TEST(queue.push({kKind, false, "c"}, false));
  BOOST_TEST(queue.push({kKind, false, "y"}, true));
  BOOST_TEST(queue.bytes() == 5 * 16 + 8 + limits::kLinkRecordBytes);
  BOOST_TEST(drained(&queue) == "xy2 ab2 L1 c1 ");
  BOOST_TEST(queue.empty());
  BOOST_TEST(queue.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_the_newest) {
  FrameQueue queue;
  const std::string frame(limits::kFramePayloadBytesMax, 'f');
  std::uint64_t taken = 0;
  while (queue.push({kKind, false, frame}, false)) ++taken;
  BOOST_TEST(taken == limits::kLinkQueuedBytesMax / codecs::frame_bytes(frame.size()));
  while (queue.push({kKind, false, "s"}, false)) ++taken;
  BOOST_TEST(queue.bytes() <= limits::kLinkQueuedBytesMax);
  BOOST_TEST(queue.bytes() > limits::kLinkQueuedBytesMax - 16);
  // Small ones have room beside it, which is bounded too.
  std::size_t express = 0;
  while (queue.push({kKind, false, "s"}, true)) ++express;
  BOOST_TEST(express == limits::kLinkExpressBytesMax / 16);
  BOOST_TEST(queue.clear() == taken + express);
  BOOST_TEST(queue.bytes() == 0u);
  BOOST_TEST(queue.push({kKind, false, frame}, false));
}

BOOST_AUTO_TEST_CASE(round_trips_are_smoothed) {
  RoundTrip trip;
  BOOST_TEST(!trip.known());
  trip.sample(8'000);
  BOOST_TEST(trip.smoothed_ns() == 8'000);
  BOOST_TEST(trip.deviation_ns() == 4'000);
  trip.sample(16'000);  // RFC 6298: 3/4 * 4000 + 1/4 * 8000, 7/8 * 8000 + 1/8 * 16000
  BOOST_TEST(trip.smoothed_ns() == 9'000);
  BOOST_TEST(trip.deviation_ns() == 5'000);
  for (int i = 0; i < 100; ++i) trip.sample(0);
  BOOST_TEST(trip.smoothed_ns() > 0);
  BOOST_TEST(trip.smoothed_ns() < 100);
}

BOOST_AUTO_TEST_CASE(metrics_as_text) {
  LinkMetrics metrics;
  metrics.peers.resize(2);
  metrics.peers[0].id = NodeId(2);
  metrics.peers[1].id = NodeId(3);
  metrics.peers[1].dropped_queue = 7;
  metrics.peers[1].udp_live = true;
  metrics.datagrams_dropped[static_cast<std::size_t>(codecs::DropReason::kReplayed)] = 4;
  metrics.half_open = 5;
  std::string text;
  append_link_metrics(metrics, &text);
  for (const char* line :
       {"\npawl_link_datagrams_dropped_total{reason=\"replayed\"} 4\n",
        "\npawl_link_connections{state=\"half_open\"} 5\n",
        "\npawl_peer_frames_dropped_total{peer=\"3\",reason=\"queue\"} 7\n",
        "\npawl_peer_udp_live{peer=\"2\"} 0\npawl_peer_udp_live{peer=\"3\"} 1\n"}) {
    BOOST_TEST(text.find(line) != std::string::npos, line);
  }
  // The lines of one name stand together, under one head.
  std::vector<std::string> heads;
  for (std::size_t at = text.find("# TYPE "); at != std::string::npos;
       at = text.find("# TYPE ", at + 1)) {
    heads.push_back(text.substr(at, text.find('\n', at) - at));
  }
  std::sort(heads.begin(), heads.end());
  BOOST_TEST((std::adjacent_find(heads.begin(), heads.end()) == heads.end()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
