// [cluster] of the configuration: which box this is, and where all boxes are. What has to fit
// together over several keys is checked here; each value by itself where it is read
// (config_keys.cc).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/socket_address.h"
#include "daemon/store.h"

namespace pawl::daemon {

// One mistake: which key's value shows it, of `peer` the item, and what to do.
struct ClusterFault {
  std::string key;                  // "cluster.node"
  std::optional<std::size_t> item;  // of cluster.peer
  std::string message;
  std::string hint;
};

// Everything that is wrong with a cluster whose values are right one by one. A box without
// cluster.node and peers is alone, and nothing is wrong with that.
std::vector<ClusterFault> check_cluster(const Config::Cluster& cluster);

// Where this box listens: cluster.listen, else its own entry's address if that is a literal one,
// else every IPv4 address with the entry's port. Of a configuration without faults.
SocketAddress listen_address(const Config::Cluster& cluster);
// The other boxes, in the order of the configuration.
std::vector<Config::Cluster::Peer> other_boxes(const Config::Cluster& cluster);
// Where the others reach this box; "" of a box alone.
std::string own_address(const Config::Cluster& cluster);
// The box and the founders of the store that the configuration speaks of, and its groups.
StoreIdentity wanted_store(const Config& config);

}  // namespace pawl::daemon
