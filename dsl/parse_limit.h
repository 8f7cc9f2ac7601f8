// [limit.NAME], and the `limits` of tasks that name them.
#pragma once

#include <string>
#include <vector>

#include "dsl/parse_context.h"

namespace pawl::dsl {

// Sorted by name; the context knows their names from then on.
std::vector<LimitSpec> parse_limits(const TomlNode& node, ParseContext* context);

// `limits = "NAME"` or a list of names: sorted, none twice.
std::vector<std::string> parse_task_limits(const TomlNode& node, ParseContext* context);

}  // namespace pawl::dsl
