// Puts new content in a file's place at once: whoever reads it sees the old one or the new one,
// also after a crash.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pawl::cli {

// The file keeps its mode and, where this user may, its owner; a link goes on pointing to it.
absl::Status replace_file(const std::string& path, std::string_view content);

}  // namespace pawl::cli
