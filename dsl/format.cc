#include "dsl/format.h"

#include "base/limits.h"
#include "dsl/canonical.h"
#include "dsl/diagnostic_list.h"
#include "dsl/toml_scan.h"
#include "dsl/toml_tree.h"

namespace pawl::dsl {
namespace {

std::optional<std::string> canonical_of(std::string_view text) {
  DiagnosticList diagnostics(text);
  if (!scan_toml(&diagnostics)) return std::nullopt;
  const std::optional<TomlNode> root = parse_toml(&diagnostics);
  if (!root || diagnostics.errors() > 0) return std::nullopt;
  return canonical_text(*root);
}

}  // namespace

Formatted format_toml(std::string_view text, FormatKind kind) {
  Formatted out;
  DiagnosticList diagnostics(text.substr(0, limits::kDefinitionBytesMax + 1));
  std::optional<TomlNode> root;
  if (scan_toml(&diagnostics)) root = parse_toml(&diagnostics);
  int suppressed = 0;
  if (!root || diagnostics.errors() > 0) {
    out.diagnostics = diagnostics.take(&suppressed);
    return out;
  }
  const std::string canonical = canonical_text(*root);
  // The author's own order is what is left if another one means something else.
  for (const FormatKind tried : {kind, FormatKind::layout_only}) {
    std::optional<Layout> layout = read_layout(text);
    if (!layout) break;
    arrange(&*layout, tried);
    std::string written = write_layout(*layout);
    if (canonical_of(written) != canonical) continue;
    out.text = std::move(written);
    return out;
  }
  diagnostics.error({}, "this file can't be laid out without changing what it says",
                    "it may be too large once laid out: at most " +
                        std::to_string(limits::kDefinitionBytesMax) + " bytes are allowed");
  out.diagnostics = diagnostics.take(&suppressed);
  return out;
}

}  // namespace pawl::dsl
