// Problem documents (RFC 9457) as messages for people: what was refused, why, and what to do next.
#pragma once

#include <string>

#include "cli/cli.h"
#include "cli/http_response.h"
#include "dsl/value.h"

namespace pawl::cli {

// The exit status for an HTTP status that is not a 2xx.
Exit exit_of(int http_status);

// Several lines, the last one "hint: ..."; without a line break at the end. `problem` is the body
// as a value, null if it was no JSON.
std::string describe_problem(const Response& response, const dsl::Value& problem);

// The diagnostics of a refused or warned-about definition, each as `pawl check` prints it. `items`
// is a list of {severity, file, line, column, length, message, hint, line_text}.
std::string describe_diagnostics(const dsl::Value& items, const std::string& file);

}  // namespace pawl::cli
