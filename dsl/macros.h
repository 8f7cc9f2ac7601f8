// Macros: calls that bind a variable and evaluate an argument many times or not at all. Each has an
// operation of its own in the tree instead of CEL's generic fold, so the evaluator can stop early
// and charge each step.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "dsl/expression_tree.h"

namespace pawl::dsl {

enum class Expansion : std::uint8_t { none /* an ordinary call */, done, wrong };

// Looks at target.name(arguments), or name(arguments) without a target. `out` gets op, names and
// children; its place in the text is the caller's. `wrong`: `error` is set.
Expansion expand_macro(const std::vector<Node>& nodes, std::string_view name,
                       std::optional<NodeId> target, const std::vector<NodeId>& arguments,
                       Node* out, ExpressionError* error);

}  // namespace pawl::dsl
