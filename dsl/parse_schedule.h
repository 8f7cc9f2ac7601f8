// [schedule.NAME]: when runs of the workflow start by themselves.
#pragma once

#include <vector>

#include "dsl/parse_context.h"

namespace pawl::dsl {

// Sorted by name. `input`: what a start must bring; null for anything.
std::vector<Schedule> parse_schedules(const TomlNode& node, const Fields* input,
                                      ParseContext* context);

}  // namespace pawl::dsl
