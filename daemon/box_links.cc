#include "daemon/box_links.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/limits.h"
#include "daemon/api.h"
#include "daemon/cold_thread.h"
#include "daemon/config_cluster.h"
#include "daemon/keyring_file.h"

namespace pawl::daemon {

BoxLinks::BoxLinks(EventLoop* loop, const Logger* logger)
    : logger_(*logger), names_(loop), links_(loop, this, &random_, &names_, logger), loop_(loop) {}

BoxLinks::~BoxLinks() {
  loop_->remove_hook(this);
  if (rotation_ != nullptr) loop_->remove_hook(rotation_.get());
}

absl::Status BoxLinks::open(const Config& config, ColdThread* cold, Api* api) {
  const Config::Cluster& cluster = config.cluster;
  api_ = api;
  loop_->add_hook(this);
  PeerLinks::Options options;
  options.self = NodeId(static_cast<std::uint64_t>(cluster.node));
  options.listen = listen_address(cluster);
  for (const Config::Cluster::Peer& peer : other_boxes(cluster)) {
    options.peers.push_back({NodeId(static_cast<std::uint64_t>(peer.node)), peer.address});
  }
  configured_ = options.peers;
  if (!cluster.keyring.empty()) {
    auto ring = read_newest_keyring(cluster.keyring, std::getenv("CREDENTIALS_DIRECTORY"),
                                    config.server.data);
    if (!ring.ok()) return ring.status();
    make_rotation(options.self, config.server.data, cold, *ring);
    options.keyring = std::move(*ring);
  }
  return links_.open(std::move(options));
}

void BoxLinks::make_rotation(NodeId self, const std::string& data, ColdThread* cold,
                             const codecs::Keyring& ring) {
  KeyRotation::Parts parts;
  parts.self = self;
  parts.random = &random_;
  parts.log = &logger_;
  parts.wall_seconds = [] { return std::int64_t{std::time(nullptr)}; };
  parts.peers = [this] { return peers_; };
  parts.send = [this](NodeId to, codecs::FrameKind kind, std::string_view payload) {
    links_.send(to, kind, payload);
  };
  parts.store = [data, cold](const codecs::Keyring& wanted, auto done) {
    const bool taken = cold->submit([data, wanted, done]() -> ColdThread::Completion {
      absl::Status stored = replace_rotated_keyring(data, wanted);
      return [done, stored] { done(stored); };
    });
    if (!taken) done(absl::ResourceExhaustedError("the box is busy"));
  };
  parts.use = [this](const codecs::Keyring& now) { links_.use_keyring(now); };
  rotation_ = std::make_unique<KeyRotation>(std::move(parts), ring);
  loop_->add_hook(rotation_.get());
}

void BoxLinks::set_peers(const std::vector<std::pair<NodeId, std::string>>& peers) {
  std::vector<PeerLinks::Peer> wanted;
  for (const auto& [id, address] : peers) {
    const auto at = std::find_if(configured_.begin(), configured_.end(),
                                 [id = id](const auto& peer) { return peer.id == id; });
    PeerLinks::Peer peer{id, {}};
    if (at != configured_.end()) {
      peer.endpoint = at->endpoint;
    } else if (!parse_endpoint(address, &peer.endpoint).empty()) {
      logger_.write(LogLevel::error, "cluster: a box has no address: name it in [[cluster.peer]]",
                    {{"node", id.v}});
      continue;
    }
    wanted.push_back(std::move(peer));
  }
  peers_.clear();
  for (const PeerLinks::Peer& peer : wanted) peers_.push_back(peer.id);
  links_.set_peers(std::move(wanted));
}

// In turns that there are anyway: a cluster's box wakes up for its heartbeats.
void BoxLinks::end_turn(std::int64_t now_ns) {
  if (now_ns - told_ns_ < limits::kBoxStatusMs * 1'000'000) return;
  told_ns_ = now_ns;
  for (const PeerMetrics& peer : links_.metrics().peers) {
    if (!links_.up(peer.id)) continue;
    api_->handle(node::RoundTrip{peer.id, peer.round_trip_us + 4 * peer.round_trip_var_us});
  }
}

void BoxLinks::on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) {
  if (kind == codecs::FrameKind::kKeyStep || kind == codecs::FrameKind::kKeyReport) {
    if (rotation_ != nullptr) rotation_->on_frame(from, kind, payload);
    return;
  }
  api_->handle(node::PeerFrame{from, kind, payload});
}

void BoxLinks::on_link(NodeId peer, bool up) { api_->handle(node::PeerLink{peer, up}); }

}  // namespace pawl::daemon
