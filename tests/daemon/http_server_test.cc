// The server over real sockets: accept, order, slow and vanishing clients, limits, stopping.
#include "daemon/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <deque>
#include <fstream>

#include "base/limits.h"
#include "daemon/unix_socket.h"
#include "socket_client.h"

namespace pawl::daemon {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: pawl\r\n\r\n";
constexpr std::int64_t kSecond = 1'000'000'000;

int count_of(std::string_view text, std::string_view what) {
  int n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

int answers_in(const SocketClient& client) { return count_of(client.received, "HTTP/1.1 200 OK"); }

BOOST_AUTO_TEST_SUITE(http_server)

BOOST_AUTO_TEST_CASE(a_request_is_answered_with_date_and_id) {
  HttpServer::Options options;
  options.boot = 0xabc;
  ServerStage stage(options);
  SocketClient client(stage.path());
  client.send("PUT / HTTP/1.1\r\nHost: pawl\r\nContent-Length: 4\r\n\r\npawl");
  stage.until([&] { return client.poll(), client.received.ends_with("pawl"); });
  BOOST_TEST(client.received.find("Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n") != std::string::npos);
  BOOST_TEST(client.received.find("X-Request-Id: abc-2000\r\n") != std::string::npos);
  BOOST_TEST(stage.echo.peer.uid == ::getuid());
  BOOST_TEST(stage.echo.peer.gid == ::getgid());
  BOOST_TEST(stage.echo.peer.pid == ::getpid());
  std::vector<gid_t> groups(static_cast<std::size_t>(::getgroups(0, nullptr)));
  BOOST_REQUIRE(::getgroups(static_cast<int>(groups.size()), groups.data()) >= 0);
  BOOST_TEST(stage.echo.peer.groups.size() == groups.size());
}

BOOST_AUTO_TEST_CASE(a_pipeline_is_read_and_answered_with_one_call_each) {
  ServerStage stage;
  SocketClient client(stage.path());
  std::string text;
  for (int i = 0; i < 32; ++i) text += kGet;
  client.send(text);
  stage.until([&] { return client.poll(), answers_in(client) == 32; });
  BOOST_TEST(stage.metrics.reads == 1);
  BOOST_TEST(stage.metrics.writes == 1);
}

BOOST_AUTO_TEST_CASE(a_pipeline_longer_than_the_bound_is_answered_whole) {
  ServerStage stage;
  SocketClient client(stage.path());
  std::string text;
  for (int i = 0; i < 1000; ++i) text += kGet;
  std::size_t sent = 0;
  stage.until([&] {
    sent += client.send(std::string_view(text).substr(sent));
    return client.poll(), answers_in(client) == 1000;
  });
  BOOST_TEST(stage.metrics.requests == 1000);
}

BOOST_AUTO_TEST_CASE(answers_out_of_order_over_many_connections) {
  ServerStage stage;
  stage.echo.at_once = false;
  std::deque<SocketClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(stage.path());
    clients.back().send(std::string(kGet) + std::string(kGet));
  }
  stage.until([&] { return stage.echo.open.size() == 40; });
  while (!stage.echo.open.empty()) {
    Response response;
    response.body = "x";
    BOOST_TEST(stage.server.respond(stage.echo.open.back(), response));
    stage.echo.open.pop_back();
  }
  stage.until([&] {
    for (SocketClient& c : clients) {
      c.poll();
      if (answers_in(c) != 2) return false;
    }
    return true;
  });
}

BOOST_AUTO_TEST_CASE(a_client_that_vanishes_is_cancelled) {
  ServerStage stage;
  stage.echo.at_once = false;
  SocketClient client(stage.path());
  client.send(kGet);
  stage.until([&] { return stage.echo.open.size() == 1; });
  client.close();
  stage.until([&] { return stage.echo.gone.size() == 1; });
  BOOST_TEST((stage.echo.gone == stage.echo.open));
  BOOST_TEST(stage.server.empty());
  BOOST_TEST(!stage.server.respond(stage.echo.open[0], {}));
  // The next connection reuses its number, not its ids.
  SocketClient next(stage.path());
  next.send(kGet);
  stage.until([&] { return stage.echo.open.size() == 2; });
  BOOST_TEST(!stage.server.respond(stage.echo.open[0], {}));
  BOOST_TEST(stage.server.respond(stage.echo.open[1], {}));
}

BOOST_AUTO_TEST_CASE(a_client_that_ends_its_side_is_answered) {
  ServerStage stage;
  stage.echo.at_once = false;
  SocketClient client(stage.path());
  client.send(kGet);
  client.finish_sending();
  stage.until([&] { return stage.echo.open.size() == 1; });
  for (int i = 0; i < 10; ++i) stage.loop.turn(0);
  BOOST_TEST(stage.echo.gone.empty());
  stage.server.respond(stage.echo.open[0], {});
  stage.until([&] { return client.poll(), client.ended; });
  BOOST_TEST(answers_in(client) == 1);
  stage.until([&] { return stage.server.empty(); });
}

BOOST_AUTO_TEST_CASE(a_refused_client_gets_its_answer_though_it_still_sends) {
  ServerStage stage;
  SocketClient client(stage.path());
  client.send("POST / HTTP/1.1\r\nHost: pawl\r\nContent-Length: 3000000\r\n\r\n");
  const std::string body(3'000'000, 'x');
  std::size_t sent = 0;
  stage.until([&] {
    sent += client.send(std::string_view(body).substr(sent));
    client.poll();
    return sent == body.size();
  });
  client.finish_sending();
  stage.until([&] { return client.poll(), client.ended; });
  BOOST_TEST(client.received.starts_with("HTTP/1.1 413 "));
  stage.until([&] { return stage.server.empty(); });
}

BOOST_AUTO_TEST_CASE(a_refused_client_that_stays_is_closed_after_a_while) {
  ServerStage stage;
  SocketClient client(stage.path());
  client.send("rubbish\n");
  stage.until([&] { return client.poll(), client.ended; });
  BOOST_TEST(client.received.starts_with("HTTP/1.1 400 "));
  BOOST_TEST(stage.server.connections() == 1);
  stage.clock.now_ns += 3 * kSecond;
  stage.until([&] { return stage.server.empty(); });
}

BOOST_AUTO_TEST_CASE(a_slow_request_is_cut_off) {
  ServerStage stage;
  SocketClient client(stage.path());
  client.send("GET / HTTP/1.1\r\nHo");
  stage.until([&] { return stage.metrics.reads == 1; });
  // More bytes do not buy more time.
  for (int i = 0; i < limits::kHttpHeaderSeconds - 1; ++i) {
    stage.clock.now_ns += kSecond;
    client.send("o");
    const std::uint64_t reads = stage.metrics.reads;
    stage.until([&] { return stage.metrics.reads > reads; });
  }
  BOOST_TEST((client.poll(), client.received) == "");
  stage.clock.now_ns += 2 * kSecond;
  stage.until([&] { return client.poll(), client.ended; });
  BOOST_TEST(client.received.starts_with("HTTP/1.1 408 "));
  BOOST_TEST(stage.metrics.timed_out == 1);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word) {
  ServerStage stage;
  SocketClient client(stage.path());
  client.send(kGet);
  stage.until([&] { return client.poll(), answers_in(client) == 1; });
  stage.clock.now_ns += (limits::kHttpIdleSeconds - 1) * kSecond;
  for (int i = 0; i < 5; ++i) stage.loop.turn(0);
  BOOST_TEST(!client.ended);
  client.received.clear();
  stage.clock.now_ns += 2 * kSecond;
  stage.until([&] { return client.poll(), client.ended; });
  BOOST_TEST(client.received == "");
}

BOOST_AUTO_TEST_CASE(a_parked_request_is_not_idle) {
  ServerStage stage;
  stage.echo.at_once = false;
  SocketClient client(stage.path());
  client.send(kGet);
  stage.until([&] { return stage.echo.open.size() == 1; });
  stage.clock.now_ns += 1000 * kSecond;
  for (int i = 0; i < 5; ++i) stage.loop.turn(0);
  BOOST_TEST(stage.server.respond(stage.echo.open[0], {}));
  stage.until([&] { return client.poll(), answers_in(client) == 1; });
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_paused_then_dropped) {
  ServerStage stage;
  stage.echo.at_once = false;
  SocketClient client(stage.path());
  client.send(kGet);
  stage.until([&] { return stage.echo.open.size() == 1; });
  const RequestId id = stage.echo.open[0];
  StreamState state = stage.server.begin_stream(id, {});
  const std::string piece(100'000, 'x');
  std::size_t streamed = 0;
  while (state == StreamState::kOpen) {
    state = stage.server.stream(id, piece);
    streamed += piece.size();
    stage.loop.turn(0);
    BOOST_REQUIRE(streamed < 64 * limits::MiB);
  }
  BOOST_TEST((state == StreamState::kFull));
  // It reads after all: the stream may go on.
  stage.until([&] { return client.poll(), stage.echo.writable.size() == 1; });
  BOOST_TEST((stage.server.stream(id, piece) == StreamState::kOpen));
  while (stage.server.stream(id, piece) == StreamState::kOpen) {
  }
  stage.loop.turn(0);
  stage.clock.now_ns += (limits::kHttpStallSeconds + 1) * kSecond;
  stage.until([&] { return stage.server.empty(); });
  BOOST_TEST(stage.echo.gone.size() == 1);
  BOOST_TEST((stage.server.stream(id, piece) == StreamState::kGone));
}

BOOST_AUTO_TEST_CASE(too_many_connections_are_told_so) {
  HttpServer::Options options;
  options.connections_max = 2;
  ServerStage stage(options);
  SocketClient a(stage.path());
  SocketClient b(stage.path());
  SocketClient c(stage.path());
  stage.until([&] { return c.poll(), c.ended; });
  BOOST_TEST(c.received.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  BOOST_TEST(stage.metrics.turned_away == 1);
  a.close();
  stage.until([&] { return stage.server.connections() == 1; });
  SocketClient d(stage.path());
  d.send(kGet);
  stage.until([&] { return d.poll(), answers_in(d) == 1; });
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

BOOST_AUTO_TEST_CASE(five_thousand_idle_connections_cost_little) {
  rlimit files{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const std::size_t n = std::min<std::size_t>(5000, (files.rlim_cur - 100) / 2);
  BOOST_WARN_MESSAGE(n == 5000, "the limit of open files allows only " << n << " connections");
  ServerStage stage;
  std::deque<SocketClient> clients;
  const std::size_t before = resident_bytes();
  while (clients.size() < n) {
    clients.emplace_back(stage.path());
    BOOST_REQUIRE(clients.back().connected());
    clients.back().send(kGet);
    if (clients.size() % 500 == 0) {
      stage.until([&] { return stage.metrics.requests == clients.size(); });
    }
  }
  stage.until([&] { return stage.metrics.requests == n; });
  for (int i = 0; i < 10; ++i) stage.loop.turn(0);
  const std::size_t each = (resident_bytes() - before) / n;
  BOOST_TEST_MESSAGE("an idle connection: " << each << " bytes, the client's object included");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  BOOST_TEST(each < 1024 + sizeof(SocketClient) + 512);  // the client holds its unread answer
#endif
  // One among them is as quick as ever.
  clients[n / 2].poll();
  clients[n / 2].received.clear();
  clients[n / 2].send(kGet);
  stage.until([&] { return clients[n / 2].poll(), answers_in(clients[n / 2]) == 1; });
  clients.clear();
  stage.until([&] { return stage.server.empty(); });
}

BOOST_AUTO_TEST_CASE(stopping_answers_what_is_open) {
  ServerStage stage;
  stage.echo.at_once = false;
  SocketClient idle(stage.path());
  SocketClient busy(stage.path());
  busy.send(kGet);
  stage.until([&] { return stage.echo.open.size() == 1 && stage.server.connections() == 2; });
  stage.server.drain();
  BOOST_TEST(::access(stage.path().c_str(), F_OK) != 0);
  stage.until([&] { return idle.poll(), idle.ended; });
  BOOST_TEST(!stage.server.empty());
  stage.server.respond(stage.echo.open[0], {});
  stage.until([&] { return busy.poll(), busy.ended; });
  BOOST_TEST(busy.received.find("Connection: close\r\n") != std::string::npos);
  BOOST_TEST(stage.server.empty());
}

BOOST_AUTO_TEST_CASE(the_socket_file) {
  ScratchDirectory scratch;
  const std::string path = scratch.path("s");
  UnixListener first;
  BOOST_REQUIRE(first.open(path, 0620, ::getgid()).ok());
  struct stat info;
  BOOST_REQUIRE(::lstat(path.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777) == 0620);
  // Somebody answers: not replaced.
  UnixListener second;
  BOOST_TEST(absl::IsAlreadyExists(second.open(path, 0660, -1)));
  // Nobody answers (the process died): replaced.
  const int copy = ::dup(first.fd());
  ::rename(path.c_str(), scratch.path("kept").c_str());
  first.close();
  ::close(copy);
  ::rename(scratch.path("kept").c_str(), path.c_str());
  UnixListener third;
  BOOST_TEST(third.open(path, 0660, -1).ok());
  third.close();
  BOOST_TEST(::access(path.c_str(), F_OK) != 0);
  // No socket at all: left alone.
  std::ofstream(path) << "precious";
  UnixListener fourth;
  const absl::Status refused = fourth.open(path, 0660, -1);
  BOOST_TEST(absl::IsAlreadyExists(refused));
  BOOST_TEST(refused.ToString().find("is no socket") != std::string::npos);
  BOOST_TEST(::access(path.c_str(), F_OK) == 0);
  UnixListener fifth;
  BOOST_TEST(absl::IsNotFound(fifth.open(scratch.path("no/dir/s"), 0660, -1)));
  BOOST_TEST(!fifth.open(scratch.path(std::string(200, 'x')), 0660, -1).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
