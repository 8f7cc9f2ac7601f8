// What those get who do not belong: nothing, and they harm nobody.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <fstream>

#include "base/limits.h"
#include "base/random.h"
#include "codecs/datagram_session.h"
#include "codecs/frame.h"
#include "codecs/stream_session.h"
#include "link_stage.h"

namespace pawl::daemon {
namespace {

// A socket of a stranger's, non-blocking.
class Stranger {
 public:
  Stranger(int type, const Endpoint& to) : fd_(::socket(AF_INET, type | SOCK_NONBLOCK, 0)) {
    const SocketAddress address = to.literal();
    BOOST_REQUIRE(fd_ >= 0);
    connected_ = ::connect(fd_, address.get(), address.bytes()) == 0 || errno == EINPROGRESS;
  }
  ~Stranger() { ::close(fd_); }
  Stranger(Stranger&& other) noexcept : fd_(other.fd_) { other.fd_ = ::dup(0); }

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // What there is; `ended` once the other side has closed.
  std::string receive() {
    char buffer[4096];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) ended = true;
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
  }
  Endpoint address() const {
    sockaddr_in in{};
    socklen_t bytes = sizeof in;
    BOOST_REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &bytes) == 0);
    return {"127.0.0.1", ntohs(in.sin_port)};
  }
  bool ended = false;

 private:
  int fd_;
  bool connected_ = false;
};

std::uint64_t sum(const auto& counters) {
  std::uint64_t total = 0;
  for (const std::uint64_t c : counters) total += c;
  return total;
}

BOOST_AUTO_TEST_SUITE(link_strangers)

// Another key of the same cluster, another cluster, and plain against sealed.
BOOST_AUTO_TEST_CASE(without_the_key_there_is_no_link) {
  const codecs::Keyring ring = ring_of(1), other = ring_of(2);
  codecs::Keyring same_cluster = other;
  same_cluster.cluster = ring.cluster;
  for (const codecs::Keyring* keys : {&other, static_cast<const codecs::Keyring*>(&same_cluster),
                                      static_cast<const codecs::Keyring*>(nullptr)}) {
    Box a(1), b(2);
    a.open({2}, &ring);
    b.open({1}, keys);
    join({&a, &b});
    turn({&a, &b}, 300, 20);
    BOOST_TEST(a.handler.changes == "");
    BOOST_TEST(b.handler.changes == "");
    BOOST_TEST(a.handler.count + b.handler.count == 0);
    BOOST_TEST(sum(b.links->metrics().handshakes_failed) > 0);
    BOOST_TEST(sum(b.links->metrics().datagrams_dropped) > 0);
    const auto reason = static_cast<std::size_t>(
        keys == nullptr ? codecs::StreamError::kProtection : codecs::StreamError::kNotAuthentic);
    BOOST_TEST(b.links->metrics().handshakes_failed[reason] > 0);
  }
}

// It has the key and an id that is not in the list.
BOOST_AUTO_TEST_CASE(a_box_that_is_no_member_is_hung_up_on) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2), c(3);
  a.open({2}, &ring);
  b.open({1}, &ring);
  c.open({1}, &ring);
  join({&a, &b});
  c.links->move_peer(NodeId(1), a.endpoint());
  until({&a, &b, &c}, [&] {
    return a.links->metrics().handshakes_unknown_peer > 0 &&
           a.links->metrics().datagrams_unknown_sender > 0 && all_up({&a, &b});
  });
  BOOST_TEST(c.handler.changes == "");
  BOOST_TEST(a.handler.changes == "+2 ");
}

BOOST_AUTO_TEST_CASE(rubbish_draws_no_answer) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1), b(2);
  a.open({2}, &ring);
  b.open({1}, &ring);
  join({&a, &b});
  until({&a, &b}, [&] { return all_up({&a, &b}) && all_udp({&a, &b}); });
  Random random(7);
  Stranger datagrams(SOCK_DGRAM, a.endpoint());
  std::deque<Stranger> streams;
  const std::uint64_t had = a.links->metrics().datagrams_in;
  std::uint64_t sent = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bytes(1 + random.below(1'400), '\0');
    for (char& c : bytes) c = static_cast<char>(random.next());
    // Half of them look like what box 2 says.
    if (bytes.size() > 14 && i % 2 == 0) {
      bytes.replace(0, 14,
                    {1, static_cast<char>(1 + i / 2 % 2), 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0});
    }
    sent += datagrams.send(bytes) ? 1 : 0;
    Stranger& stream = streams.emplace_back(SOCK_STREAM, a.endpoint());
    if (i % 3 == 0) bytes.replace(0, 2, {1, 3});
    stream.send(bytes);
    turn({&a, &b}, 1, 1);
  }
  const auto& m = a.links->metrics();
  until(
      {&a, &b}, [&] { return m.datagrams_in >= had + sent && m.half_open == 0; }, 10);
  BOOST_TEST(datagrams.receive() == "");
  for (Stranger& stream : streams) {
    BOOST_TEST(stream.receive() == "");
    BOOST_TEST(stream.ended);
  }
  BOOST_TEST(m.datagrams_unknown_sender + sum(m.datagrams_dropped) >= sent);
  BOOST_TEST(sum(m.handshakes_failed) + m.handshakes_timed_out == 300);
  BOOST_TEST(a.handler.changes == "+2 ");
  BOOST_TEST(a.peer(2).streams_opened == 1);
  a.send(2, "still here");
  until({&a, &b}, [&] { return b.handler.count == 1; });
}

BOOST_AUTO_TEST_CASE(rubbish_is_told_of_once_a_minute) {
  ScratchDirectory scratch;
  const std::string path = scratch.path("log");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  BOOST_REQUIRE(fd >= 0);
  const Logger log(fd);
  const codecs::Keyring ring = ring_of(1);
  Box a(1);
  a.log = &log;
  a.open({2}, &ring);
  Stranger stranger(SOCK_DGRAM, a.endpoint());
  const auto& m = a.links->metrics();
  const auto rubbish = [&](std::uint64_t datagrams) {
    for (std::uint64_t i = 0; i < datagrams; ++i) BOOST_REQUIRE(stranger.send("rubbish"));
    const std::uint64_t wanted = m.datagrams_unknown_sender + datagrams;
    until({&a}, [&] { return m.datagrams_unknown_sender == wanted; });
  };
  const auto told = [&] {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      if (line.find("link: a datagram was dropped") != std::string::npos) lines.push_back(line);
    }
    return lines;
  };
  rubbish(20);
  BOOST_TEST(told().size() == 1u);
  a.clock.now_ns += std::int64_t{61} * 1'000'000'000;
  rubbish(20);
  BOOST_REQUIRE(told().size() == 2u);
  BOOST_TEST(told()[1].find("reason=unknown_sender suppressed=19") != std::string::npos, told()[1]);
  a.links.reset();
  ::close(fd);
}

// Box 2 by hand: a datagram sent twice is taken once, also from elsewhere.
BOOST_AUTO_TEST_CASE(a_repeated_datagram_is_taken_once) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1);
  a.open({2}, &ring);
  Stranger two(SOCK_DGRAM, a.endpoint()), elsewhere(SOCK_DGRAM, a.endpoint());
  a.links->move_peer(NodeId(2), two.address());
  codecs::SeededBytes random(5);
  codecs::DatagramSession session({.self = NodeId(2), .peer = NodeId(1)}, ring, &random);
  const auto hear = [&] {
    for (std::string bytes = two.receive(); !bytes.empty(); bytes = two.receive()) {
      const codecs::DatagramOutcome outcome = session.receive(bytes, a.clock.now_ns / 1'000'000);
      if (const auto* answer = std::get_if<codecs::HelloAnswer>(&outcome)) two.send(answer->bytes);
    }
    return session.live();
  };
  until({&a}, hear);
  std::string batch, datagram;
  BOOST_REQUIRE(codecs::append_frame({kSomeKind, false, "once"}, 1'000, &batch));
  BOOST_REQUIRE(session.send(batch, &datagram));
  BOOST_TEST(two.send(datagram));
  const auto& m = a.links->metrics();
  const auto& replayed =
      m.datagrams_dropped[static_cast<std::size_t>(codecs::DropReason::kReplayed)];
  until({&a}, [&] { return hear() && a.handler.count == 1; });
  BOOST_TEST(two.send(datagram));
  BOOST_TEST(elsewhere.send(datagram));
  until({&a}, [&] { return hear() && replayed == 2; });
  BOOST_TEST((a.from(2) == std::vector<std::string>{"once"}));
  BOOST_TEST(elsewhere.receive() == "");
  // A batch that is none is refused, what stands before its fault is taken.
  batch.append("nonsense");
  datagram.clear();
  BOOST_REQUIRE(session.send(batch, &datagram));
  two.send(datagram);
  until({&a}, [&] { return hear() && a.peer(2).malformed == 1; });
  BOOST_TEST(a.handler.count == 2);
}

// Box 2 by hand, over TCP: what it says after the handshake is no batch of frames.
BOOST_AUTO_TEST_CASE(a_record_that_is_no_batch_ends_the_stream) {
  const codecs::Keyring ring = ring_of(1);
  Box a(1);
  a.open({2}, &ring);
  Stranger two(SOCK_STREAM, a.endpoint());
  codecs::SeededBytes random(5);
  codecs::StreamOptions options;
  options.self = NodeId(2);
  options.peer = NodeId(1);
  options.boot = codecs::draw_id<codecs::BootId>(&random);
  codecs::StreamSession session(codecs::StreamRole::kInitiator, options, &ring, &random, nullptr);
  std::string out;
  session.start(&out);
  two.send(out);
  codecs::StreamOutput got;
  until({&a}, [&] {
    session.feed(two.receive(), &got);
    return session.established();
  });
  out = got.to_send;
  std::string batch;
  BOOST_REQUIRE(codecs::append_frame({codecs::FrameKind{999}, true, "later"}, 1'000, &batch));
  BOOST_REQUIRE(codecs::append_frame({kSomeKind, false, "good"}, 1'000, &batch));
  session.send(batch, &out);
  two.send(out);
  until({&a}, [&] { return a.handler.count == 1; });
  BOOST_TEST(a.peer(2).unknown_kinds == 1);
  BOOST_TEST(a.peer(2).stream_open);
  out.clear();
  session.send("nonsense", &out);
  two.send(out);
  until({&a}, [&] { return two.receive(), two.ended; });
  BOOST_TEST(a.peer(2).malformed == 1);
  BOOST_TEST(!a.peer(2).stream_open);
  BOOST_TEST(a.links->metrics().streams_open == 0);
}

BOOST_AUTO_TEST_CASE(a_thousand_half_open_connections_do_no_harm) {
  rlimit files{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  const rlimit before = files;
  files.rlim_cur = std::max<rlim_t>(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 4'096));
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  BOOST_REQUIRE(files.rlim_cur >= 2'000);
  {
    const codecs::Keyring ring = ring_of(1);
    Box a(1), b(2);
    a.open({2}, &ring);
    b.open({1}, &ring);
    std::deque<Stranger> strangers;
    const auto& m = a.links->metrics();
    for (int i = 0; i < 1'000; ++i) {
      strangers.emplace_back(SOCK_STREAM, a.endpoint());
      BOOST_REQUIRE(strangers.back().connected());
      if (i % 2 == 0) strangers.back().send("\x01\x03");
      if (i % 50 == 0) turn({&a}, 1, 1);
      BOOST_REQUIRE(m.half_open <= limits::kHalfOpenMax);
    }
    until({&a}, [&] { return m.accepted == 1'000; });
    BOOST_TEST(m.half_open == limits::kHalfOpenMax);
    BOOST_TEST(m.half_open_evicted == 1'000u - limits::kHalfOpenMax);
    // Box 2 comes in among them; box 1 can't come to box 2.
    b.links->move_peer(NodeId(1), a.endpoint());
    until(
        {&a, &b},
        [&] {
          return all_up({&a, &b});
        },
        5);
    b.send(1, "through");
    until({&a, &b}, [&] { return a.handler.count == 1; });
    until(
        {&a, &b}, [&] { return m.half_open == 0; }, 20);
    BOOST_TEST(m.handshakes_timed_out >= static_cast<std::uint64_t>(limits::kHalfOpenMax) - 1);
    BOOST_TEST(all_up({&a, &b}));
    for (Stranger& s : strangers) {
      BOOST_TEST(s.receive() == "");
      BOOST_TEST(s.ended);
    }
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
