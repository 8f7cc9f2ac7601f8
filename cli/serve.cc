// `pawl serve`: reads the configuration, wires the daemon, runs it.
#include "cli/serve.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "base/digest.h"
#include "cli/cli.h"
#include "daemon/app.h"
#include "daemon/config.h"
#include "daemon/logging.h"

extern char** environ;

namespace pawl::cli {
namespace {

struct ServeOptions {
  std::string config, data, socket;
  bool dev = false;
};

// False, with the exit status, if the daemon is not to run.
bool parse(const std::vector<std::string>& args, ServeOptions* options, int* exit_status) {
  CLI::App app("Runs the daemon until SIGTERM.", "pawl serve");
  app.add_option("--config", options->config,
                 "Configuration file (else /etc/pawl/pawld.toml and /etc/pawl/conf.d)")
      ->type_name("FILE");
  app.add_option("--data", options->data, "Directory of the store (else server.data)")
      ->type_name("DIR");
  app.add_option("--socket", options->socket, "The Unix socket (else server.socket)")
      ->type_name("PATH");
  app.add_flag("--dev", options->dev,
               "One box, no configuration needed; you administer it; keeps what is in --data");
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
    return true;
  } catch (const CLI::Success& help) {
    *exit_status = app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "pawl serve: %s\nhint: `pawl serve --help` shows what it takes\n",
                 error.what());
    *exit_status = kUsage;
  }
  return false;
}

std::vector<daemon::ConfigSetting> settings_of(const ServeOptions& options) {
  std::vector<daemon::ConfigSetting> flags;
  const char* socket = std::getenv("PAWL_SOCKET");
  if (!options.data.empty()) {
    flags.push_back({"server.data", options.data, "--data"});
  } else if (options.dev) {
    flags.push_back({"server.data", "./pawl-data", "--dev"});
  }
  if (!options.socket.empty()) {
    flags.push_back({"server.socket", options.socket, "--socket"});
  } else if (socket != nullptr && *socket != '\0') {
    flags.push_back({"server.socket", socket, "PAWL_SOCKET"});
  } else if (options.dev) {
    flags.push_back({"server.socket", "./pawl.sock", "--dev"});
  }
  return flags;
}

}  // namespace

int serve_main(const std::vector<std::string>& args) {
  ServeOptions options;
  int exit_status = 0;
  if (!parse(args, &options, &exit_status)) return exit_status;
  prepare_digests();
  daemon::Logger logger(2);
  const auto flags = settings_of(options);
  absl::StatusOr<daemon::ConfigSources> sources = daemon::ConfigSources{};
  if (options.dev && options.config.empty()) {
    sources->settings = flags;
  } else {
    sources = daemon::collect_config(options.config, environ, flags);
  }
  if (!sources.ok()) {
    logger.write(daemon::LogLevel::error, "configuration: can't be read",
                 {{"why", std::string(sources.status().message())}});
    return kFailed;
  }
  daemon::App::Options app_options;
  app_options.loaded = daemon::make_config(*sources);
  if (!app_options.loaded.ok) {
    for (const std::string& error : app_options.loaded.errors) std::fputs(error.c_str(), stderr);
    return kFailed;
  }
  app_options.config = app_options.loaded.config;
  app_options.dev = options.dev;
  app_options.config_file = options.config;
  app_options.flags = flags;
  logger.set_level(app_options.config.log.level);
  daemon::App app(std::move(app_options), &logger);
  const absl::Status opened = app.open();
  if (!opened.ok()) {
    logger.write(daemon::LogLevel::error, "start: failed",
                 {{"why", std::string(opened.message())}});
    return kFailed;
  }
  return app.run();
}

}  // namespace pawl::cli
