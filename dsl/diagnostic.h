// What is wrong with a definition, where, and what to do about it. A parse collects all of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::dsl {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  int line = 0;           // 1-based; 0: the file as a whole
  int column = 0;         // 1-based, in characters (Unicode scalar values)
  int length = 1;         // of the marked part, in characters
  std::string message;    // "unknown state `reserv`"
  std::string hint;       // "did you mean `reserve`?"; may be empty
  std::string line_text;  // the source line, for the caret; may be empty
};

// "FILE:LINE:COLUMN: error: MESSAGE" with the line, a caret line and "  hint: …" below, each ending
// in '\n'.
std::string render(const Diagnostic& diagnostic, std::string_view file);

// The candidate closest to `word` within a third of its length (Damerau-Levenshtein distance), or
// "".
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace pawl::dsl
