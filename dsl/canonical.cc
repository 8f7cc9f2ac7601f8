#include "dsl/canonical.h"

#include <algorithm>
#include <cmath>

#include "dsl/expression.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

constexpr int kHeaderLevels = 2;

bool is_bare(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

void write_escape(char c, std::string* out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  constexpr std::string_view kNamed = "\b\t\n\f\r\"\\";
  constexpr std::string_view kLetters = "btnfr\"\\";
  const std::size_t named = kNamed.find(c);
  if (named != std::string_view::npos) {
    *out += {'\\', kLetters[named]};
    return;
  }
  const auto byte = static_cast<unsigned char>(c);
  *out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
}

void write_string(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"' || c == '\\') {
      write_escape(c, out);
    } else {
      *out += c;
    }
  }
  *out += '"';
}

void write_key(std::string_view key, std::string* out) {
  if (is_bare(key)) {
    *out += key;
  } else {
    write_string(key, out);
  }
}

void write_real(double x, std::string* out) {
  if (std::isnan(x)) {
    *out += "nan";
  } else if (std::isinf(x)) {
    *out += x < 0 ? "-inf" : "inf";
  } else {
    const std::string text = format_double(x);
    *out += text;
    // Without a point or an exponent it would be an integer.
    if (text.find_first_of(".eE") == std::string::npos) *out += ".0";
  }
}

std::vector<const TomlNode*> sorted(const TomlNode& table) {
  std::vector<const TomlNode*> out;
  for (const TomlNode& child : table.children) out.push_back(&child);
  std::sort(out.begin(), out.end(),
            [](const TomlNode* a, const TomlNode* b) { return a->key < b->key; });
  return out;
}

void write_value(const TomlNode& node, std::string* out) {
  switch (node.kind) {
    case TomlNode::Kind::string:
      return write_string(node.text, out);
    case TomlNode::Kind::integer:
      *out += std::to_string(node.integer);
      return;
    case TomlNode::Kind::real:
      return write_real(node.real, out);
    case TomlNode::Kind::boolean:
      *out += node.boolean ? "true" : "false";
      return;
    case TomlNode::Kind::timestamp:
      *out += to_string(node.timestamp);
      return;
    case TomlNode::Kind::local_time:
      return;  // no definition that is right has one
    case TomlNode::Kind::list:
      *out += '[';
      for (const TomlNode& item : node.children) {
        if (&item != &node.children.front()) *out += ", ";
        write_value(item, out);
      }
      *out += ']';
      return;
    case TomlNode::Kind::table:
      *out += '{';
      for (std::string_view separator = " "; const TomlNode* child : sorted(node)) {
        *out += separator;
        write_key(child->key, out);
        *out += " = ";
        write_value(*child, out);
        separator = ", ";
      }
      *out += node.children.empty() ? "}" : " }";
      return;
  }
}

void write_table(const TomlNode& table, const std::string& path, int level, std::string* out) {
  const auto has_header = [&](const TomlNode* child) {
    return child->is(TomlNode::Kind::table) && level < kHeaderLevels;
  };
  const std::vector<const TomlNode*> entries = sorted(table);
  const bool only_tables =
      !entries.empty() && std::all_of(entries.begin(), entries.end(), has_header);
  if (!path.empty() && !only_tables) *out += "[" + path + "]\n";
  for (const TomlNode* child : entries) {
    if (has_header(child)) continue;
    write_key(child->key, out);
    *out += " = ";
    write_value(*child, out);
    *out += '\n';
  }
  for (const TomlNode* child : entries) {
    if (!has_header(child)) continue;
    std::string below = path.empty() ? "" : path + ".";
    write_key(child->key, &below);
    write_table(*child, below, level + 1, out);
  }
}

}  // namespace

std::string canonical_text(const TomlNode& root) {
  std::string out;
  write_table(root, "", 0, &out);
  return out;
}

}  // namespace pawl::dsl
