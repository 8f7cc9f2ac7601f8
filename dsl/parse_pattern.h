// Error types in a definition: what `catch` and `never` match.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/toml_tree.h"

namespace pawl::dsl {

// A string or a list of strings, each an exact error type or a prefix that ends in '*'. One that
// begins with `sys.` must match an error of the engine's own.
std::vector<std::string> read_error_patterns(const TomlNode& node, DiagnosticList* diagnostics);

// The type of an error that a definition raises itself: a name, and none of the engine's own.
void check_raised_type(std::string_view type, Place place, DiagnosticList* diagnostics);

}  // namespace pawl::dsl
