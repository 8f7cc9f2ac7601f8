// The one canonical layout of a definition, for `pawl fmt`: keys and tables in the order of
// dsl/language.h, one blank line between tables, `=` aligned within a block, strings in the quotes
// that need fewest escapes, lines of at most 100 columns where TOML lets them. Comments stay with
// what they stand beside. Formatting twice changes nothing more, and the canonical text (and so the
// hash) is that of the original: the result is read again and held against it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"
#include "dsl/layout.h"

namespace pawl::dsl {

// A *.test.toml has no order of its own: its tables are lists.
enum class FormatKind : std::uint8_t { definition, layout_only };

struct Formatted {
  std::optional<std::string> text;      // nothing if there are errors
  std::vector<Diagnostic> diagnostics;  // why it is no TOML
};

// Any bytes may come in.
Formatted format_toml(std::string_view text, FormatKind kind);

// The parts: format_arrange.cc and format_write.cc.
void arrange(Layout* layout, FormatKind kind);
std::string write_layout(const Layout& layout);

}  // namespace pawl::dsl
