// Names by c-ares: /etc/hosts and the servers of /etc/resolv.conf, asked without blocking and
// without the name services of glibc, which a static binary does not have.
//
// The files are read anew whenever nothing is being asked: a box that has got another name server
// by DHCP uses it. An answer is only where to try; who is there is proved by the keyring. Loop
// thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/event_loop.h"
#include "daemon/name_lookup.h"

namespace pawl::daemon {

class AresLookup final : public NameLookup {
 public:
  // Joins the loop, which outlives it.
  explicit AresLookup(EventLoop* loop);
  ~AresLookup() override;
  AresLookup(const AresLookup&) = delete;
  AresLookup& operator=(const AresLookup&) = delete;

  // Gives up after about 6 seconds.
  void lookup(const std::string& name, Done done) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
