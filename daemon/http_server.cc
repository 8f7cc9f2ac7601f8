#include "daemon/http_server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "daemon/event_loop.h"
#include "daemon/http_connection.h"
#include "daemon/unix_socket.h"

namespace pawl::daemon {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kAcceptPauseNs = 100 * kMs;  // after running out of descriptors
constexpr std::int64_t kDateEveryNs = 200 * kMs;
constexpr std::size_t kLingerBytesMax = 4 * limits::MiB;

static_assert(limits::kConnectionsMax <= (1 << kConnectionBits));

// "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n" (RFC 9110, 5.6.7), whatever the locale.
std::string date_line(std::int64_t wall_ms) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = static_cast<time_t>(wall_ms / 1000);
  tm t;
  gmtime_r(&seconds, &t);
  char text[64];
  const int n =
      snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", kDays[t.tm_wday],
               t.tm_mday, kMonths[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace

struct HttpServer::Impl final : public TurnHook, public Watcher {
  // One connection's socket. Its deadlines are looked at by sweep().
  struct Client final : public Watcher {
    Client(Impl* s, int descriptor, std::uint32_t number, Peer peer)
        : server(s), fd(descriptor), http(&s->shared, number, std::move(peer)) {}
    void ready(std::uint32_t events) override { server->on_ready(this, events); }

    Impl* server;
    int fd;
    std::uint32_t armed = 0;        // the epoll events asked for
    std::int64_t active_ns = 0;     // last time a request came or an answer was sent
    std::int64_t progress_ns = 0;   // last time the client took bytes, or had none to take
    std::int64_t linger_until = 0;  // not 0: only dropping what still comes
    std::size_t linger_bytes = 0;
    HttpConnection http;
  };

  EventLoop* loop = nullptr;
  const Clock* clock = nullptr;
  Options options;
  HttpShared shared;
  UnixListener listener;
  std::vector<std::unique_ptr<Client>> clients;  // by number
  std::vector<std::uint32_t> free_numbers;
  int count = 0;
  bool over_output = false;          // output_bytes was past its limit: some are not read from
  std::int64_t accept_again_ns = 0;  // not 0: accepting pauses until then
  std::int64_t next_sweep_ns = kNoDeadline;
  std::int64_t sweep_step_ns = 250 * kMs;
  std::int64_t date_ns = 0;
  std::vector<std::uint32_t> flushing;
  // What was read in this turn, and not yet looked at.
  struct Arrived {
    std::uint32_t client;
    std::size_t begin, size;
  };
  std::vector<Arrived> arrived;
  std::string read_buffer;  // theirs, one behind the other
  std::size_t read_bytes = 0;

  void begin_turn(std::int64_t now_ns) override;
  void work(std::int64_t now_ns) override;
  void end_turn(std::int64_t now_ns) override;
  std::int64_t deadline_ns() const override;
  bool busy() const override { return !shared.dirty.empty(); }
  void ready(std::uint32_t events) override;  // the listener

  void on_ready(Client* client, std::uint32_t events);
  bool read(Client* client);
  void flush(Client* client);
  void send_output(Client* client);
  void conclude(Client* client);
  void arm(Client* client);
  void drop(Client* client);
  bool accept_one();
  void admit(int fd);
  void turn_away(int fd);
  void sweep(std::int64_t now_ns);
  void expire(Client* client);
  std::int64_t deadline_of(const Client& client) const;
  HttpConnection* find(RequestId id);
};

void HttpServer::Impl::begin_turn(std::int64_t now_ns) {
  shared.now_ns = now_ns;
  if (now_ns - date_ns < kDateEveryNs && !shared.date.empty()) return;
  date_ns = now_ns;
  shared.date = date_line(clock->wall_ms());
}

void HttpServer::Impl::ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!accept_one()) return;
  }
}

bool HttpServer::Impl::accept_one() {
  const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The queue stays readable; asking again at once would spin.
      accept_again_ns = shared.now_ns + kAcceptPauseNs;
      PAWL_CHECK(loop->change(listener.fd(), 0, this).ok());
    }
    return errno == EINTR || errno == ECONNABORTED;
  }
  if (count >= options.connections_max) {
    turn_away(fd);
  } else {
    admit(fd);
  }
  return true;
}

void HttpServer::Impl::admit(int fd) {
  absl::StatusOr<Peer> peer = peer_of(fd);
  if (!peer.ok()) {
    ::close(fd);
    return;
  }
  std::uint32_t number;
  if (free_numbers.empty()) {
    number = static_cast<std::uint32_t>(clients.size());
    clients.emplace_back();
  } else {
    number = free_numbers.back();
    free_numbers.pop_back();
  }
  auto client = std::make_unique<Client>(this, fd, number, *std::move(peer));
  client->active_ns = client->progress_ns = shared.now_ns;
  client->armed = EPOLLIN | EPOLLRDHUP;
  if (!loop->watch(fd, client->armed, client.get()).ok()) {
    ::close(fd);
    free_numbers.push_back(number);
    return;
  }
  next_sweep_ns = std::min(next_sweep_ns, deadline_of(*client));
  clients[number] = std::move(client);
  ++count;
  ++shared.metrics->accepted;
  shared.metrics->connections = count;
}

// One try to say why; the client's buffer is empty, so it fits.
void HttpServer::Impl::turn_away(int fd) {
  ++shared.metrics->turned_away;
  std::string body;
  append_problem(503, "too-many-connections", "the daemon has no room for another connection",
                 &body);
  const std::string text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
      "application/problem+json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\nRetry-After: 1\r\nX-Request-Id: 0-0\r\n" + shared.date +
      "Connection: close\r\n\r\n" + body;
  [[maybe_unused]] const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  ::close(fd);
}

void HttpServer::Impl::on_ready(Client* client, std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    drop(client);
    return;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0 && !read(client)) return;
  client->http.mark_dirty();
}

// One read. False if the client is gone (and deleted).
bool HttpServer::Impl::read(Client* client) {
  if (read_buffer.size() - read_bytes < limits::kHttpReadBytes) work(shared.now_ns);
  char* const buffer = read_buffer.data() + read_bytes;
  const ssize_t n = ::recv(client->fd, buffer, limits::kHttpReadBytes, 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    drop(client);
    return false;
  }
  if (client->linger_until != 0) {
    client->linger_bytes += static_cast<std::size_t>(n);
    if (n != 0 && client->linger_bytes <= kLingerBytesMax) return true;
    drop(client);
    return false;
  }
  if (n == 0) {
    client->http.end_of_input();
    return true;
  }
  ++shared.metrics->reads;
  client->active_ns = shared.now_ns;
  arrived.push_back({client->http.number(), read_bytes, static_cast<std::size_t>(n)});
  read_bytes += static_cast<std::size_t>(n);
  return true;
}

void HttpServer::Impl::work(std::int64_t) {
  const std::string_view all(read_buffer);
  for (const Arrived& one : arrived) {
    Client* client = clients[one.client].get();
    if (client != nullptr) client->http.receive(all.substr(one.begin, one.size));
  }
  arrived.clear();
  read_bytes = 0;
}

void HttpServer::Impl::send_output(Client* client) {
  const std::string_view output = client->http.output();
  if (output.empty()) return;
  const ssize_t n = ::send(client->fd, output.data(), output.size(), MSG_NOSIGNAL);
  ++shared.metrics->writes;
  if (n < 0) return;  // EAGAIN: later; anything else comes back as EPOLLERR or EPOLLHUP
  client->active_ns = client->progress_ns = shared.now_ns;
  client->http.wrote(static_cast<std::size_t>(n));
}

void HttpServer::Impl::flush(Client* client) {
  client->http.clean();
  // Output that is new gives the client its full time to take it.
  if ((client->armed & EPOLLOUT) == 0) client->progress_ns = shared.now_ns;
  send_output(client);
  if (client->http.can_resume()) client->http.resume();
  if (client->http.finished() && client->http.output().empty()) {
    conclude(client);
    return;
  }
  arm(client);
  next_sweep_ns = std::min(next_sweep_ns, deadline_of(*client));
}

// All is said. A client that may still be sending is read from for a while: closing with unread
// bytes would take the answer away from it.
void HttpServer::Impl::conclude(Client* client) {
  if (client->linger_until != 0) return;
  if (!client->http.lingers()) {
    drop(client);
    return;
  }
  ::shutdown(client->fd, SHUT_WR);
  client->linger_until = shared.now_ns + limits::kHttpLingerMs * kMs;
  next_sweep_ns = std::min(next_sweep_ns, client->linger_until);
  arm(client);
}

void HttpServer::Impl::arm(Client* client) {
  std::uint32_t events = 0;
  if (client->linger_until != 0 || client->http.wants_input()) events |= EPOLLIN | EPOLLRDHUP;
  if (!client->http.output().empty()) events |= EPOLLOUT;
  if (events == client->armed) return;
  client->armed = events;
  PAWL_CHECK(loop->change(client->fd, events, client).ok());
}

void HttpServer::Impl::drop(Client* client) {
  client->http.vanish();
  loop->forget(client->fd, client);
  ::close(client->fd);
  const std::uint32_t number = client->http.number();
  clients[number].reset();
  free_numbers.push_back(number);
  --count;
  shared.metrics->connections = count;
}

void HttpServer::Impl::end_turn(std::int64_t now_ns) {
  flushing.swap(shared.dirty);
  for (const std::uint32_t number : flushing) {
    if (Client* client = clients[number].get(); client != nullptr) flush(client);
  }
  flushing.clear();
  const bool over = shared.output_bytes > limits::kHttpOutputBytesTotal;
  if (over_output && !over) {
    for (const auto& client : clients) {
      if (client) client->http.mark_dirty();
    }
  }
  over_output = over;
  if (accept_again_ns != 0 && now_ns >= accept_again_ns && listener.fd() >= 0) {
    accept_again_ns = 0;
    PAWL_CHECK(loop->change(listener.fd(), EPOLLIN, this).ok());
  }
  if (now_ns >= next_sweep_ns) sweep(now_ns);
}

std::int64_t HttpServer::Impl::deadline_ns() const {
  const std::int64_t accepting = accept_again_ns != 0 ? accept_again_ns : kNoDeadline;
  return std::min(next_sweep_ns, accepting);
}

std::int64_t HttpServer::Impl::deadline_of(const Client& client) const {
  if (client.linger_until != 0) return client.linger_until;
  if (!client.http.output().empty()) return client.progress_ns + options.stall_ms * kMs;
  if (client.http.mid_request()) return client.http.request_began_ns() + options.request_ms * kMs;
  if (client.http.has_requests()) return kNoDeadline;  // the application's turn
  return client.active_ns + options.idle_ms * kMs;
}

void HttpServer::Impl::sweep(std::int64_t now_ns) {
  std::int64_t next = kNoDeadline;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    Client* client = clients[i].get();
    if (client == nullptr) continue;
    if (deadline_of(*client) <= now_ns) {
      expire(client);
      continue;
    }
    next = std::min(next, deadline_of(*client));
  }
  // Many deadlines close together are looked at together.
  next_sweep_ns = next == kNoDeadline ? kNoDeadline : std::max(next, now_ns + sweep_step_ns);
}

void HttpServer::Impl::expire(Client* client) {
  const bool slow_request =
      client->linger_until == 0 && client->http.output().empty() && client->http.mid_request();
  if (client->linger_until == 0) ++shared.metrics->timed_out;
  if (!slow_request) {
    drop(client);
    return;
  }
  client->http.time_out();
}

HttpConnection* HttpServer::Impl::find(RequestId id) {
  const std::uint32_t number = static_cast<std::uint32_t>(id.v) & kConnectionMask;
  if (number >= clients.size() || clients[number] == nullptr) return nullptr;
  return &clients[number]->http;
}

HttpServer::HttpServer(EventLoop* loop, const Clock* clock, HttpHandler* handler,
                       HttpMetrics* metrics, Options options)
    : impl_(std::make_unique<Impl>()) {
  const auto or_else = [](int value, int fallback) { return value > 0 ? value : fallback; };
  options.idle_ms = or_else(options.idle_ms, limits::kHttpIdleSeconds * 1000);
  options.request_ms = or_else(options.request_ms, limits::kHttpHeaderSeconds * 1000);
  options.stall_ms = or_else(options.stall_ms, limits::kHttpStallSeconds * 1000);
  options.connections_max = or_else(options.connections_max, limits::kConnectionsMax);
  PAWL_CHECK(options.connections_max <= limits::kConnectionsMax);
  const int shortest = std::min({options.idle_ms, options.request_ms, options.stall_ms});
  impl_->sweep_step_ns = std::min<std::int64_t>(250, 1 + shortest / 4) * kMs;
  impl_->loop = loop;
  impl_->clock = clock;
  impl_->shared.handler = handler;
  impl_->shared.metrics = metrics;
  impl_->shared.boot = options.boot;
  impl_->options = std::move(options);
  impl_->read_buffer.resize(2 * limits::kHttpReadBytes);
}

HttpServer::~HttpServer() {
  for (auto& client : impl_->clients) {
    if (client) impl_->drop(client.get());
  }
  if (impl_->listener.fd() >= 0) impl_->loop->forget(impl_->listener.fd(), impl_.get());
}

absl::Status HttpServer::listen() {
  const Options& o = impl_->options;
  if (absl::Status s = impl_->listener.open(o.socket_path, o.socket_mode, o.socket_group);
      !s.ok()) {
    return s;
  }
  impl_->begin_turn(impl_->loop->now_ns());
  impl_->loop->add_hook(impl_.get());
  return impl_->loop->watch(impl_->listener.fd(), EPOLLIN, impl_.get());
}

void HttpServer::drain() {
  impl_->shared.draining = true;
  if (impl_->listener.fd() >= 0) {
    impl_->loop->forget(impl_->listener.fd(), impl_.get());
    impl_->listener.close();
    impl_->accept_again_ns = 0;
  }
  for (const auto& client : impl_->clients) {
    if (client) client->http.mark_dirty();
  }
}

bool HttpServer::empty() const { return impl_->count == 0; }
int HttpServer::connections() const { return impl_->count; }

bool HttpServer::respond(RequestId id, const Response& response) {
  HttpConnection* connection = impl_->find(id);
  return connection != nullptr && connection->respond(id, response);
}

StreamState HttpServer::begin_stream(RequestId id, const Response& response) {
  HttpConnection* connection = impl_->find(id);
  return connection == nullptr ? StreamState::kGone : connection->begin_stream(id, response);
}

StreamState HttpServer::stream(RequestId id, std::string_view piece) {
  HttpConnection* connection = impl_->find(id);
  return connection == nullptr ? StreamState::kGone : connection->stream(id, piece);
}

void HttpServer::end_stream(RequestId id) {
  if (HttpConnection* connection = impl_->find(id)) connection->end_stream(id);
}

}  // namespace pawl::daemon
