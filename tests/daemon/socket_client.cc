#include "socket_client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>

namespace pawl::daemon {

ScratchDirectory::ScratchDirectory() {
  char name[] = "/tmp/pawl-test-XXXXXX";
  BOOST_REQUIRE(::mkdtemp(name) != nullptr);
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() { std::filesystem::remove_all(path_); }

std::string ScratchDirectory::path(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

SocketClient::SocketClient(const std::string& path) {
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BOOST_REQUIRE(fd_ >= 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close();
    return;
  }
  ::fcntl(fd_, F_SETFL, O_NONBLOCK);
}

SocketClient::~SocketClient() { close(); }

std::size_t SocketClient::send(std::string_view bytes) {
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

void SocketClient::poll() {
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd_, buffer, sizeof buffer);
    if (n > 0) {
      received.append(buffer, static_cast<std::size_t>(n));
      continue;
    }
    if (n == 0 || errno != EAGAIN) ended = true;
    return;
  }
}

void SocketClient::finish_sending() { ::shutdown(fd_, SHUT_WR); }

void SocketClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Echo::request(const Request& r) {
  peer = *r.peer;
  if (!at_once) {
    open.push_back(r.id);
    return;
  }
  Response response;
  response.content_type = "text/plain";
  response.body = r.body;
  server->respond(r.id, response);
}

namespace {

HttpServer::Options at_path(HttpServer::Options options, std::string path) {
  options.socket_path = std::move(path);
  return options;
}

}  // namespace

ServerStage::ServerStage(HttpServer::Options options)
    : loop(&clock),
      server(&loop, &clock, &echo, &metrics, at_path(std::move(options), scratch.path("s"))) {
  echo.server = &server;
  const absl::Status status = server.listen();
  BOOST_REQUIRE_MESSAGE(status.ok(), status.ToString());
}

void ServerStage::until(const std::function<bool()>& done) {
  for (int turns = 0; turns < 200'000; ++turns) {
    if (done()) return;
    loop.turn(0);
  }
  BOOST_FAIL("the server did not get there");
}

}  // namespace pawl::daemon
