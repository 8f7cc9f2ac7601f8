// The least a durable HTTP server can do, as this machine's ceiling: in each epoll round it reads
// what is there, appends all bodies to a file of zeros with one pwrite, calls fdatasync once, and
// answers. It parses no more of HTTP than the load generator of this folder sends.
//
//   http_ceiling --socket PATH --file PATH [--bytes N]
//
// SIGTERM ends it; it then prints one line of JSON: requests, syncs, bytes appended.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

volatile sig_atomic_t stopping = 0;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "http_ceiling: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

// A file written full of zeros beforehand, so that a sync writes data and no metadata.
class ZeroFile {
 public:
  ZeroFile(const std::string& path, std::size_t bytes) : bytes_(bytes) {
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) fail(path);
    const std::vector<char> zeros(1 << 20, 0);
    for (std::size_t at = 0; at < bytes_; at += zeros.size()) {
      if (::pwrite(fd_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) fail(path);
    }
    if (::fsync(fd_) != 0) fail(path);
  }

  void append_synced(const std::string& data) {
    if (at_ + data.size() > bytes_) at_ = 0;
    if (::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(at_)) !=
        static_cast<ssize_t>(data.size())) {
      fail("pwrite");
    }
    if (::fdatasync(fd_) != 0) fail("fdatasync");
    at_ += data.size();
    ++syncs;
  }

  std::uint64_t syncs = 0;

 private:
  int fd_ = -1;
  std::size_t bytes_;
  std::size_t at_ = 0;
};

class Server {
 public:
  Server(const std::string& socket, ZeroFile* file) : file_(file) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof(address.sun_path)) {
      errno = ENAMETOOLONG;
      fail(socket);
    }
    std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
    ::unlink(socket.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_, 1024) != 0) {
      fail(socket);
    }
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(listener_);
  }

  // One epoll round: read all, write once, sync once, answer all.
  void turn() {
    epoll_event events[1024];
    const int ready = ::epoll_wait(epoll_, events, 1024, -1);
    bodies_.clear();
    answers_.clear();
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.fd == listener_) {
        accept_all();
      } else {
        read_from(events[i].data.fd);
      }
    }
    if (answers_.empty()) return;
    file_->append_synced(bodies_);
    for (const auto& [fd, count] : answers_) answer(fd, count);
  }

  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;

 private:
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) return;
      watch(fd);
    }
  }

  void read_from(int fd) {
    char buffer[65536];
    const ssize_t count = ::read(fd, buffer, sizeof(buffer));
    if (count <= 0) {
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      partial_.erase(fd);
      ::close(fd);
      return;
    }
    std::string& received = partial_[fd];
    received.append(buffer, static_cast<std::size_t>(count));
    int complete = 0;
    while (take_request(&received)) ++complete;
    if (complete > 0) answers_.emplace_back(fd, complete);
  }

  // Moves one request's body from `received` to what will be written.
  bool take_request(std::string* received) {
    const std::size_t head = received->find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view kName = "Content-Length: ";
    const std::size_t at = received->find(kName);
    std::size_t length = 0;
    if (at < head) length = std::strtoul(received->c_str() + at + kName.size(), nullptr, 10);
    if (received->size() < head + 4 + length) return false;
    bodies_.append(*received, head + 4, length);
    received->erase(0, head + 4 + length);
    ++requests;
    bytes += length;
    return true;
  }

  static void answer(int fd, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out.append(kAnswer);
    if (::write(fd, out.data(), out.size()) < 0 && errno != EPIPE) fail("write");
  }

  ZeroFile* file_;
  int listener_ = -1;
  int epoll_ = -1;
  std::map<int, std::string> partial_;
  std::string bodies_;
  std::vector<std::pair<int, int>> answers_;  // connection, requests answered in this round
};

}  // namespace

int main(int argc, char** argv) {
  std::string socket;
  std::string file;
  std::size_t bytes = 64u << 20;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--socket") socket = argv[i + 1];
    if (name == "--file") file = argv[i + 1];
    if (name == "--bytes") bytes = std::strtoul(argv[i + 1], nullptr, 10);
  }
  if (socket.empty() || file.empty()) {
    std::fputs("usage: http_ceiling --socket PATH --file PATH [--bytes N]\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  struct sigaction stop {};
  stop.sa_handler = [](int) { stopping = 1; };
  ::sigaction(SIGTERM, &stop, nullptr);
  ZeroFile zeros(file, bytes);
  Server server(socket, &zeros);
  while (!stopping) server.turn();
  std::printf("{\"requests\": %llu, \"syncs\": %llu, \"bytes\": %llu}\n",
              static_cast<unsigned long long>(server.requests),
              static_cast<unsigned long long>(zeros.syncs),
              static_cast<unsigned long long>(server.bytes));
  return 0;
}
