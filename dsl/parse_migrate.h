// [migrate]: from which versions runs may be moved to this one, and where their states went.
#pragma once

#include "dsl/parse_context.h"

namespace pawl::dsl {

// `revision` is this version's own. The context is the root's, its states are known.
MigrateTable parse_migrate(const TomlNode& node, const std::string& revision,
                           ParseContext* context);

}  // namespace pawl::dsl
