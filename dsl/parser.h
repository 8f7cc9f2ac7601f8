// Text to syntax tree, by recursive descent with operator precedence (cel-spec, langdef.md,
// "Syntax"). Macros are expanded on the way (macros.h). Nesting is limited before it can reach the
// stack's end.
#pragma once

#include <string_view>

#include "dsl/expression_tree.h"

namespace pawl::dsl {

// False, with `error` set, at the first mistake. `text` is valid UTF-8 and not too long.
bool parse(std::string_view text, Expression* out, ExpressionError* error);

}  // namespace pawl::dsl
