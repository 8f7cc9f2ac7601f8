// The daemon's configuration: pawld.toml, schema = 1.
//
// Layers, each over the ones before: built-in defaults, /etc/pawl/pawld.toml,
// /etc/pawl/conf.d/*.toml in name order (tables merge key by key, arrays replace),
// PAWL_SECTION__KEY in the environment, flags. Every key keeps where its value came from. All
// mistakes of all layers are reported at once, each with file:line:column, the line, a caret and a
// hint; with any mistake there is no Config. config_keys.cc is the one table of keys.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/logging.h"
#include "daemon/roles.h"
#include "daemon/socket_address.h"
#include "log/operation.h"

namespace pawl::daemon {

struct Config {
  struct Server {
    std::string data;              // directory of the journal and snapshots
    std::string socket;            // path
    std::int64_t socket_mode = 0;  // permission bits
    std::string socket_group;      // name, number or empty: leave it
    std::int64_t spin_us = 0;      // threads poll this long before they sleep
  } server;
  struct Journal {
    std::int64_t segment_bytes = 0;
    log::Preallocate preallocate = log::Preallocate::kZero;
    std::int64_t scrub_pause_ms = 0;  // between passes that take deleted data off the disk
  } journal;
  struct Store {
    std::int64_t groups = 0;  // run groups of a new store
  } store;
  struct History {
    // How long a closed run is kept whose workflow does not say; absent: for ever.
    std::optional<std::int64_t> closed_ms;
  } history;
  struct Roles {
    std::vector<std::string> of[kRoles];  // principals as written, by Role
    bool built_in[kRoles] = {};           // by Role: nobody wrote them, they are the defaults
  } roles;
  struct Cluster {
    struct Peer {
      std::int64_t node = 0;
      Endpoint address;
      bool founder = true;  // false: it was added to a cluster that was there
      friend bool operator==(const Peer&, const Peer&) = default;
    };
    std::int64_t node = 0;    // this box's id, from 1; 0: it is alone
    std::string listen;       // "HOST:PORT" with a literal host; empty: see config_cluster.h
    std::string keyring;      // path, "credential:NAME", or empty: plain, on the loopback alone
    std::vector<Peer> peers;  // all boxes, this one too
  } cluster;
  struct Log {
    LogLevel level = LogLevel::info;
  } log;
};

// One layer's text or setting and where it is from.
struct ConfigFile {
  std::string path;  // for messages and origins
  std::string text;
};
struct ConfigSetting {
  std::string key;     // "server.socket"
  std::string value;   // as text: 'true', '8', 'a path', or a TOML array for lists
  std::string origin;  // "PAWL_SERVER__SOCKET", "--socket"
};
struct ConfigSources {
  std::vector<ConfigFile> files;        // weakest first
  std::vector<ConfigSetting> settings;  // weakest first; over the files
};

// Where one key's value came from, for `config dump --origin`.
struct ConfigOrigin {
  std::string key;       // "server.socket"
  std::string value;     // as TOML
  std::string origin;    // "default", "/etc/pawl/pawld.toml:12", "PAWL_SERVER__SOCKET", "--socket"
  bool restart = false;  // a change needs a restart
};

struct ConfigResult {
  bool ok = false;
  Config config;                      // if ok
  std::vector<ConfigOrigin> origins;  // every key, in the order of the documentation
  std::vector<std::string> errors;    // rendered, each ending in '\n'
};

// Pure: merges and checks. Roles' names are checked for form alone.
ConfigResult make_config(const ConfigSources& sources);

// Collects the layers from the machine: `file` ("": /etc/pawl/pawld.toml and /etc/pawl/conf.d,
// missing is fine; else that file alone, which must exist), PAWL_*__* of `environment`
// ("NAME=value", as environ), `flags`. An error is a file that can't be read or is too large.
absl::StatusOr<ConfigSources> collect_config(const std::string& file,
                                             const char* const* environment,
                                             std::vector<ConfigSetting> flags);

// Keys that differ and need a restart, for SIGHUP.
std::vector<std::string> keys_needing_restart(const ConfigResult& before,
                                              const ConfigResult& after);

// The TOML text of all keys, with "# from ORIGIN" behind each if `with_origin`.
std::string dump_config(const ConfigResult& result, bool with_origin);

// The role map of a configuration; names that don't exist on this machine are put into *unknown,
// except the built-in ones: nobody wrote those, and a machine may well lack them.
RoleMap make_roles(const Config& config, const Accounts& accounts,
                   std::vector<std::string>* unknown);

}  // namespace pawl::daemon
