#include "link_stage.h"

#include <boost/test/unit_test.hpp>

namespace pawl::daemon {

void FrameRecorder::on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) {
  BOOST_REQUIRE((kind == kSomeKind));
  ++count;
  bytes += payload.size();
  if (keep) frames[from.v].emplace_back(payload);
}

void FrameRecorder::on_link(NodeId peer, bool up) {
  changes += (up ? "+" : "-") + std::to_string(peer.v) + " ";
}

void TableLookup::lookup(const std::string& name, Done done) {
  ++asked;
  const auto at = table.find(name);
  if (at == table.end()) return done({}, "no such name");
  done(at->second, "");
}

Box::Box(std::uint64_t number, std::uint64_t seed)
    : id(number), loop(&clock), random(seed * 1000 + number) {}

void Box::open(const std::vector<std::uint64_t>& peers, const codecs::Keyring* ring,
               std::uint16_t port, bool udp) {
  peer_ids = peers;
  links = std::make_unique<PeerLinks>(&loop, &handler, &random, &names, log);
  PeerLinks::Options options;
  options.self = NodeId(id);
  options.listen = SocketAddress::literal("127.0.0.1", port);
  // Port 1 answers nobody; join() says where they are before anybody has looked.
  for (const std::uint64_t peer : peers) {
    options.peers.push_back({NodeId(peer), {"127.0.0.1", 1}});
  }
  if (ring != nullptr) options.keyring = *ring;
  options.udp = udp;
  const absl::Status opened = links->open(std::move(options));
  BOOST_REQUIRE_MESSAGE(opened.ok(), opened.ToString());
}

void Box::restart(const codecs::Keyring* ring, std::uint16_t port, bool udp) {
  links.reset();
  open(peer_ids, ring, port, udp);
}

Endpoint Box::endpoint() const { return {"127.0.0.1", links->address().port()}; }

const PeerMetrics& Box::peer(std::uint64_t number) const {
  for (const PeerMetrics& metrics : links->metrics().peers) {
    if (metrics.id.v == number) return metrics;
  }
  BOOST_FAIL("no such peer");
  return links->metrics().peers[0];
}

void join(const std::vector<Box*>& boxes) {
  for (Box* box : boxes) {
    for (Box* other : boxes) {
      if (other != box) box->links->move_peer(NodeId(other->id), other->endpoint());
    }
  }
}

void turn(const std::vector<Box*>& boxes, int turns, int step_ms) {
  for (int i = 0; i < turns; ++i) {
    // The last one waits a little, so that what is on its way arrives.
    for (Box* box : boxes) box->loop.turn(box == boxes.back() ? 1 : 0);
    for (Box* box : boxes) box->clock.now_ns += std::int64_t{step_ms} * 1'000'000;
  }
}

void until(const std::vector<Box*>& boxes, const std::function<bool()>& done, int step_ms,
           int line) {
  for (int i = 0; i < 30'000; ++i) {
    if (done()) return;
    turn(boxes, 1, step_ms);
  }
  BOOST_FAIL("line " << line << ": it never came to pass");
}

bool all_up(const std::vector<Box*>& boxes) {
  for (const Box* box : boxes) {
    for (const std::uint64_t peer : box->peer_ids) {
      if (!box->peer(peer).stream_open) return false;
    }
  }
  return true;
}

bool all_udp(const std::vector<Box*>& boxes) {
  for (const Box* box : boxes) {
    for (const std::uint64_t peer : box->peer_ids) {
      if (!box->peer(peer).udp_live) return false;
    }
  }
  return true;
}

codecs::Keyring ring_of(std::uint64_t seed) {
  codecs::SeededBytes random(seed);
  return codecs::new_keyring(&random, 0);
}

}  // namespace pawl::daemon
