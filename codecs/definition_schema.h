// The language's shape as a JSON Schema (draft-07, which taplo and the editors built on it read),
// made of dsl/language.h: for completion and marks while one types. What a schema can't say (names
// that exist, types of expressions, states that nothing leads to) `pawl check` does.
#pragma once

#include <string>

namespace pawl::codecs {

// Indented, ending in a line break.
std::string definition_schema();

}  // namespace pawl::codecs
