// Static types of what schemas describe, and whether an expression's result can be what is wanted.
#pragma once

#include "dsl/expression.h"
#include "dsl/schema.h"

namespace pawl::dsl {

// The type of a value that has passed the schema. Optional fields are selectable: whether they are
// there is known only at run time.
Type type_of(const Schema& schema);
// A map of these fields.
Type type_of(const Fields& fields);

// False only if no value of type `from` can ever pass the schema.
bool may_pass(const Type& from, const Schema& to);

}  // namespace pawl::dsl
