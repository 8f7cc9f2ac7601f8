// The links between boxes over this machine's loopback, both ends on one thread: frames a second by
// each path, bytes a second, sealed and plain. Twice that is what two boxes with a core each would
// do at most; a network is slower. Usage: link_bench [SECONDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/digest.h"
#include "codecs/keyring.h"
#include "codecs/seal.h"
#include "daemon/event_loop.h"
#include "daemon/peer_links.h"
#include "daemon/system_clock.h"

namespace pawl::daemon {
namespace {

struct Counter final : LinkHandler {
  void on_frame(NodeId, codecs::FrameKind, std::string_view payload) override {
    ++frames;
    bytes += payload.size();
  }
  void on_link(NodeId, bool) override {}
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

struct Pair {
  Pair(const codecs::Keyring* ring, bool udp) {
    one = std::make_unique<PeerLinks>(&loop, &at_one, &random, nullptr, nullptr);
    two = std::make_unique<PeerLinks>(&loop, &at_two, &random, nullptr, nullptr);
    for (PeerLinks* links : {one.get(), two.get()}) {
      PeerLinks::Options options;
      const std::uint64_t self = links == one.get() ? 1 : 2;
      options.self = NodeId(self);
      options.listen = SocketAddress::literal("127.0.0.1", 0);
      options.peers = {{NodeId(3 - self), {"127.0.0.1", 1}}};
      options.udp = udp;
      if (ring != nullptr) options.keyring = *ring;
      if (const absl::Status s = links->open(std::move(options)); !s.ok()) {
        std::fprintf(stderr, "%s\n", s.ToString().c_str());
        std::exit(1);
      }
    }
    one->move_peer(NodeId(2), {"127.0.0.1", two->address().port()});
    two->move_peer(NodeId(1), {"127.0.0.1", one->address().port()});
    const auto ready = [&](const PeerLinks& links) {
      const PeerMetrics& peer = links.metrics().peers[0];
      return peer.stream_open && (peer.udp_live || !udp);
    };
    while (!ready(*one) || !ready(*two)) loop.turn(10);
  }

  SystemClock clock;
  EventLoop loop{&clock};
  codecs::SystemRandomBytes random;
  Counter at_one, at_two;
  std::unique_ptr<PeerLinks> one, two;
};

// `in_flight` frames of so many bytes are on their way until time is up.
void stream(const char* what, const codecs::Keyring* ring, bool udp, std::size_t bytes,
            std::uint64_t in_flight, double seconds) {
  Pair pair(ring, udp);
  const std::string payload(bytes, 'p');
  const std::int64_t begin = pair.clock.monotonic_ns();
  const std::int64_t end = begin + static_cast<std::int64_t>(seconds * 1e9);
  std::uint64_t sent = 0;
  std::int64_t now = begin;
  while (now < end) {
    // A datagram the system dropped is not waited for.
    const PeerMetrics& peer = pair.one->metrics().peers[0];
    const std::uint64_t lost = pair.one->metrics().datagrams_unsent * (1144 / (bytes + 8));
    while (sent < pair.at_two.frames + lost + peer.dropped_queue + in_flight) {
      pair.one->send(NodeId(2), codecs::FrameKind::kRaft, payload);
      ++sent;
    }
    pair.loop.turn(1);
    now = pair.clock.monotonic_ns();
  }
  const double took = static_cast<double>(now - begin) / 1e9;
  std::printf("%-44s %-6s %10.0f frames/s %8.1f MB/s\n", what, ring != nullptr ? "sealed" : "plain",
              static_cast<double>(pair.at_two.frames) / took,
              static_cast<double>(pair.at_two.bytes) / took / 1e6);
}

int main_of(double seconds) {
  prepare_digests();
  codecs::SystemRandomBytes random;
  const codecs::Keyring ring = codecs::new_keyring(&random, 0);
  for (const codecs::Keyring* keys : {static_cast<const codecs::Keyring*>(nullptr), &ring}) {
    stream("100 bytes, UDP, 64 on their way", keys, true, 100, 64, seconds);
    stream("100 bytes, UDP, one at a time", keys, true, 100, 1, seconds);
    stream("100 bytes, TCP, 1,000 on their way", keys, false, 100, 1'000, seconds);
    stream("100 bytes, TCP, one at a time", keys, false, 100, 1, seconds);
    stream("1 MiB, TCP, 8 on their way", keys, true, 1 << 20, 8, seconds);
  }
  return 0;
}

}  // namespace
}  // namespace pawl::daemon

int main(int argc, char** argv) {
  return pawl::daemon::main_of(argc > 1 ? std::atof(argv[1]) : 2.0);
}
