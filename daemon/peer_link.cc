// The streams to one peer, and what both paths share; peer_link_datagrams.cc has the datagrams.
#include "daemon/peer_link.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace pawl::daemon {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::size_t kClosingMax = 2;              // streams of one peer on their way out
constexpr int kStreamEchoMs = 4 * limits::kEchoMs;  // it also keeps the stream alive
static_assert(kStreamEchoMs * 3 < limits::kLinkSilenceMs);

codecs::DatagramOptions datagram_options(const LinkShared& shared, NodeId peer) {
  codecs::DatagramOptions options;
  options.self = shared.self;
  options.peer = peer;
  options.protection = shared.protection;
  return options;
}

}  // namespace

PeerLink::PeerLink(LinkShared* shared, NodeId id, Endpoint endpoint, PeerMetrics* metrics)
    : shared_(shared),
      id_(id),
      endpoint_(std::move(endpoint)),
      metrics_(metrics),
      alive_(std::make_shared<int>(0)),
      retry_ms_(limits::kLinkRetryMsMin),
      session_(datagram_options(*shared, id), shared->ring, shared->random),
      echo_retry_ms_(4 * limits::kEchoMs) {
  metrics_->id = id;
  connect_due_ns_ = first_attempt_ns();
  if (!below_peer()) look_up();  // for hellos
}

PeerLink::~PeerLink() = default;

TcpLink* PeerLink::stream() const {
  TcpLink* mine = outbound_ != nullptr && outbound_->open() ? outbound_.get() : nullptr;
  TcpLink* theirs = inbound_ != nullptr && inbound_->open() ? inbound_.get() : nullptr;
  if (mine == nullptr || theirs == nullptr) return mine != nullptr ? mine : theirs;
  return below_peer() ? mine : theirs;
}

// --- sending ------------------------------------------------------------------------------------

void PeerLink::send(codecs::FrameKind kind, std::string_view payload) {
  PAWL_CHECK(payload.size() <= limits::kFramePayloadBytesMax);
  const codecs::Frame frame{kind, codecs::is_optional(kind), payload};
  const bool small =
      payload.size() <= codecs::kDatagramFramePayloadBytesMax && !codecs::needs_stream(kind);
  if (small && udp_live_ && datagrams_flushed_ < limits::kDatagramsPerFlushMax) {
    put_datagram(frame);
  } else if (stream() == nullptr) {
    ++metrics_->dropped_down;
    return;
  } else if (!queue_.push(frame, small && backlog_)) {
    ++metrics_->dropped_queue;
    return;
  }
  dirty_ = true;
  ++metrics_->frames_out;
  metrics_->bytes_out += payload.size();
}

void PeerLink::flush() {
  dirty_ = false;
  pump();
  if (!datagram_.empty()) seal_datagram();
  datagrams_flushed_ = 0;
}

// Seals as much as the stream has room for; the rest waits until it is writable.
void PeerLink::pump() {
  TcpLink* to = stream();
  if (to == nullptr) {
    metrics_->dropped_lost += queue_.clear();
  } else if (!queue_.empty() || !to->drained()) {
    FrameQueue::Batch batch;
    do {
      while (to->has_room() && queue_.pop(&batch)) {
        to->send(batch.bytes);
        ++metrics_->records_out;
      }
      to->flush();
    } while (to->open() && to->drained() && !queue_.empty());
  }
  // A flush may have ended it.
  to = stream();
  backlog_ = to != nullptr && (!queue_.empty() || !to->has_room());
  metrics_->queued_bytes = static_cast<std::int64_t>(queue_.bytes());
}

// --- streams ------------------------------------------------------------------------------------

std::int64_t PeerLink::first_attempt_ns() const {
  return shared_->loop->now_ns() + (below_peer() ? 0 : limits::kLinkGraceMs * kMs);
}

void PeerLink::look_up() {
  if (const SocketAddress literal = endpoint_.literal(); !literal.is_none()) {
    return looked_up({literal}, "");
  }
  if (shared_->names == nullptr || looking_up_) return;
  looking_up_ = true;
  std::weak_ptr<int> alive = alive_;
  shared_->names->lookup(endpoint_.host, [this, alive](auto addresses, const std::string& error) {
    if (alive.expired()) return;
    looking_up_ = false;
    looked_up(std::move(addresses), error);
  });
}

void PeerLink::looked_up(std::vector<SocketAddress> addresses, const std::string& error) {
  if (finished_) return;
  for (SocketAddress& address : addresses) address = address.with_port(endpoint_.port);
  if (addresses.empty()) {
    // The old ones may still be right.
    if (shared_->log != nullptr) {
      shared_->log->write(LogLevel::debug, "link: no address",
                          {{"peer", id_.v}, {"name", endpoint_.host}, {"error", error}});
    }
  } else {
    addresses_ = std::move(addresses);
  }
  if (connect_due_ns_ == kNoDeadline) connect_to_next();
}

// A look-up first, each time; kNoDeadline stands for "as soon as it is answered".
void PeerLink::begin_connect() {
  connect_due_ns_ = kNoDeadline;
  look_up();
  if (connect_due_ns_ == kNoDeadline && outbound_ == nullptr && !looking_up_) retry_later();
}

void PeerLink::connect_to_next() {
  if (outbound_ != nullptr || stream() != nullptr) return;
  ++metrics_->connects;
  if (addresses_.empty()) {
    ++metrics_->connects_failed;
    return retry_later();
  }
  const SocketAddress to = addresses_[next_address_++ % addresses_.size()];
  codecs::StreamOptions options;
  options.self = shared_->self;
  options.peer = id_;
  options.boot = shared_->boot;
  options.protection = shared_->protection;
  auto link = std::make_unique<TcpLink>(shared_->streams, codecs::StreamRole::kInitiator, options);
  if (!link->connect(shared_->listen, to).ok()) {
    ++metrics_->connects_failed;
    return retry_later();
  }
  outbound_ = std::move(link);
  ++shared_->metrics.connecting;
}

void PeerLink::retry_later() {
  const std::int64_t grace = below_peer() ? 0 : limits::kLinkGraceMs;
  const std::int64_t jittered = shared_->jitter.between(retry_ms_ / 2, retry_ms_ * 3 / 2);
  connect_due_ns_ = shared_->loop->now_ns() + (grace + jittered) * kMs;
  retry_ms_ = std::min<std::int64_t>(retry_ms_ * 2, limits::kLinkRetryMsMax);
}

void PeerLink::adopt(std::unique_ptr<TcpLink> stream) {
  if (finished_) return;
  PAWL_CHECK(stream->open() && stream->peer() == id_);
  if (inbound_ != nullptr) {
    // The peer would not have begun another one if it still had this.
    std::unique_ptr<TcpLink> old = std::move(inbound_);
    inbound_ = std::move(stream);
    if (!old->closed()) old->abort(TcpEnd::kReplaced);
    bury(&old);
  } else {
    inbound_ = std::move(stream);
  }
  opened(inbound_.get());
}

void PeerLink::opened(TcpLink* stream) {
  ++metrics_->streams_opened;
  ++shared_->metrics.streams_open;
  if (stream == outbound_.get()) --shared_->metrics.connecting;
  settle(stream);
  stream_echo_ = Echo{.number = stream_echo_.number, .trip = stream_echo_.trip};
  stream_echo_.due_ns = shared_->loop->now_ns();
  note_state();
}

// Two streams: one of them goes.
void PeerLink::settle(TcpLink* newest) {
  if (outbound_ == nullptr || inbound_ == nullptr) return;
  if (!outbound_->open() || !inbound_->open()) return;
  if (!(outbound_->agreement().peer_boot == inbound_->agreement().peer_boot)) {
    // The peer has restarted since the older one was made.
    (newest == outbound_.get() ? inbound_ : outbound_)->abort(TcpEnd::kReplaced);
  } else if (!below_peer()) {
    retire(&outbound_);
  }
}

// Says the last record; what still comes is read.
void PeerLink::retire(std::unique_ptr<TcpLink>* stream) {
  TcpLink* raw = stream->get();
  closing_.push_back(std::move(*stream));
  raw->close();
  if (closing_.size() > kClosingMax) closing_.front()->abort(TcpEnd::kReplaced);
}

void PeerLink::bury(std::unique_ptr<TcpLink>* stream) {
  shared_->graveyard.push_back(std::move(*stream));
}

void PeerLink::record(TcpLink* stream, std::string_view record) {
  ++metrics_->records_in;
  if (!deliver(record, Path::kStream)) stream->abort(TcpEnd::kMalformed);
}

void PeerLink::writable(TcpLink* stream) {
  if (stream == this->stream()) pump();
}

void PeerLink::closed(TcpLink* stream) {
  const bool was_open = stream->was_open();
  if (was_open) {
    --shared_->metrics.streams_open;
    if (stream->end() != TcpEnd::kFinished) ++metrics_->streams_broken;
  }
  const auto is_it = [&](const std::unique_ptr<TcpLink>& link) { return link.get() == stream; };
  if (is_it(outbound_)) {
    if (!was_open) {
      --shared_->metrics.connecting;
      ++metrics_->connects_failed;
    }
    bury(&outbound_);
  } else if (is_it(inbound_)) {
    bury(&inbound_);
  } else {
    const auto at = std::find_if(closing_.begin(), closing_.end(), is_it);
    if (at == closing_.end()) return;  // replaced: its owner buries it
    bury(&*at);
    closing_.erase(at);
    return;
  }
  if (finished_) return;
  const std::int64_t lived_ns = shared_->loop->now_ns() - stream->opened_ns();
  if (was_open && lived_ns >= limits::kLinkSilenceMs * kMs) retry_ms_ = limits::kLinkRetryMsMin;
  if (this->stream() == nullptr) {
    if (outbound_ == nullptr) retry_later();
    backlog_ = false;
    dirty_ = true;  // flush() counts what is lost
    if (was_open && udp_live_) doubt_datagrams();
  }
  note_state();
}

// --- timers and state ---------------------------------------------------------------------------

void PeerLink::tick(std::int64_t now_ns) {
  if (finished_) return;
  if (outbound_ != nullptr) outbound_->tick(now_ns);
  if (inbound_ != nullptr) inbound_->tick(now_ns);
  for (std::size_t i = closing_.size(); i > 0; --i) closing_[i - 1]->tick(now_ns);
  if (outbound_ == nullptr && stream() == nullptr && now_ns >= connect_due_ns_) begin_connect();
  say_hello(now_ns);
  if (now_ns >= datagram_echo_.due_ns) echo_datagram(now_ns);
  if (now_ns >= stream_echo_.due_ns) echo_stream(now_ns);
}

std::int64_t PeerLink::deadline_ns() const {
  if (finished_) return kNoDeadline;
  std::int64_t deadline = std::min(datagram_echo_.due_ns, stream_echo_.due_ns);
  if (outbound_ != nullptr) deadline = std::min(deadline, outbound_->deadline_ns());
  if (inbound_ != nullptr) deadline = std::min(deadline, inbound_->deadline_ns());
  for (const auto& link : closing_) deadline = std::min(deadline, link->deadline_ns());
  if (outbound_ == nullptr && stream() == nullptr) deadline = std::min(deadline, connect_due_ns_);
  const std::int64_t hello_ms = session_.next_poll_ms();
  if (shared_->udp.is_open() && hello_ms != INT64_MAX) {
    deadline = std::min(deadline, std::max<std::int64_t>(hello_ms, 0) * kMs);
  }
  return deadline;
}

void PeerLink::echo_stream(std::int64_t now_ns) {
  stream_echo_.due_ns = now_ns + kStreamEchoMs * kMs;
  if (stream() == nullptr) return;
  std::string payload;
  ByteWriter(&payload).fixed64(++stream_echo_.number);
  stream_echo_.open = queue_.push({codecs::FrameKind::kEcho, true, payload}, backlog_);
  stream_echo_.sent_ns = now_ns;
  dirty_ = true;
}

void PeerLink::note_trip() {
  const RoundTrip& trip =
      datagram_echo_.trip.known() && udp_live_ ? datagram_echo_.trip : stream_echo_.trip;
  metrics_->round_trip_us = (trip.smoothed_ns() + 999) / 1000;
  metrics_->round_trip_var_us = (trip.deviation_ns() + 999) / 1000;
}

void PeerLink::note_state() {
  metrics_->stream_open = stream() != nullptr;
  metrics_->udp_live = udp_live_;
  if (up() == was_up_ || finished_) return;
  was_up_ = up();
  if (shared_->log != nullptr) {
    shared_->log->write(LogLevel::info, was_up_ ? "link: up" : "link: down", {{"peer", id_.v}});
  }
  shared_->handler->on_link(id_, was_up_);
}

void PeerLink::move_to(const Endpoint& endpoint) {
  if (endpoint == endpoint_) return;
  endpoint_ = endpoint;
  alive_ = std::make_shared<int>(0);  // a look-up under way is of the old name
  looking_up_ = false;
  addresses_.clear();
  next_address_ = 0;
  if (outbound_ != nullptr && !outbound_->open()) outbound_->abort(TcpEnd::kReplaced);
  if (stream() == nullptr) connect_due_ns_ = first_attempt_ns();
  look_up();
}

void PeerLink::use_keyring() {
  session_.use_keyring(shared_->ring);
  for (std::unique_ptr<TcpLink>* link : {&outbound_, &inbound_}) {
    if (*link == nullptr || !(*link)->open()) continue;
    if (shared_->ring.accepted((*link)->agreement().key) == nullptr) retire(link);
  }
  if (stream() == nullptr && outbound_ == nullptr) {
    connect_due_ns_ = first_attempt_ns();
  }
  note_state();
}

void PeerLink::close() {
  flush();
  finished_ = true;
  for (std::unique_ptr<TcpLink>* link : {&outbound_, &inbound_}) {
    if (*link != nullptr) (*link)->close();
  }
}

// --- what comes in ------------------------------------------------------------------------------

bool PeerLink::deliver(std::string_view batch, Path path) {
  codecs::FrameReader reader(batch);
  codecs::Frame frame;
  codecs::FrameStep step;
  while ((step = reader.next(&frame)) == codecs::FrameStep::kFrame) {
    if (finished_) return true;
    take(frame, path);
  }
  metrics_->unknown_kinds += reader.skipped();
  if (step == codecs::FrameStep::kEnd) return true;
  // The rest of the batch is refused. A stream goes on after a kind that a newer build knows.
  if (step == codecs::FrameStep::kUnknownKind) {
    ++metrics_->unknown_kinds;
    return true;
  }
  ++metrics_->malformed;
  return false;
}

void PeerLink::take(const codecs::Frame& frame, Path path) {
  switch (frame.kind) {
    case codecs::FrameKind::kEcho:
      return answer_echo(frame.payload, path);
    case codecs::FrameKind::kEchoReply:
      return take_echo_reply(frame.payload, path);
    default:
      break;
  }
  ++metrics_->frames_in;
  metrics_->bytes_in += frame.payload.size();
  shared_->handler->on_frame(id_, frame.kind, frame.payload);
}

// By the path it came, at this turn's end.
void PeerLink::answer_echo(std::string_view payload, Path path) {
  const codecs::Frame reply{codecs::FrameKind::kEchoReply, true, payload};
  if (payload.size() > codecs::kDatagramFramePayloadBytesMax) return;
  dirty_ = true;
  if (path == Path::kDatagram) {
    put_datagram(reply);
  } else if (stream() != nullptr) {
    queue_.push(reply, backlog_);
  }
}

void PeerLink::take_echo_reply(std::string_view payload, Path path) {
  Echo& echo = path == Path::kDatagram ? datagram_echo_ : stream_echo_;
  if (!echo.open || ByteReader(payload).fixed64() != echo.number) return;
  const std::int64_t now_ns = shared_->loop->now_ns();
  echo.open = false;
  echo.misses = 0;
  ++echo.answers;
  echo.trip.sample(now_ns - echo.sent_ns);
  note_trip();
  if (path != Path::kDatagram || udp_live_) return;
  echo_retry_ms_ = 4 * limits::kEchoMs;
  if (echo.answers >= limits::kEchoAnswersMin) {
    set_udp_live(true);
  } else {
    echo.due_ns = now_ns;
  }
}

}  // namespace pawl::daemon
