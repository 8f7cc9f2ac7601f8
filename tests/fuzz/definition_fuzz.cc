// Any bytes as a definition: never a crash, never a hang, diagnostics inside the file; and what is
// accepted is deterministic and its canonical text is accepted with the same hash. What is TOML is
// laid out, and a second time changes nothing.

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/definition.h"
#include "dsl/format.h"
#include "dsl/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pawl::dsl;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const ParsedDefinition parsed = parse_definition(text);
  bool errors = false;
  int line = 0;
  for (const Diagnostic& d : parsed.diagnostics) {
    errors = errors || d.severity == Severity::error;
    PAWL_CHECK(d.line >= line);  // sorted
    PAWL_CHECK(!d.message.empty() && d.length >= 1);
    line = d.line;
    render(d, "fuzz.toml");
  }
  PAWL_CHECK(static_cast<int>(parsed.diagnostics.size()) <= pawl::limits::kDiagnosticsMax);
  PAWL_CHECK(errors == (parsed.definition == nullptr));
  const Formatted formatted = format_toml(text, FormatKind::definition);
  PAWL_CHECK(formatted.text.has_value() == formatted.diagnostics.empty());
  if (formatted.text) {
    PAWL_CHECK(format_toml(*formatted.text, FormatKind::definition).text == formatted.text);
  }
  if (!parsed.definition) return 0;
  graph_edges(*parsed.definition);
  graph_mermaid(graph_of(*parsed.definition));
  graph_dot(graph_of(*parsed.definition));
  const std::string& canonical = parsed.definition->canonical;
  if (canonical.size() > pawl::limits::kDefinitionBytesMax)
    return 0;  // escapes may lengthen a text
  const ParsedDefinition again = parse_definition(canonical);
  PAWL_CHECK(again.definition != nullptr);
  PAWL_CHECK(again.definition->canonical == canonical);
  PAWL_CHECK(again.definition->hash == parsed.definition->hash);
  return 0;
}
