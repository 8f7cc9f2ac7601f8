// From an offset in a string's value back to its place in the source (TOML 1.0, "String").

#include <algorithm>

#include "dsl/toml_tree.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

// Walks a string's source and counts the bytes of the value it has gone past.
class StringWalker {
 public:
  StringWalker(std::string_view source, Place place) : rest_(source), place_(place) {
    quote_ = rest_.empty() ? '"' : rest_.front();
    multi_line_ = rest_.size() >= 3 && rest_[1] == quote_ && rest_[2] == quote_;
    for (int i = 0; i < (multi_line_ ? 3 : 1); ++i) take();
    if (!multi_line_) return;
    if (rest_.starts_with("\r\n")) take();
    if (rest_.starts_with("\n")) take();
  }

  // To the character that gives the value's byte `offset`.
  Place find(std::size_t offset) {
    skip_line_joins();
    while (value_bytes_ < offset && !rest_.empty()) {
      step();
      skip_line_joins();
    }
    return place_;
  }

 private:
  bool escapes() const { return quote_ == '"'; }

  void step() {
    if (escapes() && rest_.front() == '\\') return step_escape();
    const std::size_t before = rest_.size();
    // The library turns CR LF into LF.
    if (rest_.starts_with("\r\n")) {
      take();
      take();
      ++value_bytes_;
      return;
    }
    take();
    value_bytes_ += before - rest_.size();
  }

  void step_escape() {
    take();
    if (rest_.empty()) return;
    const char kind = rest_.front();
    take();
    std::size_t digits = 0;
    if (kind == 'u') digits = 4;
    if (kind == 'U') digits = 8;
    std::uint32_t rune = 0;
    for (std::size_t i = 0; i < digits && !rest_.empty(); ++i) {
      const char c = rest_.front();
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      rune = rune * 16 + static_cast<std::uint32_t>(digit);
      take();
    }
    std::string bytes;
    if (digits == 0 || !append_rune(&bytes, rune)) bytes = "?";
    value_bytes_ += bytes.size();
  }

  // A backslash at a line's end swallows all white space up to the next character.
  void skip_line_joins() {
    while (multi_line_ && escapes() && rest_.size() >= 2 && rest_.front() == '\\') {
      const std::size_t next = rest_.find_first_not_of(" \t\r", 1);
      if (next == std::string_view::npos || rest_[next] != '\n') return;
      take();
      while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) < 4) take();
    }
  }

  void take() {
    if (rest_.empty()) return;
    if (take_rune(&rest_) == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
  }

  std::string_view rest_;
  Place place_;
  std::size_t value_bytes_ = 0;
  char quote_ = '"';
  bool multi_line_ = false;
};

}  // namespace

Place place_in_string(const DiagnosticList& diagnostics, const TomlNode& string_node,
                      std::size_t offset, std::size_t length) {
  const Place& start = string_node.place;
  std::string_view source = diagnostics.source();
  source.remove_prefix(diagnostics.line_start(start.line));
  for (int column = 1; column < start.column && !source.empty(); ++column) take_rune(&source);
  StringWalker walker(source, {start.line, start.column, 1});
  Place place = walker.find(offset);
  const Place end = walker.find(offset + length);
  place.length = end.line == place.line ? std::max(1, end.column - place.column) : 1;
  return place;
}

}  // namespace pawl::dsl
