#include "dsl/schema.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/base64.h"
#include "dsl/expression.h"
#include "dsl/number.h"
#include "dsl/suggest.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

std::string_view name_of(SchemaType type) {
  switch (type) {
    case SchemaType::any:
      return "any";
    case SchemaType::string:
      return "string";
    case SchemaType::number:
      return "number";
    case SchemaType::int64:
      return "int";
    case SchemaType::boolean:
      return "bool";
    case SchemaType::bytes:
      return "bytes";
    case SchemaType::list:
      return "list";
    case SchemaType::map:
      return "map";
    case SchemaType::timestamp:
      return "timestamp";
    case SchemaType::duration:
      return "duration";
  }
  PAWL_UNREACHABLE();
}

// "is a string": what came, in a sentence.
std::string_view what_is(Kind kind) {
  constexpr std::string_view kWords[] = {
      "is null",       "is a bool", "is an int",      "is an unsigned int", "is a number",
      "is a string",   "are bytes", "is a list",      "is a map",           "is a timestamp",
      "is a duration", "is a type", "is an optional",
  };
  return kWords[static_cast<std::size_t>(kind)];
}

// "must be an int": what is wanted.
std::string wanted(SchemaType type) {
  if (type == SchemaType::bytes) return "must be bytes (base64)";
  if (type == SchemaType::timestamp) return "must be a timestamp (RFC 3339)";
  if (type == SchemaType::duration) return "must be a duration (like \"1h30m\")";
  const std::string_view name = name_of(type);
  return std::string(type == SchemaType::int64 ? "must be an " : "must be a ").append(name);
}

std::string join(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : path + "." + std::string(field);
}

// One application: the errors and the limit on their number.
class Application {
 public:
  explicit Application(std::vector<SchemaError>* errors) : errors_(errors) {}

  Value fields(const Fields& fields, const Value& value, const std::string& path);
  Value schema(const Schema& schema, const Value& value, const std::string& path);

 private:
  bool convert(const Schema& schema, const Value& value, const std::string& path, Value* out);
  Value list(const Schema& schema, const Value& value, const std::string& path);
  Value map(const Schema& schema, const Value& value, const std::string& path);
  void check_bounds(const Schema& schema, const Value& value, const std::string& path);
  void check_enum(const Schema& schema, const Value& value, const std::string& path);
  void unknown_field(const Fields& fields, const Value& key, const std::string& path);

  void error(const std::string& path, std::string message) {
    if (errors_->size() < static_cast<std::size_t>(limits::kDiagnosticsMax)) {
      errors_->push_back({path, std::move(message)});
    }
  }

  std::vector<SchemaError>* errors_;
};

void Application::unknown_field(const Fields& fields, const Value& key, const std::string& path) {
  if (key.kind() != Kind::string) {
    return error(path, "has the key " + key.debug_string() + ", keys must be strings");
  }
  std::vector<std::string_view> names;
  for (const auto& [name, schema] : fields.items) names.push_back(name);
  const std::string hint = did_you_mean(key.as_string(), names);
  error(join(path, key.as_string()), "is not a known field" + (hint.empty() ? "" : ", " + hint));
}

Value Application::fields(const Fields& fields, const Value& value, const std::string& path) {
  if (value.kind() != Kind::map) {
    error(path, std::string(what_is(value.kind())) + ", must be a map");
    return value;
  }
  Map out;
  for (const auto& [name, field] : fields.items) {
    const Value* given = value.field(name);
    // A null is how JSON often says "absent".
    const bool may_lack = field.optional || field.default_value.has_value();
    if (given != nullptr && given->is_null() && may_lack && field.type != SchemaType::any) {
      given = nullptr;
    }
    if (given != nullptr) {
      out.emplace_back(Value::string(name), schema(field, *given, join(path, name)));
    } else if (field.default_value) {
      out.emplace_back(Value::string(name), *field.default_value);
    } else if (!field.optional) {
      error(join(path, name),
            field.type == SchemaType::any ? "is missing" : "is missing, " + wanted(field.type));
    }
  }
  for (const auto& [key, x] : value.as_map()) {
    if (key.kind() == Kind::string && fields.find(key.as_string()) != nullptr) continue;
    if (fields.open) {
      out.emplace_back(key, x);
    } else {
      unknown_field(fields, key, path);
    }
  }
  return Value::map(std::move(out));
}

// JSON can't hold every int64 exactly, so large ones travel as strings; "5" stays a mistake.
bool large_int(std::string_view text, Value* out) {
  std::int64_t x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (x >= -kExact && x <= kExact) return false;
  *out = Value::int64(x);
  return true;
}

bool from_string(SchemaType type, const std::string& text, Value* out) {
  if (type == SchemaType::int64 || type == SchemaType::number) return large_int(text, out);
  if (type == SchemaType::timestamp) {
    Timestamp t;
    if (!parse_timestamp(text, &t)) return false;
    *out = Value::timestamp(t);
    return true;
  }
  if (type == SchemaType::duration) {
    Duration d;
    if (!parse_duration(text, &d)) return false;
    *out = Value::duration(d);
    return true;
  }
  std::string bytes;
  if (type != SchemaType::bytes || !base64_decode(text, &bytes)) return false;
  *out = Value::bytes(std::move(bytes));
  return true;
}

bool fits(SchemaType type, Kind kind) {
  switch (type) {
    case SchemaType::any:
      return true;
    case SchemaType::string:
      return kind == Kind::string;
    case SchemaType::number:
      return kind == Kind::int64 || kind == Kind::float64;
    case SchemaType::int64:
      return kind == Kind::int64;
    case SchemaType::boolean:
      return kind == Kind::boolean;
    case SchemaType::bytes:
      return kind == Kind::bytes;
    case SchemaType::list:
      return kind == Kind::list;
    case SchemaType::map:
      return kind == Kind::map;
    case SchemaType::timestamp:
      return kind == Kind::timestamp;
    case SchemaType::duration:
      return kind == Kind::duration;
  }
  PAWL_UNREACHABLE();
}

bool Application::convert(const Schema& schema, const Value& value, const std::string& path,
                          Value* out) {
  *out = value;
  if (fits(schema.type, value.kind())) return true;
  const bool whole = schema.type == SchemaType::int64 || schema.type == SchemaType::number;
  if (whole && value.kind() == Kind::uint64 &&
      compare_numbers(value, Value::int64(INT64_MAX)) != Ordering::greater) {
    *out = Value::int64(static_cast<std::int64_t>(value.as_uint()));
    return true;
  }
  if (value.kind() == Kind::string && from_string(schema.type, value.as_string(), out)) return true;
  error(path, std::string(what_is(value.kind())) + ", " + wanted(schema.type));
  return false;
}

Value Application::list(const Schema& schema, const Value& value, const std::string& path) {
  if (!schema.of) return value;
  List out;
  out.reserve(value.as_list().size());
  for (std::size_t i = 0; i < value.as_list().size(); ++i) {
    out.push_back(
        this->schema(*schema.of, value.as_list()[i], path + "[" + std::to_string(i) + "]"));
  }
  return Value::list(std::move(out));
}

Value Application::map(const Schema& schema, const Value& value, const std::string& path) {
  if (schema.fields) return fields(*schema.fields, value, path);
  if (!schema.of) return value;
  Map out;
  out.reserve(value.as_map().size());
  for (const auto& [key, x] : value.as_map()) {
    const std::string at = key.kind() == Kind::string ? join(path, key.as_string())
                                                      : path + "[" + key.debug_string() + "]";
    out.emplace_back(key, this->schema(*schema.of, x, at));
  }
  return Value::map(std::move(out));
}

void Application::check_bounds(const Schema& schema, const Value& value, const std::string& path) {
  if (!schema.min && !schema.max) return;
  std::string_view what;
  Value measure;
  if (is_number(value.kind())) {
    measure = value;
  } else {
    what = "length ";
    std::size_t n = 0;
    if (value.kind() == Kind::string)
      n = count_runes(value.as_string());
    else if (value.kind() == Kind::bytes)
      n = value.as_bytes().size();
    else if (value.kind() == Kind::list)
      n = value.as_list().size();
    else if (value.kind() == Kind::map)
      n = value.as_map().size();
    else
      return;
    measure = Value::int64(static_cast<std::int64_t>(n));
  }
  const auto bound = [&](double limit, bool lowest) {
    const Ordering o = compare_exactly(measure, Value::float64(limit));
    if (o == Ordering::equal || o == (lowest ? Ordering::greater : Ordering::less)) return;
    error(path, "has the " + std::string(what.empty() ? "value " : what) + measure.debug_string() +
                    (lowest ? ", must be at least " : ", must be at most ") + format_double(limit));
  };
  if (schema.min) bound(*schema.min, true);
  if (schema.max) bound(*schema.max, false);
}

void Application::check_enum(const Schema& schema, const Value& value, const std::string& path) {
  if (schema.enum_values.empty()) return;
  std::string allowed;
  for (const Value& x : schema.enum_values) {
    if (x.equals(value)) return;
    allowed += (allowed.empty() ? "" : ", ") + x.debug_string();
  }
  error(path, "must be one of " + allowed);
}

Value Application::schema(const Schema& schema, const Value& value, const std::string& path) {
  Value out;
  if (!convert(schema, value, path, &out)) return value;
  const std::size_t errors_before = errors_->size();
  if (out.kind() == Kind::list)
    out = list(schema, out, path);
  else if (out.kind() == Kind::map)
    out = map(schema, out, path);
  if (errors_->size() != errors_before) return out;
  check_enum(schema, out, path);
  check_bounds(schema, out, path);
  return out;
}

Type base_type(SchemaType type) {
  switch (type) {
    case SchemaType::any:
      return Type::of(Type::Base::dyn);
    case SchemaType::string:
      return Type::of(Type::Base::string);
    case SchemaType::number:
      return Type::of(Type::Base::number);
    case SchemaType::int64:
      return Type::of(Type::Base::int64);
    case SchemaType::boolean:
      return Type::of(Type::Base::boolean);
    case SchemaType::bytes:
      return Type::of(Type::Base::bytes);
    case SchemaType::list:
      return Type::of(Type::Base::list);
    case SchemaType::map:
      return Type::of(Type::Base::map);
    case SchemaType::timestamp:
      return Type::of(Type::Base::timestamp);
    case SchemaType::duration:
      return Type::of(Type::Base::duration);
  }
  PAWL_UNREACHABLE();
}

}  // namespace

const Schema* Fields::find(std::string_view name) const {
  for (const auto& [known, schema] : items) {
    if (known == name) return &schema;
  }
  return nullptr;
}

Value apply_fields(const Fields& fields, const Value& value, std::vector<SchemaError>* errors) {
  return Application(errors).fields(fields, value, "");
}

Value apply_schema(const Schema& schema, const Value& value, const std::string& path,
                   std::vector<SchemaError>* errors) {
  return Application(errors).schema(schema, value, path);
}

std::string to_string(const Schema& schema) {
  std::string out(name_of(schema.type));
  if (schema.of) out += " of " + to_string(*schema.of);
  return out;
}

Type type_of(const Schema& schema) {
  if (schema.type == SchemaType::map && schema.fields) return type_of(*schema.fields);
  Type type = base_type(schema.type);
  if (schema.of) type.element = std::make_shared<const Type>(type_of(*schema.of));
  if (schema.type == SchemaType::map) {
    type.key = std::make_shared<const Type>(Type::of(Type::Base::dyn));
  }
  return type;
}

Type type_of(const Fields& fields) {
  Type type = Type::of(Type::Base::map);
  type.key = std::make_shared<const Type>(Type::of(Type::Base::string));
  auto known = std::make_shared<std::map<std::string, Type>>();
  for (const auto& [name, schema] : fields.items) (*known)[name] = type_of(schema);
  type.fields = std::move(known);
  type.open = fields.open;
  return type;
}

}  // namespace pawl::dsl
