// What can be said about a machine from its shape alone: states nothing leads to, states nothing
// leads out of, loops of automatic states.
#pragma once

#include "dsl/parse_context.h"

namespace pawl::dsl {

// All states and root keys of `definition` are parsed; its index (Flow::by_name) is made.
void check_graph(const Definition& definition, const ParseContext& context);

}  // namespace pawl::dsl
