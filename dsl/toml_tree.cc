#include "dsl/toml_tree.h"

// toml++ 3.3 asserts what its own checks a few lines later report as errors (a date such as
// 2025-01-01T:00, a header such as [=]): a bad file must not stop the daemon, so its assertions are
// off. With NDEBUG they would become assumptions of the compiler, which is worse. Any other file
// that includes the library must set the same, since the linker keeps one copy of its inline
// functions.
#undef NDEBUG
#ifndef TOML_ASSERT
#define TOML_ASSERT(expr) static_cast<void>(0)
#endif
#include <toml++/toml.h>

#include <algorithm>

#include "base/limits.h"
#include "dsl/time_text.h"

namespace pawl::dsl {
namespace {

Place place_of(const toml::source_region& region) {
  Place place;
  place.line = static_cast<int>(region.begin.line);
  place.column = static_cast<int>(region.begin.column);
  if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
    place.length = static_cast<int>(region.end.column - region.begin.column);
  }
  return place;
}

Timestamp timestamp_of(const toml::date_time& t) {
  const std::int64_t minutes = t.time.hour * 60 + t.time.minute - t.offset->minutes;
  const std::int64_t days = days_of(t.date.year, t.date.month, t.date.day);
  return {days * 86'400 + minutes * 60 + t.time.second,
          static_cast<std::int32_t>(t.time.nanosecond)};
}

class Converter {
 public:
  explicit Converter(DiagnosticList* diagnostics) : diagnostics_(diagnostics) {}

  TomlNode convert(const toml::node& from, int depth) {
    TomlNode node;
    node.place = place_of(from.source());
    if (depth > limits::kTomlDepthMax) {
      diagnostics_->error(
          node.place,
          "more than " + std::to_string(limits::kTomlDepthMax) + " nested lists and tables",
          "split the definition into flatter tables");
    } else if (const auto* table = from.as_table()) {
      fill_table(*table, depth, &node);
    } else if (const auto* array = from.as_array()) {
      node.kind = TomlNode::Kind::list;
      node.children.reserve(array->size());
      for (const toml::node& item : *array) node.children.push_back(convert(item, depth + 1));
    } else {
      fill_leaf(from, &node);
    }
    return node;
  }

 private:
  void fill_table(const toml::table& table, int depth, TomlNode* node) {
    node->kind = TomlNode::Kind::table;
    node->children.reserve(table.size());
    for (const auto& [key, value] : table) {
      node->children.push_back(convert(value, depth + 1));
      TomlNode& child = node->children.back();
      child.key = std::string(key.str());
      child.key_place = place_of(key.source());
    }
    // The library sorts by key; people read in the order of the file.
    std::stable_sort(node->children.begin(), node->children.end(),
                     [](const TomlNode& a, const TomlNode& b) {
                       return std::pair(a.key_place.line, a.key_place.column) <
                              std::pair(b.key_place.line, b.key_place.column);
                     });
  }

  void fill_leaf(const toml::node& from, TomlNode* node) {
    if (const auto* s = from.as_string()) {
      node->kind = TomlNode::Kind::string;
      node->text = s->get();
    } else if (const auto* i = from.as_integer()) {
      node->kind = TomlNode::Kind::integer;
      node->integer = i->get();
    } else if (const auto* f = from.as_floating_point()) {
      node->kind = TomlNode::Kind::real;
      node->real = f->get();
    } else if (const auto* b = from.as_boolean()) {
      node->kind = TomlNode::Kind::boolean;
      node->boolean = b->get();
    } else if (const auto* t = from.as_date_time(); t != nullptr && t->get().offset) {
      node->kind = TomlNode::Kind::timestamp;
      node->timestamp = timestamp_of(t->get());
      if (!in_range(node->timestamp)) {
        diagnostics_->error(node->place, "this date is before the year 1 or after the year 9999");
      }
    } else {
      node->kind = TomlNode::Kind::local_time;
    }
  }

  DiagnosticList* diagnostics_;
};

}  // namespace

const TomlNode* TomlNode::find(std::string_view name) const {
  if (kind != Kind::table) return nullptr;
  for (const TomlNode& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::string_view kind_name(TomlNode::Kind kind) {
  switch (kind) {
    case TomlNode::Kind::string:
      return "a string";
    case TomlNode::Kind::integer:
      return "an integer";
    case TomlNode::Kind::real:
      return "a float";
    case TomlNode::Kind::boolean:
      return "a boolean";
    case TomlNode::Kind::timestamp:
      return "a date";
    case TomlNode::Kind::local_time:
      return "a date or time without an offset";
    case TomlNode::Kind::list:
      return "a list";
    case TomlNode::Kind::table:
      return "a table";
  }
  return "";
}

namespace {

// What to do about a mistake, by how the library's message begins.
std::string hint_of(std::string_view message) {
  constexpr std::string_view kValues =
      "text stands in quotes: \"...\"; other values are numbers, true, false, dates, lists [...] "
      "and tables { ... }";
  constexpr std::pair<std::string_view, std::string_view> kHints[] = {
      {"cannot redefine", "each key and table may stand once"},
      {"expected value", kValues},
      {"could not determine", kValues},
      {"expected 'true'", "it is written in small letters"},
      {"expected 'false'", "it is written in small letters"},
      {"expected a comment", "each key has a line of its own"},
      {"expected key or closing", "a table in { } stands on one line, without a comma at its end"},
      {"encountered end-of-file", "something is not closed: ], } or quotes"},
      {"expected ']'", "a header is [NAME] on a line of its own"},
      {"expected '='", "write KEY = VALUE; text stands in quotes"},
      {"leading zeroes", "write the number without them"},
      {"unknown escape", "backslashes are doubled in \"...\"; '...' takes them as they are"},
  };
  for (const auto& [beginning, hint] : kHints) {
    if (message.starts_with(beginning)) return std::string(hint);
  }
  return "this is not TOML 1.0 (toml.io)";
}

}  // namespace

std::optional<TomlNode> parse_toml(DiagnosticList* diagnostics) {
  const toml::parse_result result = toml::parse(diagnostics->source());
  if (!result) {
    // "Error while parsing key-value pair: cannot redefine ...": what it was doing says little.
    std::string_view message = result.error().description();
    const std::size_t colon = message.find(": ");
    if (message.starts_with("Error while parsing") && colon != std::string_view::npos) {
      message.remove_prefix(colon + 2);
    }
    std::string hint = hint_of(message);
    // scan_toml has refused all other control characters in strings.
    if (message.starts_with("unescaped control characters")) {
      message = "this string is not closed on its line";
      hint = "text of several lines stands between triple quotes";
    }
    diagnostics->error(place_of(result.error().source()), std::string(message), std::move(hint));
    return std::nullopt;
  }
  TomlNode root = Converter(diagnostics).convert(result.table(), 0);
  root.place = {};  // what is wrong with it is wrong with the file as a whole
  return root;
}

}  // namespace pawl::dsl
