// Collects the diagnostics of one definition while it is parsed and checked, in any order, and
// hands them out sorted by position, at most limits::kDiagnosticsMax of them. Knows the source, so
// that each gets its line.
//
// What a hostile file can put into a message is made harmless here: names are shortened and control
// characters escaped (quoted), source lines lose theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic.h"

namespace pawl::dsl {

// A marked part of one source line, 1-based, in characters; line 0 is the file as a whole.
struct Place {
  int line = 0;
  int column = 0;
  int length = 1;
};

class DiagnosticList {
 public:
  // `source` must outlive the list.
  explicit DiagnosticList(std::string_view source);

  void error(Place place, std::string message, std::string hint = {});
  void warning(Place place, std::string message, std::string hint = {});

  // How many errors there were so far.
  int errors() const { return errors_; }
  // "did you mean `reserve`?" for the candidate closest to `word`, or "". Comparing costs the
  // product of the names' lengths, so a file full of long unknown names gets hints only for its
  // first ones.
  std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

  std::string_view source() const { return source_; }
  // Byte offset of the line's first character; the source's size for a line behind the end.
  std::size_t line_start(int line) const;

  // Sorts by position (errors before warnings), drops repetitions; `suppressed` gets the number of
  // those beyond the limit. Errors are kept in preference to warnings. The list is empty
  // afterwards.
  std::vector<Diagnostic> take(int* suppressed);

 private:
  void add(Severity severity, Place place, std::string message, std::string hint);
  std::string line_text(Place place) const;

  std::string_view source_;
  std::vector<std::size_t> line_starts_;
  std::vector<Diagnostic> items_;
  std::size_t hint_budget_;
  int errors_ = 0;
  int dropped_ = 0;
};

// `name` between backquotes, at most about `bytes_max` bytes of it, control characters as \xNN.
std::string quoted(std::string_view name, std::size_t bytes_max = 60);

}  // namespace pawl::dsl
