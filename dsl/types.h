// Static types: which go together, and what two of them have in common.
#pragma once

#include "dsl/expression.h"
#include "dsl/value.h"

namespace pawl::dsl {

// Dyn and error take part in everything.
bool is_dyn(const Type& type);
// int, uint, double, or "number".
bool is_numeric(const Type& type);

Type list_of(Type element);
Type map_of(Type key, Type value);
Type element_of(const Type& type);  // dyn if not known
Type key_of(const Type& type);

// The narrowest type both are; int and double make number, what has nothing in common dyn.
Type join(const Type& a, const Type& b);

// Whether == may ever hold: the same kind, two numbers, null with anything, elements likewise.
bool comparable(const Type& a, const Type& b);
// Whether < has a meaning.
bool ordered(const Type& a, const Type& b);

Type type_of_constant(const Value& value);

// What an overload's letter (functions.h) takes and gives.
bool letter_accepts(char letter, const Type& type);
Type type_of_letter(char letter);

}  // namespace pawl::dsl
