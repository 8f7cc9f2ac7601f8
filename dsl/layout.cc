#include "dsl/layout.h"

#include "base/limits.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

constexpr std::string_view kBlanks = " \t";

bool is_bare_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// By recursive descent (toml.io, v1.0.0); scan_toml has bounded the nesting.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<Layout> run() {
    Layout layout;
    layout.sections.emplace_back();
    std::vector<std::string> above;
    while (read_above(&above)) {
      LayoutSection* section = &layout.sections.back();
      if (rest_.front() == '[') {
        end_section(section, false, &above);
        section = &layout.sections.emplace_back();
        section->above = std::move(above);
        if (!read_header(section)) return std::nullopt;
      } else {
        LayoutEntry& entry = section->entries.emplace_back();
        entry.above = std::move(above);
        if (!read_entry(&entry)) return std::nullopt;
        entry.comment = take_comment();
      }
      above.clear();
      if (!take_line_end()) return std::nullopt;
    }
    end_section(&layout.sections.back(), true, &above);
    while (!above.empty() && above.back().empty()) above.pop_back();
    layout.below = std::move(above);
    return layout;
  }

 private:
  bool at(std::string_view text) const { return rest_.starts_with(text); }
  bool accept(std::string_view text) {
    if (!at(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }
  bool take_line_end() {
    skip_blanks();
    accept("\r");
    return rest_.empty() || accept("\n");
  }

  // A comment, up to the end of its line, if one begins here.
  std::string take_comment() {
    skip_blanks();
    if (!at("#")) return {};
    std::string_view comment = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(comment.size());
    comment.remove_suffix(comment.size() - 1 - comment.find_last_not_of(" \t\r"));
    return std::string(comment);
  }

  // Blank lines and comments up to the next thing; false at the end of the text.
  bool read_above(std::vector<std::string>* above) {
    for (;;) {
      skip_blanks();
      if (rest_.empty()) return false;
      if (at("#")) {
        above->push_back(take_comment());
        take_line_end();
      } else if (at("\n") || at("\r\n")) {
        take_line_end();
        if (above->empty() || !above->back().empty()) above->emplace_back();
      } else {
        return true;
      }
    }
  }

  // Comments directly behind a section's last line belong to it, if a blank line or the file's end
  // follows.
  static void end_section(LayoutSection* section, bool at_end, std::vector<std::string>* above) {
    const bool begun = !section->entries.empty() || !section->path.empty();
    std::size_t own = 0;
    while (own < above->size() && !(*above)[own].empty()) ++own;
    if (!begun || own == 0 || (own == above->size() && !at_end)) return;
    const auto end = above->begin() + static_cast<std::ptrdiff_t>(own);
    section->below.assign(above->begin(), end);
    above->erase(above->begin(), end);
  }

  bool read_header(LayoutSection* section) {
    section->is_list_item = accept("[[");
    if (!section->is_list_item) accept("[");
    if (!read_path(&section->path)) return false;
    if (!accept(section->is_list_item ? "]]" : "]")) return false;
    section->comment = take_comment();
    return true;
  }

  bool read_path(std::vector<std::string>* path) {
    do {
      skip_blanks();
      std::string segment;
      if (at("\"") || at("'")) {
        if (!read_string(&segment)) return false;
      } else {
        while (!rest_.empty() && is_bare_key(rest_.front())) {
          segment += rest_.front();
          rest_.remove_prefix(1);
        }
        if (segment.empty()) return false;
      }
      path->push_back(std::move(segment));
      skip_blanks();
    } while (accept("."));
    return true;
  }

  bool read_entry(LayoutEntry* entry) {
    if (!read_path(&entry->path) || !accept("=")) return false;
    skip_blanks();
    return read_value(&entry->value);
  }

  bool read_value(LayoutValue* value) {
    if (rest_.empty()) return false;
    if (at("[")) return nested(&Reader::read_list, value);
    if (at("{")) return nested(&Reader::read_table, value);
    if (at("\"\"\"") || at("'''")) return read_verbatim(value);
    if (at("\"") || at("'")) {
      value->kind = LayoutValue::Kind::string;
      return read_string(&value->text);
    }
    value->text = rest_.substr(0, rest_.find_first_of(",]}#\r\n"));
    const std::size_t end = value->text.find_last_not_of(kBlanks);
    if (end == std::string::npos) return false;
    value->text.resize(end + 1);
    rest_.remove_prefix(value->text.size());
    return true;
  }

  bool nested(bool (Reader::*read)(LayoutValue*), LayoutValue* value) {
    if (depth_ >= limits::kTomlDepthMax) return false;
    ++depth_;
    const bool good = (this->*read)(value);
    --depth_;
    return good;
  }

  bool read_list(LayoutValue* value) {
    value->kind = LayoutValue::Kind::list;
    accept("[");
    value->opened = take_comment();
    for (;;) {
      std::vector<std::string> above;
      if (!read_above(&above)) return false;
      std::erase(above, "");
      if (accept("]")) {
        value->below.insert(value->below.end(), above.begin(), above.end());
        return true;
      }
      LayoutEntry& item = value->children.emplace_back();
      item.above = std::move(above);
      if (!read_value(&item.value)) return false;
      if (!read_item_end(&item, value)) return false;
    }
  }

  // The comma behind a list's item, if there is one, and the comments around it.
  bool read_item_end(LayoutEntry* item, LayoutValue* list) {
    item->comment = take_comment();
    std::vector<std::string> before_comma;
    if (!read_above(&before_comma)) return false;
    std::erase(before_comma, "");
    const bool comma = accept(",");
    if (comma && item->comment.empty()) item->comment = take_comment();
    // They get lines of their own: in front of a comma those above the item, else below all.
    std::vector<std::string>& lines = comma ? item->above : list->below;
    lines.insert(lines.end(), before_comma.begin(), before_comma.end());
    return comma || at("]");
  }

  bool read_table(LayoutValue* value) {
    value->kind = LayoutValue::Kind::table;
    accept("{");
    skip_blanks();
    if (accept("}")) return true;
    do {
      if (!read_entry(&value->children.emplace_back())) return false;
      skip_blanks();
    } while (accept(","));
    return accept("}");
  }

  bool read_verbatim(LayoutValue* value) {
    value->kind = LayoutValue::Kind::verbatim;
    const std::string_view quotes = rest_.substr(0, 3);
    const bool escapes = quotes.front() == '"';
    std::size_t i = 3;
    for (; i < rest_.size() && !rest_.substr(i).starts_with(quotes); ++i) {
      if (escapes && rest_[i] == '\\') ++i;
    }
    if (i >= rest_.size()) return false;
    i += 3;
    for (int more = 0; more < 2 && i < rest_.size() && rest_[i] == quotes.front(); ++more) ++i;
    for (const char c : rest_.substr(0, i)) {
      if (c != '\r') value->text += c;  // the library takes a line's end for '\n' either way
    }
    rest_.remove_prefix(i);
    return true;
  }

  bool read_string(std::string* out) {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '\n') {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return true;
      if (c == '\\' && quote == '"') {
        if (!read_escape(out)) return false;
      } else {
        *out += c;
      }
    }
    return false;
  }

  bool read_escape(std::string* out) {
    constexpr std::string_view kLetters = "btnfr\"\\";
    constexpr std::string_view kMeant = "\b\t\n\f\r\"\\";
    if (rest_.empty()) return false;
    const char kind = rest_.front();
    rest_.remove_prefix(1);
    const std::size_t named = kLetters.find(kind);
    if (named != std::string_view::npos) {
      *out += kMeant[named];
      return true;
    }
    const std::size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0 || rest_.size() < digits) return false;
    std::uint32_t rune = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (hex_digit(c) < 0) return false;
      rune = rune * 16 + static_cast<std::uint32_t>(hex_digit(c));
    }
    rest_.remove_prefix(digits);
    return append_rune(out, rune);
  }

  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

std::optional<Layout> read_layout(std::string_view text) { return Reader(text).run(); }

}  // namespace pawl::dsl
