// SIGHUP: the configuration read again while the daemon runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/logging.h"

namespace pawl::daemon {

// What file, environment and flags say now. Absent if there is a mistake in it: the old one stays
// in force. Says in the log what is wrong, and which keys differ from `before` that only a restart
// changes.
std::optional<Config> read_config_again(const std::string& file, const char* const* environment,
                                        const std::vector<ConfigSetting>& flags,
                                        const ConfigResult& before, const Logger& logger);

}  // namespace pawl::daemon
