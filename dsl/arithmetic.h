// + - * / % and unary minus, as CEL defines them, with the addition that int and double mix (the
// result is a double). An int's overflow is an error; a double's is infinity.
#pragma once

#include "dsl/expression_tree.h"
#include "dsl/meter.h"
#include "dsl/value.h"

namespace pawl::dsl {

// `op` is add, subtract, multiply, divide or modulo. False: failed, the meter has the message.
// `out` may be neither operand.
bool calculate(Op op, const Value& a, const Value& b, Meter* meter, Value* out);

bool negate(const Value& a, Meter* meter, Value* out);

// "+", "==", "in" ...: for messages.
std::string_view symbol_of(Op op);

}  // namespace pawl::dsl
