#include "dsl/parse_table.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "dsl/expression.h"

namespace pawl::dsl {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A list's item has no name of its own.
std::string name_of(const TomlNode& node) { return node.key.empty() ? "this" : quoted(node.key); }

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

void wrong_kind(const TomlNode& node, std::string_view what, std::string_view must_be,
                DiagnosticList* diagnostics, std::string hint) {
  std::string message(what);
  message.append(" must be ").append(must_be).append(", not ").append(kind_name(node.kind));
  diagnostics->error(node.place, std::move(message), std::move(hint));
}

bool check_name(std::string_view name, Place place, std::string_view what,
                DiagnosticList* diagnostics) {
  if (name.size() > limits::kNameBytesMax) {
    diagnostics->error(place, "the name of " + std::string(what) + " has at most " +
                                  std::to_string(limits::kNameBytesMax) + " bytes");
    return false;
  }
  const bool good =
      !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '-';
      });
  if (!good) {
    diagnostics->error(place, quoted(name) + " is no name for " + std::string(what),
                       "a name begins with a letter or `_` and goes on with letters, digits, `_`, "
                       "`.` and `-`");
  }
  return good;
}

bool check_variable(std::string_view name, Place place, DiagnosticList* diagnostics) {
  if (!check_name(name, place, "a variable", diagnostics)) return false;
  constexpr std::string_view kWords[] = {"true", "false", "null", "in"};
  if (name.find_first_of(".-") != std::string_view::npos ||
      std::find(std::begin(kWords), std::end(kWords), name) != std::end(kWords)) {
    diagnostics->error(
        place, quoted(name) + " is no name for a variable",
        "expressions read it as vars.NAME: letters, digits and `_` only, and none of "
        "true, false, null, in");
    return false;
  }
  return true;
}

std::optional<std::string> read_string(const TomlNode& node, DiagnosticList* diagnostics) {
  if (node.is(TomlNode::Kind::string)) return node.text;
  wrong_kind(node, name_of(node), "a string", diagnostics);
  return std::nullopt;
}

std::optional<std::string> read_name(const TomlNode& node, std::string_view what,
                                     DiagnosticList* diagnostics) {
  std::optional<std::string> name = read_string(node, diagnostics);
  if (name && !check_name(*name, node.place, what, diagnostics)) return std::nullopt;
  return name;
}

std::optional<bool> read_boolean(const TomlNode& node, DiagnosticList* diagnostics) {
  if (node.is(TomlNode::Kind::boolean)) return node.boolean;
  wrong_kind(node, name_of(node), "true or false", diagnostics);
  return std::nullopt;
}

std::optional<std::int64_t> read_integer(const TomlNode& node, std::int64_t min, std::int64_t max,
                                         DiagnosticList* diagnostics) {
  if (!node.is(TomlNode::Kind::integer)) {
    wrong_kind(node, name_of(node), "an integer", diagnostics);
    return std::nullopt;
  }
  if (node.integer < min || node.integer > max) {
    diagnostics->error(node.place, name_of(node) + " must be from " + std::to_string(min) + " to " +
                                       std::to_string(max));
    return std::nullopt;
  }
  return node.integer;
}

std::optional<double> read_number(const TomlNode& node, double min, double max,
                                  DiagnosticList* diagnostics) {
  if (!node.is(TomlNode::Kind::integer) && !node.is(TomlNode::Kind::real)) {
    wrong_kind(node, name_of(node), "a number", diagnostics);
    return std::nullopt;
  }
  const double x = node.is(TomlNode::Kind::real) ? node.real : static_cast<double>(node.integer);
  if (!(x >= min && x <= max)) {  // NaN is in no range
    diagnostics->error(node.place, name_of(node) + " must be from " +
                                       Value::float64(min).debug_string() + " to " +
                                       Value::float64(max).debug_string());
    return std::nullopt;
  }
  return x;
}

std::optional<std::int64_t> read_duration_ms(const TomlNode& node, DiagnosticList* diagnostics) {
  if (!node.is(TomlNode::Kind::string)) {
    wrong_kind(node, name_of(node), "a duration", diagnostics, R"(such as "90s", "1h30m" or "2d")");
    return std::nullopt;
  }
  return duration_ms(node.text, node.place, diagnostics);
}

std::optional<std::int64_t> duration_ms(std::string_view text, Place place,
                                        DiagnosticList* diagnostics) {
  Duration duration;
  if (!parse_duration(text, &duration)) {
    diagnostics->error(place, quoted(text) + " is no duration",
                       R"(such as "90s", "1h30m" or "2d"; units: ms s m h d w)");
    return std::nullopt;
  }
  if (duration <= Duration{}) {
    diagnostics->error(place, "a duration must be longer than nothing here");
    return std::nullopt;
  }
  return duration.seconds * 1000 + (duration.nanos + 999'999) / 1'000'000;
}

std::optional<std::int64_t> read_bytes(const TomlNode& node, std::int64_t min, std::int64_t max,
                                       DiagnosticList* diagnostics) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"KiB", 1 << 10},  {"MiB", 1 << 20},      {"GiB", 1 << 30}, {"KB", 1000},
      {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"B", 1}};
  const std::string wanted =
      "a number of bytes between " + std::to_string(min) + " and " + std::to_string(max);
  std::optional<std::int64_t> bytes;
  if (node.is(TomlNode::Kind::integer)) {
    bytes = node.integer;
  } else if (!node.is(TomlNode::Kind::string)) {
    wrong_kind(node, name_of(node), wanted, diagnostics, R"(such as "64KB" or "4MB")");
    return std::nullopt;
  }
  std::string_view text = node.text;
  for (const auto& [unit, factor] : kUnits) {
    if (bytes || !text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end != text.data() + text.size() || count < 0 || count > max) {
      break;
    }
    bytes = count * factor;
  }
  if (bytes && *bytes >= min && *bytes <= max) return bytes;
  diagnostics->error(node.place, name_of(node) + " must be " + wanted,
                     R"(such as "64KB" or "4MB"; units: B KB MB GB KiB MiB GiB)");
  return std::nullopt;
}

std::optional<std::vector<std::string>> read_strings(const TomlNode& node,
                                                     DiagnosticList* diagnostics) {
  if (node.is(TomlNode::Kind::string)) return std::vector<std::string>{node.text};
  if (!node.is(TomlNode::Kind::list)) {
    wrong_kind(node, name_of(node), "a list of strings", diagnostics);
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const TomlNode& item : node.children) {
    if (item.is(TomlNode::Kind::string)) {
      out.push_back(item.text);
    } else {
      wrong_kind(item, "an entry of " + name_of(node), "a string", diagnostics);
    }
  }
  return out;
}

void report_choice(const TomlNode& node, const std::vector<std::string>& choices,
                   DiagnosticList* diagnostics) {
  if (!node.is(TomlNode::Kind::string)) {
    return wrong_kind(node, name_of(node), "a string", diagnostics, "one of: " + listed(choices));
  }
  std::string hint = diagnostics->did_you_mean(node.text, choices);
  if (hint.empty()) hint = "one of: " + listed(choices);
  diagnostics->error(node.place, name_of(node) + " can't be " + quoted(node.text), std::move(hint));
}

TableReader::TableReader(const TomlNode& table, std::string what, DiagnosticList* diagnostics)
    : table_(&table),
      what_(std::move(what)),
      diagnostics_(diagnostics),
      is_table_(table.is(TomlNode::Kind::table)) {
  if (!is_table_) wrong_kind(table, what_, "a table", diagnostics);
}

const TomlNode* TableReader::take(std::string_view key) {
  known_.emplace_back(key);
  if (!is_table_) return nullptr;
  const TomlNode* node = table_->find(key);
  if (node != nullptr) taken_.push_back(node);
  return node;
}

const TomlNode* TableReader::need(std::string_view key, std::string hint) {
  const TomlNode* node = take(key);
  if (node == nullptr && is_table_) {
    diagnostics_->error(table_->mark(), what_ + " needs " + quoted(key), std::move(hint));
  }
  return node;
}

void TableReader::misplaced(std::initializer_list<std::string_view> keys, std::string_view why) {
  for (const std::string_view key : keys) {
    const TomlNode* node = is_table_ ? table_->find(key) : nullptr;
    if (node == nullptr || std::find(taken_.begin(), taken_.end(), node) != taken_.end()) continue;
    taken_.push_back(node);
    diagnostics_->error(node->mark(), quoted(key) + " has no meaning here: " + std::string(why));
  }
}

void TableReader::finish() {
  if (!is_table_) return;
  for (const TomlNode& child : table_->children) {
    if (std::find(taken_.begin(), taken_.end(), &child) != taken_.end()) continue;
    std::string hint = diagnostics_->did_you_mean(child.key, known_);
    if (hint.empty() && known_.size() <= 12) hint = "known here: " + listed(known_);
    diagnostics_->error(child.mark(), "unknown key " + quoted(child.key) + " in " + what_,
                        std::move(hint));
  }
}

}  // namespace pawl::dsl
