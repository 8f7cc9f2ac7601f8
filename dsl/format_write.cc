// From a layout to text.

#include <algorithm>

#include "base/limits.h"
#include "dsl/format.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

constexpr std::size_t kColumnsMax = 100;
// Behind longer lines a comment follows at once, so that one of them does not push all away.
constexpr std::size_t kCommentColumnMax = 60;
constexpr std::size_t kIndent = 2;

using Kind = LayoutValue::Kind;

// Characters that nobody sees, or that reorder what is seen: they are written as escapes.
bool is_invisible(std::uint32_t rune) {
  return rune < 0x20 || (rune >= 0x7f && rune <= 0xa0) || rune == 0xad ||
         (rune >= 0x200b && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202f) ||
         (rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff ||
         (rune >= 0xfff9 && rune <= 0xfffb) || rune >= 0xe0000;
}

void write_escape(std::uint32_t rune, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr std::string_view kNamed = "\b\t\n\f\r\"\\";
  constexpr std::string_view kLetters = "btnfr\"\\";
  *out += '\\';
  const std::size_t named = rune < 0x80 ? kNamed.find(static_cast<char>(rune)) : kNamed.npos;
  if (named != kNamed.npos) {
    *out += kLetters[named];
    return;
  }
  *out += rune > 0xffff ? 'U' : 'u';
  for (int shift = rune > 0xffff ? 28 : 12; shift >= 0; shift -= 4) {
    *out += kHex[(rune >> shift) & 15];
  }
}

// In the quotes that need fewest escapes: "..." if it needs none, else '...' if that can hold it.
std::string quoted_string(std::string_view text) {
  bool escapes = false, literal = true;
  for (std::string_view rest = text; !rest.empty();) {
    const std::uint32_t rune = take_rune(&rest);
    escapes = escapes || is_invisible(rune) || rune == '"' || rune == '\\';
    literal = literal && !is_invisible(rune) && rune != '\'';
  }
  if (escapes && literal) return "'" + std::string(text) + "'";
  std::string out = "\"";
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view before = rest;
    const std::uint32_t rune = take_rune(&rest);
    if (is_invisible(rune) || rune == '"' || rune == '\\') {
      write_escape(rune, &out);
    } else {
      out += before.substr(0, before.size() - rest.size());
    }
  }
  return out + "\"";
}

// Durations, as in after."24h", are quoted.
bool is_bare(std::string_view key) {
  return !key.empty() && (key.front() < '0' || key.front() > '9') &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

std::string path_text(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& segment : path) {
    if (!out.empty()) out += '.';
    out += is_bare(segment) ? segment : quoted_string(segment);
  }
  return out;
}

// Comments inside, or a string of several lines: no single line can hold it.
bool must_break(const LayoutValue& value) {
  if (value.kind == Kind::verbatim) return value.text.find('\n') != std::string::npos;
  return !value.opened.empty() || !value.below.empty() ||
         std::any_of(value.children.begin(), value.children.end(), [](const LayoutEntry& child) {
           return !child.above.empty() || !child.comment.empty() || must_break(child.value);
         });
}

bool holds_tables(const LayoutValue& list) {
  return std::any_of(list.children.begin(), list.children.end(),
                     [](const LayoutEntry& item) { return item.value.kind == Kind::table; });
}

// On one line.
std::string flat(const LayoutValue& value) {
  if (value.kind == Kind::string) return quoted_string(value.text);
  if (value.kind == Kind::plain || value.kind == Kind::verbatim) return value.text;
  const bool table = value.kind == Kind::table;
  const bool spaced = table || holds_tables(value);
  std::string out = table ? "{" : "[";
  for (const LayoutEntry& child : value.children) {
    out += &child != &value.children.front() ? ", " : spaced ? " " : "";
    if (table) out += path_text(child.path) + " = ";
    out += flat(child.value);
  }
  if (spaced && !value.children.empty()) out += ' ';
  return out + (table ? "}" : "]");
}

// Columns up to the first line break.
std::size_t width(std::string_view text) { return count_runes(text.substr(0, text.find('\n'))); }

void write_value(const LayoutValue& value, std::size_t indent, std::size_t column, bool in_table,
                 std::string* out);

void write_list(const LayoutValue& list, std::size_t indent, std::string* out) {
  const std::string margin(indent + kIndent, ' ');
  *out += list.opened.empty() ? "[\n" : "[  " + list.opened + "\n";
  for (const LayoutEntry& item : list.children) {
    for (const std::string& comment : item.above) *out += margin + comment + "\n";
    *out += margin;
    write_value(item.value, indent + kIndent, indent + kIndent + 1, false, out);
    *out += ",";
    if (!item.comment.empty()) *out += "  " + item.comment;
    *out += "\n";
  }
  for (const std::string& comment : list.below) *out += margin + comment + "\n";
  *out += std::string(indent, ' ') + "]";
}

// `column`: how much of the line is taken already.
void write_value(const LayoutValue& value, std::size_t indent, std::size_t column, bool in_table,
                 std::string* out) {
  const bool breaks = must_break(value);
  if (value.kind == Kind::list && !value.children.empty() && !breaks && !in_table &&
      column + width(flat(value)) > kColumnsMax) {
    return write_list(value, indent, out);
  }
  if (!breaks || value.kind == Kind::verbatim) {
    *out += flat(value);
  } else if (value.kind == Kind::list) {
    write_list(value, indent, out);
  } else {
    *out += "{ ";
    for (const LayoutEntry& child : value.children) {
      if (&child != &value.children.front()) *out += ", ";
      *out += path_text(child.path) + " = ";
      write_value(child.value, indent, 0, true, out);
    }
    *out += " }";
  }
}

// A table that does not fit on its line becomes dotted keys, which mean the same.
void expand(const LayoutEntry& entry, std::vector<LayoutEntry>* out) {
  const LayoutValue& value = entry.value;
  const bool fits =
      !must_break(value) && width(path_text(entry.path)) + 3 + width(flat(value)) <= kColumnsMax;
  if (value.kind != Kind::table || value.children.empty() || fits ||
      entry.path.size() >= limits::kTomlKeySegmentsMax / 2) {
    out->push_back(entry);
    return;
  }
  std::vector<std::string> above = entry.above;
  if (!entry.comment.empty()) above.push_back(entry.comment);
  for (const LayoutEntry& child : value.children) {
    LayoutEntry dotted = child;
    dotted.path.insert(dotted.path.begin(), entry.path.begin(), entry.path.end());
    dotted.above = std::move(above);
    above.clear();
    expand(dotted, out);
  }
}

class Writer {
 public:
  std::string run(const Layout& layout) {
    for (const LayoutSection& section : layout.sections) write_section(section);
    if (!layout.below.empty()) {
      if (!out_.empty()) out_ += '\n';
      write_comments(layout.below, true);
    }
    return std::move(out_);
  }

 private:
  // `first`: a blank line before them says nothing.
  void write_comments(const std::vector<std::string>& comments, bool first) {
    for (std::size_t i = 0; i < comments.size(); ++i) {
      if (comments[i].empty() && (out_.empty() || (first && i == 0))) continue;
      out_ += comments[i] + "\n";
    }
  }

  void write_section(const LayoutSection& section) {
    if (!section.path.empty()) {
      if (!out_.empty() && !out_.ends_with("\n\n")) out_ += '\n';
      write_comments(section.above, true);
      const std::string path = path_text(section.path);
      out_ += section.is_list_item ? "[[" + path + "]]" : "[" + path + "]";
      if (!section.comment.empty()) out_ += "  " + section.comment;
      out_ += '\n';
    } else {
      write_comments(section.above, true);
    }
    std::vector<LayoutEntry> entries;
    for (const LayoutEntry& entry : section.entries) expand(entry, &entries);
    for (std::size_t i = 0; i < entries.size();) i = write_block(entries, i);
    write_comments(section.below, true);
  }

  // Entries that follow one another directly, up to `end`, which is returned.
  std::size_t write_block(const std::vector<LayoutEntry>& entries, std::size_t begin) {
    std::size_t end = begin + 1;
    while (end < entries.size() && entries[end].above.empty()) ++end;
    write_comments(entries[begin].above, false);
    std::vector<std::string> lines;
    for (std::size_t i = begin; i < end;) i = write_run(entries, i, end, &lines);
    std::size_t column = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t columns = width(lines[i - begin]);
      const bool aligned = !entries[i].comment.empty() && columns <= kCommentColumnMax &&
                           lines[i - begin].find('\n') == std::string::npos;
      if (aligned) column = std::max(column, columns);
    }
    for (std::size_t i = begin; i < end; ++i) {
      const std::string& line = lines[i - begin];
      out_ += line;
      if (!entries[i].comment.empty()) {
        const bool alone = line.find('\n') != std::string::npos || width(line) > column;
        out_.append(alone ? 2 : column - width(line) + 2, ' ');
        out_ += entries[i].comment;
      }
      out_ += '\n';
    }
    return end;
  }

  // Keys that are all plain, or all dotted: their `=` stand below one another, unless that pushes a
  // line past the limit.
  std::size_t write_run(const std::vector<LayoutEntry>& entries, std::size_t begin,
                        std::size_t block_end, std::vector<std::string>* lines) {
    const auto dotted = [&](std::size_t i) { return entries[i].path.size() > 1; };
    std::size_t end = begin, column = 0;
    for (; end < block_end && dotted(end) == dotted(begin); ++end) {
      column = std::max(column, width(path_text(entries[end].path)));
    }
    for (std::size_t i = begin; i < end; ++i) {
      const LayoutEntry& entry = entries[i];
      const std::size_t own = width(path_text(entry.path));
      const std::size_t value = width(flat(entry.value));
      const bool one_line = !must_break(entry.value) && own + 3 + value <= kColumnsMax;
      if (one_line && column + 3 + value > kColumnsMax) column = 0;
      if (column == 0) break;
    }
    for (std::size_t i = begin; i < end; ++i) {
      std::string line = path_text(entries[i].path);
      if (width(line) < column) line.append(column - width(line), ' ');
      line += " = ";
      write_value(entries[i].value, 0, width(line), false, &line);
      lines->push_back(std::move(line));
    }
    return end;
  }

  std::string out_;
};

}  // namespace

std::string write_layout(const Layout& layout) { return Writer().run(layout); }

}  // namespace pawl::dsl
