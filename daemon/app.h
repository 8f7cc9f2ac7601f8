// The daemon put together: store, journal, node, disk and cold threads, HTTP, API. `open` does all
// that a start does, `run` serves until it is told to stop or the disk fails.
//
// A turn of the loop: finished disk batches come in (answers go out), requests come in, timers
// fire, and then everything that queued meanwhile leaves as one batch for the disk thread.
//
// Stopping: no new connections; parked polls, awaits and follows are answered; what is under way is
// committed and answered; snapshots are written if they spare much replay; the journal's tail is
// marked. A kill at any moment instead loses nothing that was acknowledged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "daemon/config.h"
#include "daemon/logging.h"

namespace pawl::daemon {

class App {
 public:
  struct Options {
    Config config;            // loaded.config, or what --dev makes of it
    ConfigResult loaded;      // what a reload is compared with
    bool dev = false;         // the user who runs it administers it, and the clock is trusted
    std::string config_file;  // for SIGHUP
    std::vector<ConfigSetting> flags;
  };

  App(Options options, Logger* logger);
  ~App();

  // Recovers the store and starts listening. What failed, and what to do, is in the status.
  absl::Status open();
  // Returns the process's exit status.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pawl::daemon
