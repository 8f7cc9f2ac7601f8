// Sets of code points: \d, [[:alpha:]], union, complement, folding of ASCII case.
#pragma once

#include <cstdint>
#include <string_view>

#include "dsl/regex.h"

namespace pawl::dsl {

// Sorts and joins ranges that touch.
void normalise(Regex::Ranges* ranges);

// All code points that are not in `ranges`.
Regex::Ranges complement(Regex::Ranges ranges);

// Adds the other case of each ASCII letter.
void fold_ascii_case(Regex::Ranges* ranges);

// Appends what \d, \s or \w means (D, S, W: the complement); false for another letter.
bool append_perl_class(char letter, Regex::Ranges* out);

// Appends what [:name:] means; false for an unknown name.
bool append_posix_class(std::string_view name, Regex::Ranges* out);

bool contains(const Regex::Ranges& ranges, std::uint32_t rune);

}  // namespace pawl::dsl
