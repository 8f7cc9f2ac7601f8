// The difference of two texts, line by line, as `diff -u` writes it.
#pragma once

#include <string>
#include <string_view>

namespace pawl::cli {

// "" if they are equal. Hunks have three lines around what differs. At most `steps_max` lines are
// taken for different before the rest is shown as replaced as a whole (Myers, "An O(ND) difference
// algorithm", 1986: time and memory grow with their number).
std::string line_diff(std::string_view before, std::string_view after,
                      const std::string& before_name, const std::string& after_name,
                      int steps_max = 1000);

}  // namespace pawl::cli
