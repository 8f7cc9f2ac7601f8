// The data directory that a command works on without a daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "daemon/store.h"
#include "log/file_system.h"

namespace pawl::cli {

struct StoreDirectory {
  std::string path;
  // How the daemon would write its journal.
  std::uint32_t segment_bytes = limits::kSegmentBytesDefault;
  log::Preallocate preallocate = log::Preallocate::kZero;
  // Whose store it is to be: a box alone, unless a configuration with [cluster] was read.
  daemon::StoreIdentity wanted;
  std::string address;  // of a cluster's box
};

// The arguments of a command that say which store it is for.
struct StoreWish {
  std::optional<std::string> data, config;
  // `--data DIR`, explained so, and `--config FILE`.
  void declare(Arguments& arguments, const std::string& data_help);
};

// `data` if it is given, and then no configuration is read; else server.data of the configuration
// (`config`, or the packaged files). InvalidArgument if that has mistakes.
absl::StatusOr<StoreDirectory> find_store_directory(const StoreWish& wish);
// The same for a store that is to be made: beside `data` a `config` that is named counts for all
// else.
absl::StatusOr<StoreDirectory> find_new_store(const StoreWish& wish);

// Root goes on as the owner of the directory: what root made there the daemon could not write.
absl::Status become_owner_of(const std::string& directory);

}  // namespace pawl::cli
