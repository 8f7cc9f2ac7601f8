// Resolves the names of a parsed expression and checks its types, reporting every mistake. What is
// wrong gets the type dyn, so that one mistake is reported once.
#pragma once

#include <string>
#include <vector>

#include "dsl/expression_tree.h"

namespace pawl::dsl {

struct Checked {
  Type type;
  std::vector<ExpressionError> errors;
  std::vector<std::string> variables;  // first segments, sorted, unique
};

// Turns identifiers into variables, locals and constants, and calls into sets of overloads, in
// place.
Checked check(Expression* expression, const Environment& environment,
              const CompileOptions& options);

}  // namespace pawl::dsl
