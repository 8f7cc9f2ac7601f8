// Reading a TOML table key by key: what was not asked for by the end is an unknown key. And reading
// the plain values: strings, names, numbers, durations, choices. Every reader reports what is wrong
// with a value and then gives nothing, so that the caller goes on to the next.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/toml_tree.h"

namespace pawl::dsl {

// `what` in the readers below names the value in messages: "`queue`".

// Reports that `node` is not what it must be ("a list of tables").
void wrong_kind(const TomlNode& node, std::string_view what, std::string_view must_be,
                DiagnosticList* diagnostics, std::string hint = {});

// True if `name` is a name: [A-Za-z_][A-Za-z0-9_.-]*, at most limits::kNameBytesMax bytes.
bool check_name(std::string_view name, Place place, std::string_view what,
                DiagnosticList* diagnostics);
// The same for variables, which expressions must be able to select: no '.' and no '-'.
bool check_variable(std::string_view name, Place place, DiagnosticList* diagnostics);

std::optional<std::string> read_string(const TomlNode& node, DiagnosticList* diagnostics);
// A string that check_name accepts as the name of `what`: "a queue".
std::optional<std::string> read_name(const TomlNode& node, std::string_view what,
                                     DiagnosticList* diagnostics);
std::optional<bool> read_boolean(const TomlNode& node, DiagnosticList* diagnostics);
std::optional<std::int64_t> read_integer(const TomlNode& node, std::int64_t min, std::int64_t max,
                                         DiagnosticList* diagnostics);
// An integer or a float.
std::optional<double> read_number(const TomlNode& node, double min, double max,
                                  DiagnosticList* diagnostics);
// Milliseconds of a duration's text, at least one; parts of a millisecond round up.
std::optional<std::int64_t> read_duration_ms(const TomlNode& node, DiagnosticList* diagnostics);
std::optional<std::int64_t> duration_ms(std::string_view text, Place place,
                                        DiagnosticList* diagnostics);
// A number of bytes: text such as "64KB" or "4MB" (of 1,000; KiB, MiB, GiB are of 1,024), or an
// integer.
std::optional<std::int64_t> read_bytes(const TomlNode& node, std::int64_t min, std::int64_t max,
                                       DiagnosticList* diagnostics);
// A string or a list of strings.
std::optional<std::vector<std::string>> read_strings(const TomlNode& node,
                                                     DiagnosticList* diagnostics);

// One of the named values.
template <class E>
std::optional<E> read_choice(const TomlNode& node,
                             std::initializer_list<std::pair<std::string_view, E>> choices,
                             DiagnosticList* diagnostics);

class TableReader {
 public:
  // `what` is the table in messages: "a state", "[retention]". What is no table is reported, and
  // read as an empty one.
  TableReader(const TomlNode& table, std::string what, DiagnosticList* diagnostics);

  bool is_table() const { return is_table_; }
  // The entry's node, or null. Asking makes the key a known one.
  const TomlNode* take(std::string_view key);
  // The same, and its absence is reported, at the table's own place.
  const TomlNode* need(std::string_view key, std::string hint = {});
  // Keys that have a meaning in other tables of this kind, and why not here.
  void misplaced(std::initializer_list<std::string_view> keys, std::string_view why);
  // Reports the keys that nobody asked for.
  void finish();

 private:
  const TomlNode* table_;
  std::string what_;
  DiagnosticList* diagnostics_;
  bool is_table_;
  std::vector<std::string> known_;
  std::vector<const TomlNode*> taken_;
};

// --- implementation of the template ---

// Reports "`key` must be one of ..."; `node` is a string that is none of them, or no string.
void report_choice(const TomlNode& node, const std::vector<std::string>& choices,
                   DiagnosticList* diagnostics);

template <class E>
std::optional<E> read_choice(const TomlNode& node,
                             std::initializer_list<std::pair<std::string_view, E>> choices,
                             DiagnosticList* diagnostics) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (node.is(TomlNode::Kind::string) && node.text == name) return value;
    names.emplace_back(name);
  }
  report_choice(node, names, diagnostics);
  return std::nullopt;
}

}  // namespace pawl::dsl
