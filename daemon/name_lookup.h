// Names to addresses, without blocking the loop: an interface, so that a test gives a peer a new
// address; ares_lookup.h is the real one. Loop thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/socket_address.h"

namespace pawl::daemon {

class NameLookup {
 public:
  // Addresses with port 0 in the order they should be tried, at most kAddressesPerNameMax; none
  // with a reason.
  using Done = std::function<void(std::vector<SocketAddress>, const std::string& error)>;

  virtual ~NameLookup() = default;
  // Calls `done` once: within this call or in a later turn, and never after `this` is gone.
  virtual void lookup(const std::string& name, Done done) = 0;
};

}  // namespace pawl::daemon
