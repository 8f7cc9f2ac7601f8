// The values of literals, from their tokens.
#pragma once

#include "dsl/expression.h"
#include "dsl/lexer.h"
#include "dsl/value.h"

namespace pawl::dsl {

// The value of a number, string, bytes, bool or null; `negative`: a minus stands before the number.
// False, with error->message set, if the token is no literal or its number does not fit.
bool literal_value(const Token& token, bool negative, Value* out, ExpressionError* error);

}  // namespace pawl::dsl
