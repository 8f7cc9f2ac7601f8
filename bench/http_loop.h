// A closed loop of HTTP/1.1 requests over a Unix socket, for load generators: each connection keeps
// one request under way and sends the next as soon as the answer is complete. One thread, one epoll
// set. Answers need a Content-Length.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::bench {

using Clock = std::chrono::steady_clock;

inline Clock::duration seconds(double s) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
}

// Latencies in buckets of one microsecond; the last one holds everything longer.
class Latencies {
 public:
  void record(std::int64_t us) {
    ++buckets_[us < kBuckets ? static_cast<std::size_t>(us) : kBuckets - 1];
    ++count_;
  }
  std::uint64_t count() const { return count_; }
  // The smallest time that at least this share of the operations did not exceed.
  std::size_t quantile_us(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t us = 0; us < buckets_.size(); ++us) {
      seen += buckets_[us];
      if (seen > wanted) return us;
    }
    return kBuckets;
  }

 private:
  static constexpr std::int64_t kBuckets = 2'000'000;
  std::vector<std::uint32_t> buckets_ = std::vector<std::uint32_t>(kBuckets, 0);
  std::uint64_t count_ = 0;
};

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "bench: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

inline void replace_all(std::string* text, std::string_view name, std::uint64_t value) {
  for (std::size_t at = text->find(name); at != std::string::npos; at = text->find(name, at)) {
    text->replace(at, name.size(), std::to_string(value));
  }
}

inline int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    fail("connect " + path);
  }
  return fd;
}

class HttpLoop {
 public:
  struct Connection {
    int fd = -1;
    std::size_t number = 0;
    std::uint64_t sent = 0;
    std::string received;
    Clock::time_point begun;  // of the request under way
  };

  HttpLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  virtual ~HttpLoop() = default;

  // Opens the connections, numbered from 0, each with its first request; goes on until `end`.
  void run(const std::string& socket, std::size_t connections, Clock::time_point end) {
    connections_.resize(connections);
    for (std::size_t i = 0; i < connections; ++i) open(socket, i);
    while (Clock::now() < end && !finished()) turn();
  }

 protected:
  // The connection's next request.
  virtual void next(const Connection& connection, std::string* method, std::string* target,
                    std::string* body) = 0;
  // There is nothing more to ask for.
  virtual bool finished() const { return false; }
  // Its answer has come: head and body.
  virtual void answered(const Connection& connection, std::string_view answer) = 0;

  const std::vector<Connection>& connections() const { return connections_; }
  std::uint64_t errors() const { return errors_; }

 private:
  void open(const std::string& socket, std::size_t i) {
    Connection& connection = connections_[i];
    connection.number = i;
    connection.fd = connect_to(socket);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) fail("epoll_ctl");
    send_next(connection);
  }

  void send_next(Connection& connection) {
    std::string method, target, body;
    next(connection, &method, &target, &body);
    request_.clear();
    request_.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: pawl\r\n");
    request_.append("Content-Type: application/json\r\nContent-Length: ");
    request_.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    ++connection.sent;
    connection.begun = Clock::now();
    // A request of some kilobytes at most on an empty socket goes out in one write.
    if (::write(connection.fd, request_.data(), request_.size()) !=
        static_cast<ssize_t>(request_.size())) {
      fail("write");
    }
  }

  void turn() {
    epoll_event events[256];
    const int ready = ::epoll_wait(epoll_, events, 256, 100);
    for (int i = 0; i < ready; ++i) read_from(connections_[events[i].data.u64]);
  }

  void read_from(Connection& connection) {
    char buffer[16384];
    const ssize_t count = ::read(connection.fd, buffer, sizeof(buffer));
    if (count <= 0) fail("the server closed a connection");
    connection.received.append(buffer, static_cast<std::size_t>(count));
    const std::size_t length = answer_length(connection.received);
    if (length == 0 || connection.received.size() < length) return;
    const std::string_view answer = std::string_view(connection.received).substr(0, length);
    if (!answer.starts_with("HTTP/1.1 2") && ++errors_ == 1) {
      std::fprintf(stderr, "bench: first error: %.600s\n", connection.received.c_str());
    }
    answered(connection, answer);
    connection.received.erase(0, length);
    send_next(connection);
  }

  // Bytes of the whole answer, or 0 while its head is not complete.
  static std::size_t answer_length(const std::string& received) {
    const std::size_t head = received.find("\r\n\r\n");
    if (head == std::string::npos) return 0;
    for (std::size_t at = received.find("\r\n"); at < head; at = received.find("\r\n", at + 2)) {
      constexpr std::string_view kName = "content-length:";
      if (::strncasecmp(received.c_str() + at + 2, kName.data(), kName.size()) == 0) {
        return head + 4 + std::strtoul(received.c_str() + at + 2 + kName.size(), nullptr, 10);
      }
    }
    errno = EPROTO;
    fail("an answer without Content-Length: " + received.substr(0, head));
  }

  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::string request_;
  std::uint64_t errors_ = 0;
};

}  // namespace pawl::bench
