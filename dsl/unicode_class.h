// Classes of Unicode for patterns: general categories (L, Lu ...), scripts (Greek ...) and Any. The
// tables are part of the program (unicode_table.inc, made by unicode_table.py).
#pragma once

#include <string_view>

#include "dsl/regex.h"

namespace pawl::dsl {

// Appends the code points of a class, ascending; false if there is none of this name.
bool append_unicode_class(std::string_view name, Regex::Ranges* out);

}  // namespace pawl::dsl
