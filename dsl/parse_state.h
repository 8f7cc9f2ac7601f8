// One state: its verb, and what every state may have.
#pragma once

#include "dsl/parse_context.h"

namespace pawl::dsl {

// [state.NAME]; the name is the node's key.
State parse_state(const TomlNode& node, ParseContext* context);

}  // namespace pawl::dsl
