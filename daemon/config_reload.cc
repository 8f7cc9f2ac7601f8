#include "daemon/config_reload.h"

namespace pawl::daemon {

std::optional<Config> read_config_again(const std::string& file, const char* const* environment,
                                        const std::vector<ConfigSetting>& flags,
                                        const ConfigResult& before, const Logger& logger) {
  const auto sources = collect_config(file, environment, flags);
  if (!sources.ok()) {
    logger.write(LogLevel::error, "reload: kept the old configuration",
                 {{"why", std::string(sources.status().message())}});
    return std::nullopt;
  }
  ConfigResult result = make_config(*sources);
  for (const std::string& error : result.errors) {
    logger.write(LogLevel::error, "reload: kept the old configuration", {{"why", error}});
  }
  if (!result.ok) return std::nullopt;
  for (const std::string& key : keys_needing_restart(before, result)) {
    logger.write(LogLevel::notice, "reload: this key changes at the next restart", {{"key", key}});
  }
  return std::move(result.config);
}

}  // namespace pawl::daemon
