// A closed-loop HTTP/1.1 load generator over a Unix socket: each connection keeps one request under
// way and sends the next as soon as the answer is complete. One thread, one epoll set. Prints one
// line of JSON: operations a second, and the 50th and 99th percentile of the time from send to
// answer.
//
//   http_load --socket PATH --clients 16 --seconds 4 --method POST --target
//   '/v1/runs/b-{client}/...'
//
// In target and body `{client}` is the connection's number and `{n}` counts its requests. Answers
// need a Content-Length. An answer that is no 2xx counts as an error, and the first is printed.
#include <errno.h>
#include <fcntl.h>
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

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string socket;
  std::string method = "POST";
  std::string target = "/";
  std::string body;
  int clients = 1;
  double seconds = 4;
  double warmup_seconds = 1;
};

// Latencies in buckets of one microsecond; the last one holds everything longer.
class Latencies {
 public:
  void record(std::int64_t us) {
    ++buckets_[us < kBuckets ? static_cast<std::size_t>(us) : kBuckets - 1];
    ++count_;
  }
  void clear() {
    buckets_.assign(kBuckets, 0);
    count_ = 0;
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

struct Connection {
  int fd = -1;
  int number = 0;
  std::uint64_t sent = 0;
  std::string received;
  Clock::time_point begun;
};

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "http_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

void replace_all(std::string* text, std::string_view name, std::uint64_t value) {
  for (std::size_t at = text->find(name); at != std::string::npos; at = text->find(name, at)) {
    text->replace(at, name.size(), std::to_string(value));
  }
}

int connect_to(const std::string& path) {
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

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {}

  int run() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    connections_.resize(static_cast<std::size_t>(options_.clients));
    const auto started = Clock::now();
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
    measured_from_ = started + seconds(options_.warmup_seconds);
    const auto end = measured_from_ + seconds(options_.seconds);
    while (Clock::now() < end) turn();
    report(std::chrono::duration<double>(Clock::now() - measured_from_).count());
    return errors_ == 0 ? 0 : 1;
  }

 private:
  static Clock::duration seconds(double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  }

  void open(std::size_t i) {
    Connection& connection = connections_[i];
    connection.number = static_cast<int>(i);
    connection.fd = connect_to(options_.socket);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) fail("epoll_ctl");
    send_next(connection);
  }

  void send_next(Connection& connection) {
    std::string target = options_.target;
    std::string body = options_.body;
    const auto number = static_cast<std::uint64_t>(connection.number);
    for (std::string* text : {&target, &body}) {
      replace_all(text, "{client}", number);
      replace_all(text, "{n}", connection.sent);
    }
    request_.clear();
    request_.append(options_.method)
        .append(" ")
        .append(target)
        .append(" HTTP/1.1\r\nHost: pawl\r\n");
    request_.append("Content-Type: application/json\r\nContent-Length: ");
    request_.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    ++connection.sent;
    connection.begun = Clock::now();
    // One request of a few hundred bytes on an empty socket goes out in one write.
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
    count_answer(connection);
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

  void count_answer(const Connection& connection) {
    const auto now = Clock::now();
    if (connection.received.compare(0, 10, "HTTP/1.1 2") != 0 && ++errors_ == 1) {
      std::fprintf(stderr, "http_load: first error: %.600s\n", connection.received.c_str());
    }
    if (now < measured_from_) return;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now - connection.begun);
    latencies_.record(us.count());
  }

  void report(double seconds) const {
    std::uint64_t sent = 0;
    for (const Connection& connection : connections_) sent += connection.sent;
    std::printf(
        "{\"clients\": %d, \"seconds\": %.3f, \"operations\": %llu, \"ops_per_s\": %.0f, "
        "\"p50_us\": %zu, \"p99_us\": %zu, \"errors\": %llu, \"sent\": %llu}\n",
        options_.clients, seconds, static_cast<unsigned long long>(latencies_.count()),
        static_cast<double>(latencies_.count()) / seconds, latencies_.quantile_us(0.50),
        latencies_.quantile_us(0.99), static_cast<unsigned long long>(errors_),
        static_cast<unsigned long long>(sent));
  }

  Options options_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::string request_;
  Latencies latencies_;
  Clock::time_point measured_from_;
  std::uint64_t errors_ = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--socket")
      options.socket = value;
    else if (name == "--method")
      options.method = value;
    else if (name == "--target")
      options.target = value;
    else if (name == "--body")
      options.body = value;
    else if (name == "--clients")
      options.clients = std::atoi(value);
    else if (name == "--seconds")
      options.seconds = std::atof(value);
    else if (name == "--warmup")
      options.warmup_seconds = std::atof(value);
    else
      options.clients = 0;
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (argc % 2 == 0 || options.socket.empty() || options.clients < 1 || options.seconds <= 0) {
    std::fputs(
        "usage: http_load --socket PATH [--clients N] [--seconds S] [--warmup S] [--method M]\n"
        "                 [--target PATH] [--body TEXT]\n",
        stderr);
    return 2;
  }
  return Load(options).run();
}
