// Where tests of definitions stand: NAME.test.toml beside NAME.toml.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pawl::cli {

// The test files that these paths mean: themselves, those beside definitions, and those below
// directories, sorted. InvalidArgument if a path is not there or has no tests.
absl::StatusOr<std::vector<std::string>> find_test_files(const std::vector<std::string>& paths);

// NAME.toml of NAME.test.toml.
std::string definition_of(const std::string& test_file);

}  // namespace pawl::cli
