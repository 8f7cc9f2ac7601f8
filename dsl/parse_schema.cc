#include "dsl/parse_schema.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "dsl/parse_table.h"
#include "dsl/parse_value.h"

namespace pawl::dsl {
namespace {

constexpr std::array<std::pair<std::string_view, SchemaType>, 10> kTypes = {{
    {"string", SchemaType::string},
    {"number", SchemaType::number},
    {"int", SchemaType::int64},
    {"bool", SchemaType::boolean},
    {"bytes", SchemaType::bytes},
    {"list", SchemaType::list},
    {"map", SchemaType::map},
    {"any", SchemaType::any},
    {"timestamp", SchemaType::timestamp},
    {"duration", SchemaType::duration},
}};

std::optional<SchemaType> type_named(const TomlNode& node) {
  if (!node.is(TomlNode::Kind::string)) return std::nullopt;
  for (const auto& [name, type] : kTypes) {
    if (name == node.text) return type;
  }
  return std::nullopt;
}

constexpr std::string_view kTypeNames =
    "the types: string, number, int, bool, bytes, list, map, any, timestamp, duration";

void report_type(const TomlNode& node, DiagnosticList* diagnostics) {
  if (!node.is(TomlNode::Kind::string)) {
    return wrong_kind(node, quoted(node.key), "a type's name or a table with `type`", diagnostics,
                      std::string(kTypeNames));
  }
  std::vector<std::string> names;
  names.reserve(std::size(kTypes));
  for (const auto& [name, type] : kTypes) names.emplace_back(name);
  std::string hint = diagnostics->did_you_mean(node.text, names);
  if (hint.empty()) hint = kTypeNames;
  diagnostics->error(node.place, "unknown type " + quoted(node.text), std::move(hint));
}

bool is_long_form_key(std::string_view key) {
  constexpr std::string_view kKeys[] = {"type", "optional", "default", "enum",
                                        "min",  "max",      "of",      "fields"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

// `type` names a type and every key is the long form's.
bool is_long_form(const TomlNode& node) {
  const TomlNode* type = node.find("type");
  return type != nullptr && type_named(*type) &&
         std::all_of(node.children.begin(), node.children.end(),
                     [](const TomlNode& child) { return is_long_form_key(child.key); });
}

class SchemaParser {
 public:
  explicit SchemaParser(ParseContext* context)
      : context_(context), diagnostics_(context->diagnostics) {}

  Fields fields(const TomlNode& node, int depth) {
    Fields out;
    if (!node.is(TomlNode::Kind::table)) {
      wrong_kind(node, quoted(node.key), "a table of fields", diagnostics_, "NAME = \"string\"");
      return out;
    }
    for (const TomlNode& child : node.children) {
      if (child.key == "*") {
        out.open = child.is(TomlNode::Kind::string) && child.text == "any";
        if (!out.open) {
          diagnostics_->error(child.place, "`*` can only be \"any\"",
                              "\"*\" = \"any\" allows fields that are not named");
        }
      } else if (child.key.empty() || child.key.size() > limits::kNameBytesMax) {
        diagnostics_->error(child.mark(), "a field's name has 1 to " +
                                              std::to_string(limits::kNameBytesMax) + " bytes");
      } else if (auto schema = one(child, depth)) {
        out.items.emplace_back(child.key, std::move(*schema));
      }
    }
    return out;
  }

  // A type's name or the long form.
  std::optional<Schema> one(const TomlNode& node, int depth) {
    if (depth > limits::kSchemaDepthMax) {
      diagnostics_->error(node.mark(), "a schema of more than " +
                                           std::to_string(limits::kSchemaDepthMax) + " levels");
      return std::nullopt;
    }
    if (node.is(TomlNode::Kind::table)) return long_form(node, depth);
    const std::optional<SchemaType> type = type_named(node);
    if (!type) {
      report_type(node, diagnostics_);
      return std::nullopt;
    }
    Schema schema;
    schema.type = *type;
    return schema;
  }

  std::optional<Schema> shape(const TomlNode& node) {
    if (!node.is(TomlNode::Kind::table) || is_long_form(node)) return one(node, 0);
    Schema schema;
    schema.type = SchemaType::map;
    schema.fields = std::make_shared<const Fields>(fields(node, 1));
    return schema;
  }

 private:
  std::optional<Schema> long_form(const TomlNode& node, int depth) {
    TableReader table(node, "a field", diagnostics_);
    Schema schema;
    const TomlNode* type =
        table.need("type", "fields of a nested table: { type = \"map\", fields = { ... } }");
    const std::optional<SchemaType> named = type != nullptr ? type_named(*type) : std::nullopt;
    if (type != nullptr && !named) report_type(*type, diagnostics_);
    schema.type = named.value_or(SchemaType::any);
    if (const TomlNode* x = table.take("optional")) {
      schema.optional = read_boolean(*x, diagnostics_).value_or(false);
    }
    nested(&table, depth, &schema);
    bounds(&table, &schema);
    const TomlNode* values = table.take("enum");
    const TomlNode* first = table.take("default");
    table.finish();
    // A value can only be checked against a schema that is right.
    if (type != nullptr && !named) return schema;
    if (values != nullptr) enumerate(*values, &schema);
    if (first != nullptr) {
      schema.default_value = checked(*first, schema);
      schema.optional = true;
    }
    return schema;
  }

  void nested(TableReader* table, int depth, Schema* schema) {
    const TomlNode* of = table->take("of");
    const TomlNode* inner = table->take("fields");
    const bool list = schema->type == SchemaType::list;
    const bool map = schema->type == SchemaType::map;
    if (of != nullptr && !list && !map) {
      diagnostics_->error(of->mark(), "`of` goes with the types list and map");
    } else if (of != nullptr) {
      if (auto element = one(*of, depth + 1)) {
        schema->of = std::make_shared<const Schema>(std::move(*element));
      }
    }
    if (inner == nullptr) return;
    if (!map || of != nullptr) {
      diagnostics_->error(inner->mark(), "`fields` goes with the type map, without `of`");
    } else {
      schema->fields = std::make_shared<const Fields>(fields(*inner, depth + 1));
    }
  }

  void bounds(TableReader* table, Schema* schema) {
    const TomlNode* min = table->take("min");
    const TomlNode* max = table->take("max");
    const bool bounded = schema->type != SchemaType::boolean && schema->type != SchemaType::any &&
                         schema->type != SchemaType::timestamp &&
                         schema->type != SchemaType::duration;
    for (const TomlNode* x : {min, max}) {
      if (x != nullptr && !bounded) {
        diagnostics_->error(x->mark(),
                            quoted(x->key) + " goes with numbers and with what has a length");
      }
    }
    if (!bounded) return;
    if (min != nullptr) schema->min = read_number(*min, -1e300, 1e300, diagnostics_);
    if (max != nullptr) schema->max = read_number(*max, -1e300, 1e300, diagnostics_);
    if (schema->min && schema->max && *schema->min > *schema->max) {
      diagnostics_->error(max->place, "`max` is smaller than `min`: nothing fits");
    }
  }

  void enumerate(const TomlNode& values, Schema* schema) {
    if (!values.is(TomlNode::Kind::list)) {
      return wrong_kind(values, "`enum`", "a list of values", diagnostics_);
    }
    if (values.children.empty()) diagnostics_->error(values.place, "nothing is in an empty `enum`");
    std::vector<Value> out;
    for (const TomlNode& item : values.children) {
      if (auto value = checked(item, *schema)) out.push_back(std::move(*value));
    }
    schema->enum_values = std::move(out);
  }

  std::optional<Value> checked(const TomlNode& node, const Schema& schema) {
    std::optional<Value> value = parse_literal(node, context_);
    if (!value) return std::nullopt;
    std::vector<SchemaError> errors;
    Value converted = apply_schema(schema, *value, "", &errors);
    const std::string name = node.key.empty() ? "this value" : quoted(node.key);
    for (const SchemaError& e : errors) {
      diagnostics_->error(node.place,
                          name + (e.path.empty() ? "" : ": " + quoted(e.path)) + " " + e.message);
    }
    if (!errors.empty()) return std::nullopt;
    return converted;
  }

  ParseContext* context_;
  DiagnosticList* diagnostics_;
};

SchemaType type_of_value(const Value& value) {
  switch (value.kind()) {
    case Kind::boolean:
      return SchemaType::boolean;
    case Kind::int64:
      return SchemaType::int64;
    case Kind::float64:
      return SchemaType::number;
    case Kind::string:
      return SchemaType::string;
    case Kind::bytes:
      return SchemaType::bytes;
    case Kind::list:
      return SchemaType::list;
    case Kind::map:
      return SchemaType::map;
    case Kind::timestamp:
      return SchemaType::timestamp;
    case Kind::duration:
      return SchemaType::duration;
    default:
      return SchemaType::any;
  }
}

std::optional<Schema> parse_variable(const TomlNode& node, ParseContext* context) {
  DiagnosticList* diagnostics = context->diagnostics;
  const bool text = node.is(TomlNode::Kind::string) && !node.text.starts_with('=');
  if (text && !type_named(node)) {
    // A first value that is text is written in the long form, so that a misspelt type is no value.
    diagnostics->error(node.place, quoted(node.text) + " is no type",
                       "a first value that is text: " + node.key +
                           " = { type = \"string\", default = " + "\"...\" }; " +
                           std::string(kTypeNames));
    return std::nullopt;
  }
  if (text || (node.is(TomlNode::Kind::table) && node.find("type") != nullptr)) {
    std::optional<Schema> schema = SchemaParser(context).one(node, 0);
    if (schema) schema->optional = true;
    return schema;
  }
  std::optional<Value> first = parse_literal(node, context);
  if (!first) return std::nullopt;
  Schema schema;
  schema.type = type_of_value(*first);
  schema.optional = true;
  schema.default_value = std::move(*first);
  return schema;
}

}  // namespace

Fields parse_fields(const TomlNode& node, ParseContext* context) {
  return SchemaParser(context).fields(node, 0);
}

std::optional<Schema> parse_shape(const TomlNode& node, ParseContext* context) {
  return SchemaParser(context).shape(node);
}

Fields parse_variables(const TomlNode& node, ParseContext* context) {
  Fields out;
  if (!node.is(TomlNode::Kind::table)) {
    wrong_kind(node, "[vars]", "a table", context->diagnostics, "NAME = \"string\" or NAME = 0");
    return out;
  }
  for (const TomlNode& child : node.children) {
    if (!check_variable(child.key, child.mark(), context->diagnostics)) continue;
    if (auto schema = parse_variable(child, context)) {
      out.items.emplace_back(child.key, std::move(*schema));
    }
  }
  return out;
}

}  // namespace pawl::dsl
