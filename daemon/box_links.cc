#include "daemon/box_links.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "daemon/api.h"
#include "daemon/config_cluster.h"
#include "daemon/keyring_file.h"

namespace pawl::daemon {

BoxLinks::BoxLinks(EventLoop* loop, const Logger* logger)
    : logger_(*logger), names_(loop), links_(loop, this, &random_, &names_, logger) {}

absl::Status BoxLinks::open(const Config::Cluster& cluster, Api* api) {
  api_ = api;
  PeerLinks::Options options;
  options.self = NodeId(static_cast<std::uint64_t>(cluster.node));
  options.listen = listen_address(cluster);
  for (const Config::Cluster::Peer& peer : other_boxes(cluster)) {
    options.peers.push_back({NodeId(static_cast<std::uint64_t>(peer.node)), peer.address});
  }
  configured_ = options.peers;
  if (!cluster.keyring.empty()) {
    auto ring = read_keyring(cluster.keyring, std::getenv("CREDENTIALS_DIRECTORY"));
    if (!ring.ok()) return ring.status();
    options.keyring = std::move(*ring);
  }
  return links_.open(std::move(options));
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
  links_.set_peers(std::move(wanted));
}

void BoxLinks::on_frame(NodeId from, codecs::FrameKind kind, std::string_view payload) {
  api_->handle(node::PeerFrame{from, kind, payload});
}

void BoxLinks::on_link(NodeId peer, bool up) { api_->handle(node::PeerLink{peer, up}); }

}  // namespace pawl::daemon
