// A TOML document as our own small tree in which everything knows where it stands: the only form
// in which the rest of dsl/ sees TOML. toml_tree.cc alone includes the library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/diagnostic_list.h"
#include "dsl/value.h"

namespace pawl::dsl {

struct TomlNode {
  enum class Kind : std::uint8_t {
    string,
    integer,
    real,
    boolean,
    timestamp,
    local_time /* no offset: which moment is unknown */,
    list,
    table,
  };
  Kind kind = Kind::table;
  std::string key;  // of a table's entry; empty for a list's items and the root
  Place key_place;
  Place place;       // of the value
  std::string text;  // Kind::string
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  Timestamp timestamp;
  std::vector<TomlNode> children;  // a list's items, or a table's entries in the order of the file

  bool is(Kind k) const { return kind == k; }
  // The table's entry of this key, or null.
  const TomlNode* find(std::string_view name) const;
  // Where the entry's key stands; of a list's item its value.
  Place mark() const { return key_place.line > 0 ? key_place : place; }
};

// "a string", "a table" ...: for messages.
std::string_view kind_name(TomlNode::Kind kind);

// Parses the diagnostics' source; nothing if it is no TOML (one diagnostic says why and where: the
// library stops at the first mistake). The text has passed scan_toml.
std::optional<TomlNode> parse_toml(DiagnosticList* diagnostics);

// Where byte `offset` of a string node's text stands in the source, through escapes and line joins;
// `length` bytes of it are marked, to the end of that line at most.
Place place_in_string(const DiagnosticList& diagnostics, const TomlNode& string_node,
                      std::size_t offset, std::size_t length);

}  // namespace pawl::dsl
