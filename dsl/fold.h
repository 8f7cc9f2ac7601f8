// Evaluates what no variable can change once, when an expression is compiled: `duration("5m")`, the
// list in `x in ["a", "b"]`. Such a part becomes a constant that charges what its steps cost, so
// that a limit is met where it was before. What fails, is large, or takes long is left as it is.
#pragma once

#include "dsl/expression_tree.h"

namespace pawl::dsl {

// `tree` has been checked.
void fold_constants(Expression* tree);

}  // namespace pawl::dsl
