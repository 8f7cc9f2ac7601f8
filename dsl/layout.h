// A TOML document with all that a tree forgets: comments, blank lines, which tables are inline and
// which have headers, how a number is written. What `pawl fmt` rearranges and writes again.
//
// Only text that the TOML library has accepted is read here: nothing is checked twice, and what
// does not look as expected is given up on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::dsl {

struct LayoutEntry;

struct LayoutValue {
  enum class Kind : std::uint8_t {
    plain,     // a number, date or boolean, as it is written
    string,    // decoded
    verbatim,  // a string of several lines between triple quotes, as it is written
    list,
    table,  // inline
  };
  Kind kind = Kind::plain;
  std::string text;
  std::vector<LayoutEntry> children;  // a list's items have no path
  std::string opened;                 // a comment behind a list's opening bracket
  std::vector<std::string> below;     // comments behind a list's last item
};

// A key and its value, or an item of a list.
struct LayoutEntry {
  // Comments on lines of their own, with their '#'; "" is one or more blank lines.
  std::vector<std::string> above;
  std::vector<std::string> path;  // the segments of a dotted key, decoded
  LayoutValue value;
  std::string comment;  // behind it on its line; "" is none
};

// A header and what follows it; the first section of a document has none.
struct LayoutSection {
  std::vector<std::string> above;
  std::vector<std::string> path;
  bool is_list_item = false;  // [[...]]
  std::string comment;
  std::vector<LayoutEntry> entries;
  std::vector<std::string> below;  // comments that follow its last entry directly
};

struct Layout {
  std::vector<LayoutSection> sections;  // never empty
  std::vector<std::string> below;       // comments at the end of the file
};

// Nothing if `text` is not what the TOML library accepts.
std::optional<Layout> read_layout(std::string_view text);

}  // namespace pawl::dsl
