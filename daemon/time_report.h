// Says in the log, once each time it changes, whether the node's time follows the box's clock
// (node/node_time.h).
#pragma once

#include <cstdint>

#include "daemon/logging.h"
#include "node/node.h"

namespace pawl::daemon {

class TimeReport {
 public:
  // At the end of a turn.
  void look(const node::Node& node, Logger& logger);

 private:
  enum class Time : std::uint8_t { follows, held, not_known };
  Time was_ = Time::follows;
};

}  // namespace pawl::daemon
