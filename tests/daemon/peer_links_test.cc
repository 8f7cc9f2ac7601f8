// Links between boxes over loopback: frames arrive whole by both paths, in both modes; a path that
// fails is replaced; strangers get nothing; all bounds hold.
#include "daemon/peer_links.h"

#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "link_stage.h"

namespace pawl::daemon {
namespace {

using Strings = std::vector<std::string>;

std::string large(char c, std::size_t bytes = 300'000) { return std::string(bytes, c); }

// Small and large frames both ways between two boxes that are up.
void exchange(Box* a, Box* b) {
  const Strings mixed = {"small", large('x'), "", large('y', 2'000), std::string(1144, 'z')};
  const std::size_t had_a = a->from(b->id).size(), had_b = b->from(a->id).size();
  for (const std::string& s : mixed) {
    a->send(b->id, s);
    b->send(a->id, s);
  }
  until({a, b}, [&] {
    return a->from(b->id).size() == had_a + mixed.size() &&
           b->from(a->id).size() == had_b + mixed.size();
  });
  for (Box* box : {a, b}) {
    Strings got(box->from(box == a ? b->id : a->id).end() - static_cast<long>(mixed.size()),
                box->from(box == a ? b->id : a->id).end());
    Strings wanted = mixed;
    std::sort(got.begin(), got.end());
    std::sort(wanted.begin(), wanted.end());
    BOOST_TEST((got == wanted));
  }
}

BOOST_AUTO_TEST_SUITE(peer_links)

BOOST_AUTO_TEST_CASE(two_boxes_in_both_modes) {
  const codecs::Keyring ring = ring_of(1);
  for (const codecs::Keyring* keys : {&ring, static_cast<const codecs::Keyring*>(nullptr)}) {
    Box a(1), b(2);
    a.open({2}, keys);
    b.open({1}, keys);
    join({&a, &b});
    BOOST_TEST(!a.links->up(NodeId(2)));
    a.send(2, "to a link that is down");
    until({&a, &b}, [&] { return all_up({&a, &b}); });
    BOOST_TEST(a.handler.changes == "+2 ");
    BOOST_TEST(b.handler.changes == "+1 ");
    BOOST_TEST(a.peer(2).dropped_down == 1);
    exchange(&a, &b);
    until({&a, &b}, [&] { return all_udp({&a, &b}); });
    exchange(&a, &b);
    BOOST_TEST(a.handler.changes == "+2 ");
    BOOST_TEST(a.links->metrics().streams_open == 1);
    BOOST_TEST(a.links->metrics().half_open == 0);
    BOOST_TEST(b.links->metrics().half_open == 0);
  }
}

BOOST_AUTO_TEST_CASE(three_boxes) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2), c(3);
  a.open({2, 3}, &ring);
  b.open({1, 3}, &ring);
  c.open({1, 2}, &ring);
  const std::vector<Box*> boxes = {&a, &b, &c};
  join(boxes);
  until(boxes, [&] { return all_up(boxes) && all_udp(boxes); });
  for (Box* box : boxes) {
    for (const std::uint64_t to : box->peer_ids) {
      box->send(to, std::to_string(box->id) + ">" + std::to_string(to));
      box->send(to, large(static_cast<char>('a' + box->id)));
    }
  }
  until(boxes,
        [&] { return a.handler.count == 4 && b.handler.count == 4 && c.handler.count == 4; });
  for (Box* box : boxes) {
    for (const std::uint64_t sender : box->peer_ids) {
      Strings got = box->from(sender);
      std::sort(got.begin(), got.end());
      const std::string small = std::to_string(sender) + ">" + std::to_string(box->id);
      BOOST_TEST((got == Strings{small, large(static_cast<char>('a' + sender))}));
    }
  }
}

BOOST_AUTO_TEST_CASE(small_frames_take_datagrams_and_large_ones_the_stream) {
  Box a(1), b(2);
  a.open({2}, nullptr);
  b.open({1}, nullptr);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  const std::uint64_t streamed = a.links->metrics().stream_bytes_out;
  const std::uint64_t datagrams = a.peer(2).datagrams_out;
  // Echoes apart, which need a quarter of a second.
  for (int i = 0; i < 100; ++i) a.send(2, std::string(100, 's'));
  until({&a, &b}, [&] { return b.handler.count == 100; });
  // Ten frames of 108 bytes padded to 112 each: 100 in ten datagrams.
  BOOST_TEST(a.peer(2).datagrams_out - datagrams >= 10);
  BOOST_TEST(a.peer(2).datagrams_out - datagrams <= 12);
  BOOST_TEST(a.links->metrics().stream_bytes_out - streamed < 2'000);
  a.send(2, std::string(1145, 'l'));
  until({&a, &b}, [&] { return b.handler.count == 101; });
  BOOST_TEST(a.links->metrics().stream_bytes_out - streamed > 1'145);
  // More than fit the datagrams of a turn.
  for (int i = 0; i < 100; ++i) a.send(2, std::string(1'000, 'm'));
  until({&a, &b}, [&] { return b.handler.count == 201; });
  BOOST_TEST(a.links->metrics().stream_bytes_out - streamed > 80'000);
}

BOOST_AUTO_TEST_CASE(without_udp_the_stream_carries_all) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring, 0, /*udp=*/false);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}); });
  turn({&a, &b}, 200, 100);
  BOOST_TEST(!a.peer(2).udp_live);
  exchange(&a, &b);
  BOOST_TEST(a.peer(2).datagrams_out == 0);
  // It measures the way there and back all the same.
  BOOST_TEST(a.peer(2).round_trip_us > 0);

  // A port that begins to answer is found, and one that falls silent is noticed.
  const std::uint16_t port = b.links->address().port();
  b.restart(&ring, port);
  join({&a, &b});
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b}) && all_udp({&a, &b});
      },
      10);
  exchange(&a, &b);
  b.restart(&ring, port, /*udp=*/false);
  join({&a, &b});
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b}) && !a.peer(2).udp_live && a.peer(2).udp_failures == 1;
      },
      10);
  exchange(&a, &b);
}

BOOST_AUTO_TEST_CASE(a_peer_that_restarts_is_found_again) {
  const codecs::Keyring ring = ring_of(1);
  for (const int restarted : {1, 2}) {
    Box a(1), b(2);
    a.open({2}, &ring);
    b.open({1}, &ring);
    join({&a, &b});
    until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
    Box& box = restarted == 1 ? a : b;
    Box& other = restarted == 1 ? b : a;
    const std::string peer = std::to_string(box.id);
    const std::uint16_t port = box.links->address().port();
    box.restart(&ring, port);
    join({&a, &b});
    until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
    BOOST_TEST(other.peer(box.id).streams_opened == 2);
    exchange(&a, &b);
    // Gone for good.
    box.links.reset();
    until(
        {&other}, [&] { return !other.links->up(NodeId(box.id)); }, 10);
    BOOST_TEST(other.handler.changes.ends_with("-" + peer + " "));
  }
}

BOOST_AUTO_TEST_CASE(a_peer_is_followed_to_another_port) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  const Endpoint old = b.endpoint();
  b.restart(&ring, 0);
  BOOST_REQUIRE(!(b.endpoint() == old));
  // Box 1 is not told: box 2, which knows where it is, comes to it by both paths.
  b.links->move_peer(NodeId(1), a.endpoint());
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b}) && all_udp({&a, &b});
      },
      5);
  exchange(&a, &b);
}

BOOST_AUTO_TEST_CASE(a_name_is_looked_up_for_each_attempt) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  const std::uint16_t port = b.links->address().port();
  a.names.table["two.example"] = {SocketAddress::literal("127.0.0.9", 0),
                                  SocketAddress::literal("127.0.0.1", 0)};
  a.links->move_peer(NodeId(2), {"two.example", port});
  // Box 2 can't come to box 1. The first address is wrong, the second one right.
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b});
      },
      10);
  b.links.reset();
  until(
      {&a}, [&] { return !a.links->up(NodeId(2)); }, 10);
  // The same port on another address.
  const int asked = a.names.asked;
  a.names.table["two.example"] = {SocketAddress::literal("127.0.0.2", 0)};
  b.links = std::make_unique<PeerLinks>(&b.loop, &b.handler, &b.random, nullptr, nullptr);
  PeerLinks::Options options;
  options.self = NodeId(2);
  options.listen = SocketAddress::literal("127.0.0.2", port);
  options.peers = {{NodeId(1), {"127.0.0.1", 1}}};
  options.keyring = ring;
  const absl::Status opened = b.links->open(std::move(options));
  BOOST_REQUIRE(opened.ok());
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b});
      },
      10);
  BOOST_TEST(a.names.asked > asked);
  a.names.table.clear();
  exchange(&a, &b);
}

// Both connect before either has heard of the other's attempt.
BOOST_AUTO_TEST_CASE(of_two_streams_one_stays) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  join({&a, &b});
  b.clock.now_ns += 2'000'000'000;
  a.loop.turn(0);
  b.loop.turn(0);
  BOOST_TEST(a.peer(2).connects == 1);
  BOOST_TEST(b.peer(1).connects == 1);
  until({&a, &b}, [&] {
    return a.peer(2).streams_opened == 2 && b.peer(1).streams_opened == 2 &&
           a.links->metrics().streams_open == 1 && b.links->metrics().streams_open == 1;
  });
  exchange(&a, &b);
  turn({&a, &b}, 100, 100);
  BOOST_TEST(a.handler.changes == "+2 ");
  BOOST_TEST(b.handler.changes == "+1 ");
  BOOST_TEST(a.peer(2).streams_broken == 0);
  BOOST_TEST(b.peer(1).streams_broken == 0);
  BOOST_TEST(b.peer(1).connects == 1);
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_given_up) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  // Box 2's loop stands still; its sockets are there.
  until(
      {&a}, [&] { return !a.links->up(NodeId(2)); }, 20);
  BOOST_TEST(a.handler.changes == "+2 -2 ");
  until(
      {&a, &b},
      [&] {
        return all_up({&a, &b}) && all_udp({&a, &b});
      },
      20);
  exchange(&a, &b);
}

BOOST_AUTO_TEST_CASE(rotation_goes_on_while_frames_do) {
  codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  codecs::SeededBytes random(9);
  const codecs::ClusterKey key = codecs::new_key(ring, &random, 0);
  const auto everywhere = [&](codecs::RotationRefusal refusal) {
    BOOST_REQUIRE((refusal == codecs::RotationRefusal::kNone));
    a.links->use_keyring(ring);
    exchange(&a, &b);  // one has taken the step, the other not yet
    b.links->use_keyring(ring);
    exchange(&a, &b);
  };
  const codecs::KeyId old = ring.active().id;
  everywhere(codecs::install_key(&ring, key));
  everywhere(codecs::use_key(&ring, key.id));
  BOOST_TEST(a.peer(2).streams_opened == 1);
  BOOST_REQUIRE((codecs::retire_key(&ring, old) == codecs::RotationRefusal::kNone));
  a.links->use_keyring(ring);
  b.links->use_keyring(ring);
  until({&a, &b}, [&] { return a.peer(2).streams_opened == 2 && all_up({&a, &b}); });
  until({&a, &b}, [&] { return a.links->metrics().streams_open == 1; });
  exchange(&a, &b);
  BOOST_TEST(a.handler.changes == "+2 ");
}

// A stream that takes nothing: the newest is dropped, small frames have room of their own and go
// first once it takes again.
BOOST_AUTO_TEST_CASE(the_queue_has_a_bound) {
  Box a(1), b(2);
  a.open({2}, nullptr, 0, /*udp=*/false);
  b.open({1}, nullptr, 0, /*udp=*/false);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}); });
  int sent = 0;
  while (a.peer(2).dropped_queue < 10) {
    a.send(2, "bulk " + std::to_string(sent++) + large(' ', 1'000'000));
    a.loop.turn(0);
    BOOST_REQUIRE(a.peer(2).queued_bytes <=
                  std::int64_t{limits::kLinkQueuedBytesMax + limits::kLinkExpressBytesMax});
    BOOST_REQUIRE(sent < 1'000);
  }
  a.send(2, "heartbeat");
  BOOST_TEST(a.peer(2).dropped_queue == 10);
  until({&a, &b}, [&] { return b.handler.count == static_cast<std::uint64_t>(sent) - 10 + 1; });
  const Strings& got = b.from(1);
  const auto heartbeat = std::find(got.begin(), got.end(), "heartbeat") - got.begin();
  BOOST_TEST(heartbeat < static_cast<long>(got.size()) - 10);
  // What was taken arrived in order, without a gap.
  int next = 0;
  for (const std::string& frame : got) {
    if (frame == "heartbeat") continue;
    BOOST_TEST(frame.starts_with("bulk " + std::to_string(next++) + " "));
  }
  BOOST_TEST(a.peer(2).queued_bytes == 0);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
  const codecs::Keyring ring = ring_of(1);
  const auto refusal = [&](std::uint64_t self, const char* listen,
                           std::vector<PeerLinks::Peer> peers, bool sealed) {
    Box box(1);
    PeerLinks links(&box.loop, &box.handler, &box.random, nullptr, nullptr);
    PeerLinks::Options options;
    options.self = NodeId(self);
    options.listen = SocketAddress::literal(listen, 0);
    options.peers = std::move(peers);
    if (sealed) options.keyring = ring;
    return std::string(links.open(std::move(options)).message());
  };
  const auto peer = [](std::uint64_t id, const char* host) {
    return PeerLinks::Peer{NodeId(id), {host, 7460}};
  };
  const auto contains = [](const std::string& text, const char* part) {
    BOOST_TEST(text.find(part) != std::string::npos, text);
  };
  BOOST_TEST(refusal(1, "127.0.0.1", {peer(2, "127.0.0.2")}, false) == "");
  BOOST_TEST(refusal(1, "0.0.0.0", {peer(2, "10.0.0.2")}, true) == "");
  contains(refusal(1, "0.0.0.0", {}, false), "0.0.0.0:0 is not a loopback address");
  contains(refusal(1, "127.0.0.1", {peer(2, "10.0.0.2")}, false),
           "10.0.0.2:7460 is not a loopback");
  contains(refusal(1, "127.0.0.1", {peer(2, "localhost")}, false), "is not a loopback");
  contains(refusal(1, "::1", {peer(2, "::2")}, false), "[::2]:7460 is not a loopback");
  contains(refusal(1, "127.0.0.1", {peer(1, "127.0.0.1")}, true), "two boxes have one id");
  contains(refusal(0, "127.0.0.1", {}, true), "is not from 1");
  contains(refusal(1, "127.0.0.1", {peer(limits::kNodeIdMax + 1, "h")}, true), "is not from 1");
  contains(refusal(1, "", {}, true), "no address to listen on");
  contains(refusal(1, "203.0.113.1", {}, true), "203.0.113.1:0");  // not of this machine
  std::vector<PeerLinks::Peer> many;
  for (int i = 2; i <= limits::kVotersMax + 1; ++i) many.push_back(peer(i, "h"));
  contains(refusal(1, "127.0.0.1", many, true), "at most 9 boxes");
}

BOOST_AUTO_TEST_CASE(over_ipv6) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  for (Box* box : {&a, &b}) {
    box->peer_ids = {3 - box->id};
    box->links =
        std::make_unique<PeerLinks>(&box->loop, &box->handler, &box->random, nullptr, nullptr);
    PeerLinks::Options options;
    options.self = NodeId(box->id);
    options.listen = SocketAddress::literal(box == &a ? "::1" : "::", 0);
    options.peers = {{NodeId(3 - box->id), {"::1", 1}}};
    options.keyring = ring;
    const absl::Status opened = box->links->open(std::move(options));
    if (!opened.ok()) {
      BOOST_TEST_MESSAGE("no IPv6 here: " << opened.ToString());
      return;
    }
  }
  a.links->move_peer(NodeId(2), {"::1", b.links->address().port()});
  b.links->move_peer(NodeId(1), {"::1", a.links->address().port()});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  exchange(&a, &b);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
