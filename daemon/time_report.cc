#include "daemon/time_report.h"

#include <utility>

namespace pawl::daemon {

void TimeReport::look(const node::Node& node, Logger& logger) {
  const Time now = !node.time_known() ? Time::not_known
                   : node.time_held() ? Time::held
                                      : Time::follows;
  if (std::exchange(was_, now) == now) return;
  switch (now) {
    case Time::not_known:
      return logger.write(LogLevel::info,
                          "time: the store is new, it waits for what most boxes' clocks say");
    case Time::held:
      return logger.write(LogLevel::warning,
                          "time: held, this box's clock jumped ahead and is not believed; timers "
                          "run on from the last stamp (`pawl cluster time accept` vouches for the "
                          "clock)");
    case Time::follows:
      return logger.write(LogLevel::notice, "time: follows the clock");
  }
}

}  // namespace pawl::daemon
