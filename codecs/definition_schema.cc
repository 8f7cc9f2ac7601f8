#include "codecs/definition_schema.h"

#include <cstdint>

#include "codecs/json.h"
#include "dsl/language.h"

namespace pawl::codecs {
namespace {

using dsl::Form;
using dsl::KeyRule;
using dsl::TableKind;
using dsl::TableRule;

constexpr std::string_view kDuration =
    "^\\+?(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w))+$";
constexpr std::string_view kDurationOrExpression =
    "^(\\+?(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w))+$|=)";
constexpr std::string_view kBytes = "^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)$";
constexpr std::string_view kExpression = "^=";
constexpr std::string_view kDate = "^[0-9]{4}-[0-9]{2}-[0-9]{2}";
constexpr std::string_view kTypes = "string number int bool bytes list map any timestamp duration";

// Parts of a schema: each opens nothing and closes nothing around it.
class SchemaWriter {
 public:
  explicit SchemaWriter(std::string* out) : w_(out) {}

  void run() {
    w_.begin_object().field("$schema", "http://json-schema.org/draft-07/schema#");
    w_.field("title", "Pawl workflow definition, dsl = 1");
    write_table(dsl::table_rule(TableKind::root));
    w_.plain_key("definitions").begin_object();
    for (const TableRule& rule : dsl::table_rules()) {
      if (rule.kind == TableKind::root) continue;
      w_.key(rule.name).begin_object().field("description", rule.doc);
      write_table(rule);
      w_.end_object();
    }
    w_.end_object().end_object();
  }

 private:
  void type(std::string_view name) { w_.field("type", name); }

  void text(std::string_view pattern) {
    type("string");
    w_.field("pattern", pattern);
  }

  void words(std::string_view key, std::string_view list) {
    w_.plain_key(key).begin_array();
    while (!list.empty()) {
      const std::string_view word = list.substr(0, list.find(' '));
      w_.string(word);
      list.remove_prefix(std::min(word.size() + 1, list.size()));
    }
    w_.end_array();
  }

  void reference(TableKind kind) {
    w_.key("$ref").string("#/definitions/" + std::string(dsl::table_rule(kind).name));
  }

  void references(TableKind kind) {
    type("array");
    w_.plain_key("items").begin_object();
    reference(kind);
    w_.end_object();
  }

  // One of several: each function writes a schema's inside.
  template <class... Alternatives>
  void any_of(Alternatives... alternatives) {
    w_.plain_key("anyOf").begin_array();
    (one_of_them(alternatives), ...);
    w_.end_array();
  }
  template <class F>
  void one_of_them(F write) {
    w_.begin_object();
    write();
    w_.end_object();
  }

  void bounds(const KeyRule& rule) {
    // A bound of +-1e300 is there for the parser alone.
    if (rule.min > -1e300) number("minimum", rule.min);
    if (rule.max < 1e300) number("maximum", rule.max);
  }
  void number(std::string_view key, double x) {
    w_.plain_key(key);
    x == static_cast<double>(static_cast<std::int64_t>(x)) ? w_.int64(static_cast<std::int64_t>(x))
                                                           : w_.float64(x);
  }

  void write_plain(const KeyRule& rule);
  void write_tables(const KeyRule& rule);
  void write_schemas(const KeyRule& rule);
  void write_key(const KeyRule& rule) {
    w_.begin_object().field("description", rule.doc);
    write_plain(rule);
    write_tables(rule);
    write_schemas(rule);
    w_.end_object();
  }

  void write_table(const TableRule& rule);
  void write_verbs();

  JsonWriter w_;
};

void SchemaWriter::write_plain(const KeyRule& rule) {
  switch (rule.form) {
    case Form::text:
    case Form::state_name:
    case Form::condition:
    case Form::text_or_expression:
      return type("string");
    case Form::time_or_expression:  // a date of TOML is text in JSON
      return any_of([&] { text(kExpression); }, [&] { text(kDate); });
    case Form::whole_or_expression:
      return any_of([&] { type("integer"); }, [&] { text(kExpression); });
    case Form::duration:
      return text(kDuration);
    case Form::delay:
      return text(kDurationOrExpression);
    case Form::bytes:
      return any_of([&] { type("integer"); }, [&] { text(kBytes); });
    case Form::boolean:
      return type("boolean");
    case Form::whole:
      type("integer");
      return bounds(rule);
    case Form::number:
      type("number");
      return bounds(rule);
    case Form::choice:
      return words("enum", rule.choices);
    case Form::list:
      return type("array");
    case Form::texts:
      return any_of([&] { type("string"); },
                    [&] {
                      type("array");
                      w_.plain_key("items").begin_object().field("type", "string").end_object();
                    });
    case Form::state_names:
      type("array");
      w_.plain_key("items").begin_object().field("type", "string").end_object();
      return;
    default:
      return;
  }
}

void SchemaWriter::write_tables(const KeyRule& rule) {
  const auto table = [&] { reference(rule.table); };
  switch (rule.form) {
    case Form::table:
      // What stands beside a reference is not looked at.
      w_.plain_key("allOf").begin_array();
      one_of_them(table);
      w_.end_array();
      return;
    case Form::tables:
      references(rule.table);
      w_.field("minItems", 1);
      return;
    case Form::table_or_tables:
      return any_of(table, [&] { references(rule.table); });
    case Form::text_or_table:
      return any_of([&] { type("string"); }, table);
    case Form::delay_or_table:
      return any_of([&] { text(kDurationOrExpression); }, table);
    case Form::table_or_timers:
      return any_of(table, [&] { references(TableKind::computed_timer); });
    default:
      return;
  }
}

void SchemaWriter::write_schemas(const KeyRule& rule) {
  const auto types = [&] { words("enum", kTypes); };
  switch (rule.form) {
    case Form::type:
      return types();
    case Form::schema:
      return any_of(types, [&] { reference(TableKind::field); });
    case Form::shape:
      return any_of(types, [&] { reference(TableKind::shape); });
    case Form::variable:
      return any_of(
          types, [&] { text(kExpression); }, [&] { text(kDate); },
          [&] { words("type", "boolean number array object"); });
    default:
      return;
  }
}

void SchemaWriter::write_table(const TableRule& rule) {
  if (rule.kind == TableKind::shape) {
    return any_of([&] { reference(TableKind::field); }, [&] { reference(TableKind::fields); });
  }
  type("object");
  w_.plain_key("properties").begin_object();
  for (const KeyRule& key : rule.keys) {
    w_.key(key.key);
    write_key(key);
  }
  if (rule.kind == TableKind::fields) {
    w_.key("*").begin_object().field("description", "other fields are allowed too");
    words("enum", "any");
    w_.end_object();
  }
  w_.end_object();
  std::string required;
  for (const KeyRule& key : rule.keys) {
    if (key.required) required += (required.empty() ? "" : " ") + std::string(key.key);
  }
  if (!required.empty()) words("required", required);
  w_.plain_key("additionalProperties");
  rule.others ? write_key(*rule.others) : static_cast<void>(w_.boolean(false));
  if (rule.kind == TableKind::timers) {
    w_.plain_key("propertyNames").begin_object().field("pattern", kDuration).end_object();
  }
  if (rule.kind == TableKind::state) write_verbs();
}

// Each verb excludes the others.
void SchemaWriter::write_verbs() {
  w_.plain_key("dependencies").begin_object();
  for (const std::string_view verb : dsl::verb_keys()) {
    w_.key(verb).begin_object().plain_key("not").begin_object().plain_key("anyOf").begin_array();
    for (const std::string_view other : dsl::verb_keys()) {
      if (other == verb) continue;
      w_.begin_object().plain_key("required").begin_array();
      w_.string(other).end_array().end_object();
    }
    w_.end_array().end_object().end_object();
  }
  w_.end_object();
}

// JSON without blanks as people read it.
std::string indented(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += json[++i];
      in_string = c != '"';
      continue;
    }
    const bool closes = c == '}' || c == ']';
    const bool empty = closes && (json[i - 1] == '{' || json[i - 1] == '[');
    if (closes) --depth;
    if (closes && !empty) new_line();
    out += c;
    in_string = c == '"';
    if (c == ':') out += ' ';
    if (c == '{' || c == '[') ++depth;
    const bool opens = (c == '{' || c == '[') && json[i + 1] != '}' && json[i + 1] != ']';
    if (opens || c == ',') new_line();
  }
  return out + "\n";
}

}  // namespace

std::string definition_schema() {
  std::string compact;
  SchemaWriter(&compact).run();
  return indented(compact);
}

}  // namespace pawl::codecs
