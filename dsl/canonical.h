// The canonical text of a definition: what its hash covers. Two files that differ only in comments,
// layout, the way of quoting and the order of keys have the same one; it is TOML itself and has
// itself as its canonical text.
//
// Grammar: keys sorted by bytes, bare where TOML lets them; first the plain entries of a table,
// then its tables; the first two levels of tables have [headers], deeper ones are inline; every
// value on one line; strings are basic with the shortest escapes; floats are the shortest text that
// reads back; dates are in UTC.
#pragma once

#include <string>

#include "dsl/toml_tree.h"

namespace pawl::dsl {

std::string canonical_text(const TomlNode& root);

}  // namespace pawl::dsl
