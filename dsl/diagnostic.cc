#include "dsl/diagnostic.h"

#include "dsl/suggest.h"

namespace pawl::dsl {

std::string render(const Diagnostic& diagnostic, std::string_view file) {
  std::string out(file);
  if (diagnostic.line > 0) {
    out += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
  }
  out += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  out += diagnostic.message + "\n";
  if (!diagnostic.line_text.empty() && diagnostic.column > 0) {
    out += "  " + diagnostic.line_text + "\n  ";
    out.append(static_cast<std::size_t>(diagnostic.column - 1), ' ');
    out += "^";
    if (diagnostic.length > 1) out.append(static_cast<std::size_t>(diagnostic.length - 1), '~');
    out += "\n";
  }
  if (!diagnostic.hint.empty()) out += "  hint: " + diagnostic.hint + "\n";
  return out;
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  return std::string(nearest(word, {candidates.begin(), candidates.end()}));
}

}  // namespace pawl::dsl
