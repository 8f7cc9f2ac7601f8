// Whether an expression's result can be what a schema wants.
#pragma once

#include "dsl/expression.h"
#include "dsl/schema.h"

namespace pawl::dsl {

// False only if no value of type `from` can ever pass the schema.
bool may_pass(const Type& from, const Schema& to);

}  // namespace pawl::dsl
