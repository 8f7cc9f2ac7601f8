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

std::vector<const Node*> sorted(const Node& table) {
  std::vector<const Node*> out;
  for (const Node& child : table.children) out.push_back(&child);
  std::sort(out.begin(), out.end(), [](const Node* a, const Node* b) { return a->key < b->key; });
  return out;
}

void write_value(const Node& node, std::string* out) {
  switch (node.kind) {
    case Node::Kind::string:
      return write_string(node.text, out);
    case Node::Kind::integer:
      *out += std::to_string(node.integer);
      return;
    case Node::Kind::real:
      return write_real(node.real, out);
    case Node::Kind::boolean:
      *out += node.boolean ? "true" : "false";
      return;
    case Node::Kind::timestamp:
      *out += to_string(node.timestamp);
      return;
    case Node::Kind::local_time:
      return;  // no definition that is right has one
    case Node::Kind::list:
      *out += '[';
      for (const Node& item : node.children) {
        if (&item != &node.children.front()) *out += ", ";
        write_value(item, out);
      }
      *out += ']';
      return;
    case Node::Kind::table:
      *out += '{';
      for (std::string_view separator = " "; const Node* child : sorted(node)) {
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

void write_table(const Node& table, const std::string& path, int level, std::string* out) {
  const auto has_header = [&](const Node* child) {
    return child->is(Node::Kind::table) && level < kHeaderLevels;
  };
  const std::vector<const Node*> entries = sorted(table);
  const bool only_tables =
      !entries.empty() && std::all_of(entries.begin(), entries.end(), has_header);
  if (!path.empty() && !only_tables) *out += "[" + path + "]\n";
  for (const Node* child : entries) {
    if (has_header(child)) continue;
    write_key(child->key, out);
    *out += " = ";
    write_value(*child, out);
    *out += '\n';
  }
  for (const Node* child : entries) {
    if (!has_header(child)) continue;
    std::string below = path.empty() ? "" : path + ".";
    write_key(child->key, &below);
    write_table(*child, below, level + 1, out);
  }
}

}  // namespace

std::string canonical_text(const Node& root) {
  std::string out;
  write_table(root, "", 0, &out);
  return out;
}

}  // namespace pawl::dsl
