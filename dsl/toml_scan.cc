#include "dsl/toml_scan.h"

#include "base/limits.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

// Follows just enough of TOML's lexical grammar (toml.io, v1.0.0, "String" and "Comment") to know
// what is a string or a comment. Nothing here depends on the text being valid otherwise.
class Scanner {
 public:
  explicit Scanner(DiagnosticList* diagnostics)
      : diagnostics_(diagnostics), text_(diagnostics->source()) {}

  bool run() {
    while (at_ < text_.size() && !failed_) step();
    return !failed_;
  }

 private:
  void step() {
    const char c = text_[at_];
    if (in_bare_value_ && std::string_view("\"'[{=").find(c) != std::string_view::npos) {
      return fail("a value is followed by another one", "put a comma or a line break between them");
    }
    if (c == '"' || c == '\'') return skip_string(c);
    if (c == '#') return skip_comment();
    if (static_cast<unsigned char>(c) >= 0x80) {
      return fail("a character outside ASCII stands outside of any string",
                  "quote keys and values that have such characters: \"é\" = 1");
    }
    if (is_control(c)) return fail("a control character stands outside of any string", "remove it");
    if (c == '[' && open_.empty() && at_line_start_ && !header_has_name()) {
      return fail("a table's header has no name",
                  "[state.NAME]; a name with other characters than "
                  "letters, digits, `_` and `-` stands in quotes");
    }
    follow(c);
    if (c != ' ' && c != '\t') at_line_start_ = c == '\n';
    advance();
  }

  // A character that can begin a key, or the end that the library reports itself.
  bool header_has_name() const {
    std::size_t next = at_ + 1;
    const auto skip_blanks = [&] { next = text_.find_first_not_of(" \t", next); };
    skip_blanks();
    if (next != std::string_view::npos && text_[next] == '[') {
      ++next;
      skip_blanks();
    }
    if (next >= text_.size()) return true;
    const char c = text_[next];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-\"']").find(c) != std::string_view::npos;
  }

  // Keeps track of open brackets, of a key's segments, and of where values stand.
  void follow(char c) {
    if (c == '[' || c == '{') {
      open_bracket(c);
    } else if (c == ']' || c == '}') {
      if (!open_.empty()) open_.pop_back();
      after_equals_ = true;  // of the value that has just ended, if it was one
    } else if (c == '=') {
      after_equals_ = true;
    } else if (c == ',' || (c == '\n' && open_.empty())) {
      after_equals_ = false;
    } else if (c == '.' && ++segments_ > limits::kTomlKeySegmentsMax) {
      fail("a dotted key of more than " + std::to_string(limits::kTomlKeySegmentsMax) + " segments",
           "split the definition into flatter tables");
    }
    if (std::string_view("[]{}=,\n").find(c) != std::string_view::npos) segments_ = 1;
    const bool in_value = after_equals_ || (!open_.empty() && open_.back() == kList);
    in_bare_value_ =
        in_value && std::string_view(" \t\r\n,=[]{}").find(c) == std::string_view::npos;
  }

  void open_bracket(char c) {
    const bool header =
        c == '[' && (at_line_start_ ? open_.empty() : open_ == kHeader && after('['));
    open_ += c == '{' ? kTable : header ? 'h' : kList;
    after_equals_ = false;
    if (open_.size() > static_cast<std::size_t>(limits::kTomlDepthMax)) {
      fail("more than " + std::to_string(limits::kTomlDepthMax) + " nested lists and tables",
           "split the definition into flatter tables");
    }
  }

  bool after(char c) const { return at_ > 0 && text_[at_ - 1] == c; }

  void skip_comment() {
    in_bare_value_ = false;
    while (at_ < text_.size() && text_[at_] != '\n' && !failed_) {
      if (is_control(text_[at_])) return fail("a control character in a comment", "remove it");
      advance();
    }
  }

  void skip_string(char quote) {
    at_line_start_ = false;
    in_bare_value_ = false;
    const bool multi_line =
        text_.substr(at_, 3) == std::string_view(quote == '"' ? R"(""")" : "'''");
    for (int i = 0; i < (multi_line ? 3 : 1); ++i) advance();
    while (at_ < text_.size() && !failed_) {
      const char c = text_[at_];
      if (c == quote && !multi_line) return advance();
      if (c == quote && text_.substr(at_, 3) == std::string_view(quote == '"' ? R"(""")" : "'''")) {
        return skip_closing_quotes(quote);
      }
      if (c == '\n' && !multi_line) return;  // unterminated: the library says so
      if (is_control(c)) {
        return fail("a control character in a string",
                    "write it as an escape, such as \"\\u0007\"");
      }
      advance();
      if (c != '\\' || quote != '"') continue;
      if (multi_line) check_line_join();
      if (!failed_ && at_ < text_.size() && text_[at_] != '\n') advance();
    }
  }

  // Behind a backslash: the library asks whether the next character is one of Unicode's blanks, and
  // for some that is undefined behaviour.
  void check_line_join() {
    const std::size_t next = text_.find_first_not_of(" \t\r\n", at_);
    if (next == std::string_view::npos || static_cast<unsigned char>(text_[next]) < 0x80) return;
    while (at_ < next) advance();
    fail("a character outside ASCII follows directly on a backslash or a joined line",
         "write this one as an escape, such as \\u00e9");
  }

  // Up to two quotes may stand directly before the closing three.
  void skip_closing_quotes(char quote) {
    for (int i = 0; i < 5 && at_ < text_.size() && text_[at_] == quote; ++i) advance();
  }

  bool is_control(char c) const {
    if (c == '\r') return text_.substr(at_ + 1, 1) != "\n";
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
  }

  // By one byte; columns count characters.
  void advance() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if (at_ == text_.size() || (static_cast<unsigned char>(text_[at_]) & 0xc0) != 0x80) {
      ++place_.column;
    }
  }

  void fail(std::string message, std::string hint) {
    failed_ = true;
    diagnostics_->error(place_, std::move(message), std::move(hint));
  }

  static constexpr char kList = '[';
  static constexpr char kTable = '{';
  static constexpr std::string_view kHeader = "h";

  DiagnosticList* diagnostics_;
  std::string_view text_;
  std::size_t at_ = 0;
  Place place_{1, 1, 1};
  int segments_ = 1;
  std::string open_;            // kinds of the brackets that are open here
  bool after_equals_ = false;   // and before the end of its value
  bool in_bare_value_ = false;  // inside a number, date or boolean
  bool at_line_start_ = true;
  bool failed_ = false;
};

}  // namespace

std::size_t invalid_utf8_at(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t at = text.size() - rest.size();
    if (take_rune(&rest) == kNoRune) return at;
  }
  return std::string_view::npos;
}

bool scan_toml(DiagnosticList* diagnostics) {
  const std::string_view text = diagnostics->source();
  if (text.size() > limits::kDefinitionBytesMax) {
    diagnostics->error({},
                       "the definition is too large: at most " +
                           std::to_string(limits::kDefinitionBytesMax) + " bytes are allowed",
                       "move data into the input or into the workers");
    return false;
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    diagnostics->error({1, 1, 1}, "the file begins with a byte order mark",
                       "save it as UTF-8 without one");
    return false;
  }
  const std::size_t bad = invalid_utf8_at(text);
  if (bad != std::string_view::npos) {
    Place place{1, 1, 1};
    for (const char c : text.substr(0, bad)) {
      if (c == '\n') {
        ++place.line;
        place.column = 0;
      }
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++place.column;
    }
    diagnostics->error(place, "the file is not valid UTF-8", "save it as UTF-8");
    return false;
  }
  return Scanner(diagnostics).run();
}

}  // namespace pawl::dsl
