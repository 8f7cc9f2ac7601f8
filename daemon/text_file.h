// Reads a small file of settings whole.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace pawl::daemon {

// NotFound, PermissionDenied, or ResourceExhausted past `bytes_max`. Regular files alone.
absl::StatusOr<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace pawl::daemon
