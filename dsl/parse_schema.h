// Schemas in a definition: type names, the long form, tables of fields.
#pragma once

#include <optional>

#include "dsl/parse_context.h"

namespace pawl::dsl {

// A table of fields, as under [input]: NAME = "string" or NAME = { type = ..., ... }; "*" = "any"
// allows other fields.
Fields parse_fields(const TomlNode& node, ParseContext* context);

// What a payload, a result or a `with` is: a type's name, the long form, or a table of fields. A
// table is the long form if its `type` is a type's name and all its other keys are the long form's.
std::optional<Schema> parse_shape(const TomlNode& node, ParseContext* context);

// [vars]: a type's name (the variable is absent at first), the long form, or a first value whose
// kind is then the variable's type.
Fields parse_variables(const TomlNode& node, ParseContext* context);

}  // namespace pawl::dsl
