// What can be said about a machine from its shape alone: states nothing leads to, states nothing
// leads out of, loops of automatic states.
#pragma once

#include "dsl/parse_context.h"

namespace pawl::dsl {

// `flow` is a machine of the definition, whose states are parsed (for the root: its own keys too);
// its index (Flow::by_name) is made. The context is that machine's.
void check_graph(const Definition& definition, const Flow& flow, const ParseContext& context);

}  // namespace pawl::dsl
