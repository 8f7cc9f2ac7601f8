#include "daemon/config_cluster.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"

namespace pawl::daemon {
namespace {

using Box = Config::Cluster::Peer;

const Box* own_entry(const Config::Cluster& cluster) {
  const auto at = std::find_if(cluster.peers.begin(), cluster.peers.end(),
                               [&](const Box& peer) { return peer.node == cluster.node; });
  return at == cluster.peers.end() ? nullptr : &*at;
}

std::string node_text(std::int64_t node) { return std::to_string(node); }

void check_twice(const Config::Cluster& cluster, std::vector<ClusterFault>* faults) {
  for (std::size_t i = 0; i < cluster.peers.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      const Box &now = cluster.peers[i], &before = cluster.peers[k];
      if (now.node == before.node) {
        faults->push_back({"cluster.peer", i, "node " + node_text(now.node) + " is listed twice",
                           "each box has an id of its own, which it never gives up"});
      } else if (now.address == before.address) {
        faults->push_back(
            {"cluster.peer", i,
             "node " + node_text(now.node) + " has the address of node " + node_text(before.node),
             ""});
      }
    }
  }
}

// Without a keyring nothing guards what boxes send one another.
void check_plain(const Config::Cluster& cluster, std::vector<ClusterFault>* faults) {
  const std::string hint =
      "make a keyring with `pawl cluster init` and name it in cluster.keyring, or keep to literal "
      "loopback addresses";
  for (std::size_t i = 0; i < cluster.peers.size(); ++i) {
    const Endpoint& address = cluster.peers[i].address;
    if (address.literal().is_loopback()) continue;
    faults->push_back({"cluster.peer", i,
                       address.text() + " is not on the loopback, and there is no keyring", hint});
    return;
  }
  if (!listen_address(cluster).is_loopback()) {
    faults->push_back(
        {"cluster.listen", {}, "the box would listen beyond the loopback without a keyring", hint});
  }
}

}  // namespace

std::vector<ClusterFault> check_cluster(const Config::Cluster& cluster) {
  std::vector<ClusterFault> faults;
  if (cluster.node == 0 && cluster.peers.empty()) {
    if (!cluster.listen.empty() || !cluster.keyring.empty()) {
      faults.push_back({!cluster.listen.empty() ? "cluster.listen" : "cluster.keyring",
                        {},
                        "there is no cluster: cluster.node is not set",
                        "give this box an id, and list all boxes in [[cluster.peer]]"});
    }
    return faults;
  }
  if (cluster.peers.size() > static_cast<std::size_t>(limits::kVotersMax)) {
    faults.push_back({"cluster.peer", static_cast<std::size_t>(limits::kVotersMax),
                      "there are " + std::to_string(cluster.peers.size()) +
                          " boxes; a cluster has at most " + std::to_string(limits::kVotersMax),
                      ""});
  }
  check_twice(cluster, &faults);
  const auto founds = [](const Box& peer) { return peer.founder; };
  if (!cluster.peers.empty() && std::none_of(cluster.peers.begin(), cluster.peers.end(), founds)) {
    faults.push_back({"cluster.peer", 0, "no box is a founder",
                      "founder = false is for boxes that were added to a cluster; the list also "
                      "names those that founded it, gone or not"});
  }
  if (cluster.node == 0) {
    faults.push_back({"cluster.peer", 0, "cluster.node does not say which of the boxes this is",
                      "set node in [cluster] to this box's id"});
  } else if (own_entry(cluster) == nullptr) {
    faults.push_back({"cluster.node",
                      {},
                      "node " + node_text(cluster.node) + " is not among [[cluster.peer]]",
                      "the list names every box, this one too, and is the same on all"});
  } else if (cluster.keyring.empty()) {
    check_plain(cluster, &faults);
  }
  return faults;
}

SocketAddress listen_address(const Config::Cluster& cluster) {
  const Box* own = own_entry(cluster);
  PAWL_CHECK(own != nullptr);
  Endpoint endpoint = own->address;
  if (!cluster.listen.empty()) {
    PAWL_CHECK(parse_endpoint(cluster.listen, &endpoint).empty());
  }
  const SocketAddress literal = endpoint.literal();
  return literal.is_none() ? SocketAddress::literal("0.0.0.0", endpoint.port) : literal;
}

std::vector<Box> other_boxes(const Config::Cluster& cluster) {
  std::vector<Box> others;
  for (const Box& peer : cluster.peers) {
    if (peer.node != cluster.node) others.push_back(peer);
  }
  return others;
}

std::string own_address(const Config::Cluster& cluster) {
  const Box* own = own_entry(cluster);
  return own == nullptr ? "" : own->address.text();
}

StoreIdentity wanted_store(const Config& config) {
  StoreIdentity store;
  store.run_groups = static_cast<std::uint16_t>(config.store.groups);
  if (config.cluster.node == 0) return store;
  store.box = NodeId(static_cast<std::uint64_t>(config.cluster.node));
  store.founders.clear();
  for (const Config::Cluster::Peer& peer : config.cluster.peers) {
    if (peer.founder) store.founders.push_back(NodeId(static_cast<std::uint64_t>(peer.node)));
  }
  std::sort(store.founders.begin(), store.founders.end());
  return store;
}

}  // namespace pawl::daemon
