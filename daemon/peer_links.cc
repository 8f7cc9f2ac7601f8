#include "daemon/peer_links.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "daemon/peer_link.h"
#include "daemon/system_error.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr int kAcceptsPerTurn = 64;
constexpr std::int64_t kAcceptPauseNs = 100 * kMs;  // after running out of descriptors
constexpr int kListenBacklog = 1024;                // the system may grant less
constexpr int kFreePortAttempts = 16;  // a port that is free for TCP may be taken for UDP

std::uint64_t draw_seed(codecs::RandomBytes* random) {
  unsigned char bytes[8];
  random->fill(bytes, sizeof bytes);
  return ByteReader({reinterpret_cast<const char*>(bytes), sizeof bytes}).fixed64();
}

absl::Status refused(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status check_loopback(const PeerLinks::Options& options) {
  constexpr const char* kWhy =
      " is not a loopback address: without a keyring nothing protects what boxes send one another; "
      "make one with `pawl cluster init`";
  if (!options.listen.is_loopback()) return refused(options.listen.text() + kWhy);
  for (const PeerLinks::Peer& peer : options.peers) {
    if (!peer.endpoint.literal().is_loopback()) return refused(peer.endpoint.text() + kWhy);
  }
  return absl::OkStatus();
}

absl::Status check(const PeerLinks::Options& options) {
  if (options.self.v == 0 || options.self.v > limits::kNodeIdMax) {
    return refused(absl::StrCat("this box's id ", options.self.v, " is not from 1 to 2^53 - 1"));
  }
  if (options.listen.is_none()) return refused("there is no address to listen on");
  if (options.peers.size() >= static_cast<std::size_t>(limits::kVotersMax)) {
    return refused(absl::StrCat("a cluster has at most ", limits::kVotersMax, " boxes"));
  }
  std::vector<std::uint64_t> ids = {options.self.v};
  for (const PeerLinks::Peer& peer : options.peers) {
    if (peer.id.v == 0 || peer.id.v > limits::kNodeIdMax) {
      return refused(absl::StrCat("a peer's id ", peer.id.v, " is not from 1 to 2^53 - 1"));
    }
    if (peer.endpoint.host.empty() || peer.endpoint.port == 0) {
      return refused(absl::StrCat("peer ", peer.id.v, " has no address"));
    }
    ids.push_back(peer.id.v);
  }
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end())
    return refused("two boxes have one id");
  return options.keyring ? absl::OkStatus() : check_loopback(options);
}

}  // namespace

struct PeerLinks::Impl final : public TurnHook,
                               public Watcher,
                               public UdpLink::Receiver,
                               public TcpLink::Owner {
  Impl(EventLoop* loop, codecs::RandomBytes* random) : shared(loop, this, draw_seed(random)) {}
  ~Impl() override { close(); }

  absl::Status listen_tcp(const SocketAddress& address);
  absl::Status listen(const SocketAddress& address, bool udp);
  void close();
  PeerLink* find(NodeId id);
  void add(const Peer& peer);
  void change_peers(std::vector<Peer> wanted);

  // TurnHook
  void begin_turn(std::int64_t now_ns) override;
  void end_turn(std::int64_t now_ns) override;
  std::int64_t deadline_ns() const override;
  bool busy() const override;
  void flush();
  // Watcher: the listening socket
  void ready(std::uint32_t events) override;
  bool accept_one();
  void greet(int fd, const SocketAddress& from);
  // UdpLink::Receiver
  void on_datagram(std::string_view bytes, const SocketAddress& from) override;
  // TcpLink::Owner
  bool stream_named(TcpLink* link, NodeId peer) override;
  void stream_opened(TcpLink* link) override;
  void stream_record(TcpLink* link, std::string_view record) override;
  void stream_writable(TcpLink* link) override;
  void stream_closed(TcpLink* link) override;
  std::unique_ptr<TcpLink> take_half_open(const TcpLink* link);
  void count_end(const TcpLink& link);

  LinkShared shared;
  SocketAddress address;
  int listen_fd = -1;
  std::int64_t accept_again_ns = 0;                 // not 0: accepting pauses until then
  std::vector<std::unique_ptr<TcpLink>> half_open;  // accepted, key not proved; oldest first
  std::vector<std::unique_ptr<PeerLink>> peers;
  std::optional<std::vector<Peer>> wanted;  // what set_peers() said in this turn
  bool open = false;
};

PeerLinks::PeerLinks(EventLoop* loop, LinkHandler* handler, codecs::RandomBytes* random,
                     NameLookup* names, const Logger* log)
    : impl_(std::make_unique<Impl>(loop, random)) {
  LinkShared& shared = impl_->shared;
  shared.random = random;
  shared.names = names;
  shared.log = log;
  shared.handler = handler;
  shared.boot = codecs::draw_id<codecs::BootId>(random);
  shared.read_buffer.resize(TcpLink::kReadBytes);
  shared.streams = {loop,   impl_.get(),    &shared.metrics,    &shared.ring,
                    random, &shared.filter, &shared.read_buffer};
  loop->add_hook(impl_.get());
}

PeerLinks::~PeerLinks() { impl_->shared.loop->remove_hook(impl_.get()); }

// --- beginning and end --------------------------------------------------------------------------

absl::Status PeerLinks::open(Options options) {
  PAWL_CHECK(!impl_->open);
  if (absl::Status s = check(options); !s.ok()) return s;
  LinkShared& shared = impl_->shared;
  shared.self = options.self;
  shared.protection = options.keyring ? codecs::Protection::kSealed : codecs::Protection::kPlain;
  shared.ring = options.keyring ? *std::move(options.keyring) : codecs::plain_keyring();
  if (absl::Status s = impl_->listen(options.listen, options.udp); !s.ok()) return s;
  shared.listen = impl_->address;
  for (const Peer& peer : options.peers) impl_->add(peer);
  impl_->open = true;
  if (shared.log != nullptr) {
    shared.log->write(
        LogLevel::info, "link: listening",
        {{"address", impl_->address.text()},
         {"node", options.self.v},
         {"mode", shared.protection == codecs::Protection::kSealed ? "sealed" : "plain"}});
  }
  return absl::OkStatus();
}

absl::Status PeerLinks::Impl::listen_tcp(const SocketAddress& wanted) {
  const int fd = ::socket(wanted.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error(errno, "create a TCP socket for", wanted.text());
  const int on = 1, off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (wanted.family() == AF_INET6 && wanted.is_wildcard()) {
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  sockaddr_in6 bound{};
  socklen_t bytes = sizeof bound;
  if (::bind(fd, wanted.get(), wanted.bytes()) != 0 || ::listen(fd, kListenBacklog) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bytes) != 0) {
    const int error = errno;
    ::close(fd);
    return system_error(error, "listen on TCP", wanted.text());
  }
  if (absl::Status s = shared.loop->watch(fd, EPOLLIN, this); !s.ok()) {
    ::close(fd);
    return s;
  }
  listen_fd = fd;
  address = wanted.with_port(SocketAddress(reinterpret_cast<sockaddr*>(&bound)).port());
  return absl::OkStatus();
}

absl::Status PeerLinks::Impl::listen(const SocketAddress& wanted, bool udp) {
  for (int attempt = 1;; ++attempt) {
    if (absl::Status s = listen_tcp(wanted); !s.ok()) return s;
    if (!udp) return absl::OkStatus();
    absl::Status s = shared.udp.open(address);
    if (s.ok()) return s;
    shared.loop->forget(listen_fd, this);
    ::close(listen_fd);
    listen_fd = -1;
    if (wanted.port() != 0 || attempt == kFreePortAttempts) return s;
  }
}

void PeerLinks::close() { impl_->close(); }

void PeerLinks::Impl::close() {
  if (!open) return;
  open = false;
  for (const auto& peer : peers) peer->close();
  shared.udp.flush();
  shared.udp.close();
  shared.loop->forget(listen_fd, this);
  ::close(listen_fd);
  listen_fd = -1;
  half_open.clear();
  peers.clear();
  shared.graveyard.clear();
}

const SocketAddress& PeerLinks::address() const { return impl_->address; }
const LinkMetrics& PeerLinks::metrics() const { return impl_->shared.metrics; }

// --- what the owner asks for --------------------------------------------------------------------

PeerLink* PeerLinks::Impl::find(NodeId id) {
  for (const auto& peer : peers) {
    if (peer->id() == id) return peer.get();
  }
  return nullptr;
}

void PeerLinks::Impl::add(const Peer& peer) {
  PeerMetrics& metrics = shared.metrics.peers.emplace_back();
  peers.push_back(std::make_unique<PeerLink>(&shared, peer.id, peer.endpoint, &metrics));
}

void PeerLinks::Impl::change_peers(std::vector<Peer> wanted_now) {
  std::erase_if(peers, [&](const auto& peer) {
    const bool stays = std::any_of(wanted_now.begin(), wanted_now.end(),
                                   [&](const Peer& other) { return other.id == peer->id(); });
    if (!stays) peer->close();
    return !stays;
  });
  for (const Peer& peer : wanted_now) {
    if (find(peer.id) != nullptr) continue;
    const bool guarded =
        shared.protection == codecs::Protection::kSealed || peer.endpoint.literal().is_loopback();
    if (guarded) {
      add(peer);
    } else if (shared.log != nullptr) {
      shared.log->write(LogLevel::error, "link: a box beyond the loopback needs a keyring",
                        {{"node", peer.id.v}, {"address", peer.endpoint.text()}});
    }
  }
}

void PeerLinks::set_peers(std::vector<Peer> peers) { impl_->wanted = std::move(peers); }

void PeerLinks::send(NodeId to, codecs::FrameKind kind, std::string_view payload) {
  if (!impl_->open) return;
  if (PeerLink* peer = impl_->find(to); peer != nullptr) peer->send(kind, payload);
}

bool PeerLinks::up(NodeId id) const {
  const PeerLink* peer = impl_->find(id);
  return peer != nullptr && peer->up();
}

void PeerLinks::use_keyring(const codecs::Keyring& ring) {
  PAWL_CHECK(impl_->shared.protection == codecs::Protection::kSealed);
  impl_->shared.ring = ring;
  for (const auto& peer : impl_->peers) peer->use_keyring();
}

void PeerLinks::move_peer(NodeId id, const Endpoint& endpoint) {
  PeerLink* peer = impl_->find(id);
  PAWL_CHECK(peer != nullptr);
  peer->move_to(endpoint);
}

// --- turns --------------------------------------------------------------------------------------

void PeerLinks::Impl::begin_turn(std::int64_t now_ns) {
  if (accept_again_ns == 0 || now_ns < accept_again_ns || !open) return;
  accept_again_ns = 0;
  PAWL_CHECK(shared.loop->change(listen_fd, EPOLLIN, this).ok());
}

void PeerLinks::Impl::end_turn(std::int64_t now_ns) {
  if (!open) return;
  // Not before: whoever asked may have been called by one of them.
  if (wanted) change_peers(*std::exchange(wanted, std::nullopt));
  // They were accepted in this order and have equal times.
  while (!half_open.empty() && now_ns >= half_open.front()->deadline_ns()) {
    half_open.front()->tick(now_ns);
  }
  for (const auto& peer : peers) peer->tick(now_ns);
  flush();
  shared.graveyard.clear();
}

void PeerLinks::flush() {
  if (impl_->open) impl_->flush();
}

void PeerLinks::Impl::flush() {
  for (const auto& peer : peers) {
    if (peer->dirty()) peer->flush();
  }
  shared.udp.flush();
}

std::int64_t PeerLinks::Impl::deadline_ns() const {
  if (!open) return kNoDeadline;
  std::int64_t deadline = accept_again_ns != 0 ? accept_again_ns : kNoDeadline;
  if (!half_open.empty()) deadline = std::min(deadline, half_open.front()->deadline_ns());
  for (const auto& peer : peers) deadline = std::min(deadline, peer->deadline_ns());
  return deadline;
}

bool PeerLinks::Impl::busy() const {
  return std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return peer->dirty(); });
}

// --- connections that come in -------------------------------------------------------------------

void PeerLinks::Impl::ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && open; ++i) {
    if (!accept_one()) return;
  }
}

bool PeerLinks::Impl::accept_one() {
  sockaddr_in6 from{};
  socklen_t bytes = sizeof from;
  const int fd = ::accept4(listen_fd, reinterpret_cast<sockaddr*>(&from), &bytes,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    greet(fd, SocketAddress(reinterpret_cast<sockaddr*>(&from)));
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
    // The queue stays readable; asking again at once would spin.
    accept_again_ns = shared.loop->now_ns() + kAcceptPauseNs;
    PAWL_CHECK(shared.loop->change(listen_fd, 0, this).ok());
  }
  return errno == EINTR || errno == ECONNABORTED;
}

// A peer takes one round trip to prove its key: so of too many, the oldest is the least likely one.
void PeerLinks::Impl::greet(int fd, const SocketAddress& from) {
  ++shared.metrics.accepted;
  if (half_open.size() >= static_cast<std::size_t>(limits::kHalfOpenMax)) {
    half_open.front()->abort(TcpEnd::kEvicted);
  }
  codecs::StreamOptions options;
  options.self = shared.self;
  options.boot = shared.boot;
  options.protection = shared.protection;
  auto link = std::make_unique<TcpLink>(shared.streams, codecs::StreamRole::kResponder, options);
  if (!link->adopt(fd, from).ok()) return;
  half_open.push_back(std::move(link));
  shared.metrics.half_open = static_cast<std::int64_t>(half_open.size());
}

std::unique_ptr<TcpLink> PeerLinks::Impl::take_half_open(const TcpLink* link) {
  const auto at = std::find_if(half_open.begin(), half_open.end(),
                               [&](const auto& other) { return other.get() == link; });
  if (at == half_open.end()) return nullptr;
  std::unique_ptr<TcpLink> taken = std::move(*at);
  half_open.erase(at);
  shared.metrics.half_open = static_cast<std::int64_t>(half_open.size());
  return taken;
}

bool PeerLinks::Impl::stream_named(TcpLink*, NodeId peer) { return find(peer) != nullptr; }

void PeerLinks::Impl::stream_opened(TcpLink* link) {
  PeerLink* peer = find(link->peer());
  PAWL_CHECK(peer != nullptr);
  if (link->initiator()) return peer->opened(link);
  std::unique_ptr<TcpLink> taken = take_half_open(link);
  PAWL_CHECK(taken != nullptr);
  peer->adopt(std::move(taken));
}

void PeerLinks::Impl::stream_record(TcpLink* link, std::string_view record) {
  find(link->peer())->record(link, record);
}

void PeerLinks::Impl::stream_writable(TcpLink* link) { find(link->peer())->writable(link); }

void PeerLinks::Impl::stream_closed(TcpLink* link) {
  count_end(*link);
  if (std::unique_ptr<TcpLink> taken = take_half_open(link)) {
    shared.graveyard.push_back(std::move(taken));
    return;
  }
  find(link->peer())->closed(link);
}

void PeerLinks::Impl::count_end(const TcpLink& link) {
  LinkMetrics& m = shared.metrics;
  const auto error = static_cast<std::size_t>(link.error());
  if (link.was_open()) {
    ++m.streams_failed[error];
    return;
  }
  switch (link.end()) {
    case TcpEnd::kEvicted:
      ++m.half_open_evicted;
      break;
    case TcpEnd::kHandshake:
      ++m.handshakes_timed_out;
      break;
    case TcpEnd::kUnknownPeer:
      ++m.handshakes_unknown_peer;
      break;
    default:
      ++m.handshakes_failed[error];
  }
  if (link.end() == TcpEnd::kConnect || link.end() == TcpEnd::kReplaced) return;
  const char* reason = link.error() == codecs::StreamError::kNone ? to_string(link.end())
                                                                  : codecs::to_string(link.error());
  shared.note_stranger("link: a handshake failed", link.address(), reason);
}

// --- datagrams that come in ---------------------------------------------------------------------

void PeerLinks::Impl::on_datagram(std::string_view bytes, const SocketAddress& from) {
  if (!open) return;
  PeerLink* peer = find(codecs::datagram_sender(bytes));
  if (peer != nullptr) return peer->datagram(bytes, from);
  ++shared.metrics.datagrams_unknown_sender;
  shared.note_stranger("link: a datagram was dropped", from, "unknown_sender");
}

void LinkShared::drop_datagram(codecs::DropReason reason, const SocketAddress& from) {
  ++metrics.datagrams_dropped[static_cast<std::size_t>(reason)];
  switch (reason) {
    // Restarts, reorderings and rotations bring these.
    case codecs::DropReason::kNotLive:
    case codecs::DropReason::kOtherSession:
    case codecs::DropReason::kReplayed:
    case codecs::DropReason::kAnswerWithheld:
    case codecs::DropReason::kUnknownKey:
      return;
    default:
      note_stranger("link: a datagram was dropped", from, codecs::to_string(reason));
  }
}

void LinkShared::note_stranger(const char* what, const SocketAddress& from, const char* reason) {
  if (log == nullptr || !strangers.allow(loop->now_ns())) return;
  log->write(
      LogLevel::notice, what,
      {{"from", from.text()}, {"reason", reason}, {"suppressed", strangers.take_suppressed()}});
}

}  // namespace pawl::daemon
