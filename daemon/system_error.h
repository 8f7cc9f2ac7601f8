// errno as an absl::Status that names the operation and what it was done to.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pawl::daemon {

// "bind /run/pawl/pawl.sock: Permission denied: hint". `hint` says what to do and may be empty.
absl::Status system_error(int error, std::string_view operation, std::string_view subject,
                          std::string_view hint = {});

}  // namespace pawl::daemon
