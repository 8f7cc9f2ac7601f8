// A look at a definition's bytes before the TOML library sees them: refuses what the library
// (toml++ 3.3) can't take. It recurses on nesting and on dotted keys; a bare key that begins with a
// character outside ASCII is undefined behaviour there, and a table's header that begins with none
// of a key's characters fails an assertion.
#pragma once

#include <string_view>

#include "dsl/diagnostic_list.h"

namespace pawl::dsl {

// Offset of the first byte that is no valid UTF-8 (RFC 3629: no overlong forms, no surrogates), or
// npos.
std::size_t invalid_utf8_at(std::string_view text);

// Reports what can't go on to the library: size, UTF-8, a byte order mark, control characters,
// nesting and dotted keys past their limits, characters outside ASCII that are neither in a string
// nor in a comment. True if there was none.
bool scan_toml(DiagnosticList* diagnostics);

}  // namespace pawl::dsl
