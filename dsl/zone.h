// Named time zones: what clocks in "Europe/Paris" show. The tables are part of the program
// (zone_table.inc, made from tzdata by zone_table.py), so that an expression means the same on
// every box and nothing is read from a disk (decision 0059). They hold what changed since 1970;
// before, the offset of 1970 is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::dsl {

// Seconds east of UTC in a zone of the tz database, by its exact name, at a moment (seconds since
// 1970); false if there is no such zone.
bool zone_offset(std::string_view name, std::int64_t moment, int* offset);

// All of them, sorted: for hints.
std::vector<std::string> zone_names();

}  // namespace pawl::dsl
