// "Did you mean ...?": the closest of the names that would have been right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pawl::dsl {

// The candidate with the smallest edit distance to `name` (ties: the first in `candidates`), or
// empty if even that one differs in more than a third of its letters. Case is ignored.
std::string_view nearest(std::string_view name, const std::vector<std::string_view>& candidates);

// "did you mean `reserve`?", or empty if nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace pawl::dsl
