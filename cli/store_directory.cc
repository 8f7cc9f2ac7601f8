#include "cli/store_directory.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/config.h"
#include "daemon/config_cluster.h"

extern char** environ;

namespace pawl::cli {

void StoreWish::declare(Arguments& arguments, const std::string& data_help) {
  arguments.option("--data", "DIR", &data, data_help);
  arguments.option("--config", "FILE", &config,
                   "Configuration file (else /etc/pawl/pawld.toml and /etc/pawl/conf.d)");
}

absl::StatusOr<StoreDirectory> find_store_directory(const StoreWish& wish) {
  if (!wish.data) return find_new_store(wish);
  StoreDirectory found;
  found.path = *wish.data;
  return found;
}

absl::StatusOr<StoreDirectory> find_new_store(const StoreWish& wish) {
  if (wish.data && !wish.config) return find_store_directory(wish);
  StoreDirectory found;
  const auto sources = daemon::collect_config(wish.config.value_or(""), environ, {});
  if (!sources.ok()) return sources.status();
  const auto loaded = daemon::make_config(*sources);
  if (!loaded.ok) {
    std::string text = "the configuration has mistakes:\n";
    for (const std::string& error : loaded.errors) text += error;
    return absl::InvalidArgumentError(text);
  }
  found.path = wish.data.value_or(loaded.config.server.data);
  found.wanted = daemon::wanted_store(loaded.config);
  found.address = daemon::own_address(loaded.config.cluster);
  found.segment_bytes = static_cast<std::uint32_t>(loaded.config.journal.segment_bytes);
  found.preallocate = loaded.config.journal.preallocate;
  return found;
}

absl::Status become_owner_of(const std::string& directory) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &status) != 0 || status.st_uid == 0) {
    return absl::OkStatus();
  }
  if (::setgroups(0, nullptr) == 0 && ::setgid(status.st_gid) == 0 &&
      ::setuid(status.st_uid) == 0) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError("becoming the owner of " + directory + ": " +
                                     std::strerror(errno));
}

}  // namespace pawl::cli
