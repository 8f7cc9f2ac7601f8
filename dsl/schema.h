// Schemas of inputs, variables, payloads and results: what a definition declares under [input],
// [vars], [signal.X.payload] and [task."TYPE"]. A schema checks values at run time and types
// expressions at deploy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/expression.h"
#include "dsl/value.h"

namespace pawl::dsl {

enum class SchemaType : std::uint8_t {
  any,
  string,
  number,
  int64,
  boolean,
  bytes,
  list,
  map,
  timestamp,
  duration,
};

struct Schema;

// The fields of a table, in the order of the file.
struct Fields {
  std::vector<std::pair<std::string, Schema>> items;
  bool open = false;  // "*" = "any": other fields are allowed and kept
  const Schema* find(std::string_view name) const;
};

struct Schema {
  SchemaType type = SchemaType::any;
  bool optional = false;
  std::optional<Value> default_value;  // fills a missing field; implies optional
  std::vector<Value> enum_values;      // empty: any
  std::optional<double> min;           // a number's value; a string's, list's or map's length
  std::optional<double> max;
  std::shared_ptr<const Schema> of;      // of a list's elements or a map's values
  std::shared_ptr<const Fields> fields;  // of a map with known fields
};

// What is wrong with a value and where in it: path is like "items[2].sku".
struct SchemaError {
  std::string path;
  std::string message;  // e.g. "is a string, must be a number"
};

// Checks `value` (a map) against the fields, fills defaults and converts what JSON can't say: a
// string where timestamp, duration or bytes (base64) is declared becomes that kind, and an int
// where "number" is declared stays an int. Appends to `errors` everything that is wrong; the result
// is meaningful only if nothing was appended.
Value apply_fields(const Fields& fields, const Value& value, std::vector<SchemaError>* errors);

// The same for one value; `path` names it in the errors.
Value apply_schema(const Schema& schema, const Value& value, const std::string& path,
                   std::vector<SchemaError>* errors);

// "string", "list of number" ...: for messages.
std::string to_string(const Schema& schema);

// What the checker of expressions knows about a value that fits the schema.
Type type_of(const Schema& schema);
// A map with these fields: selecting another one is an error unless they are open.
Type type_of(const Fields& fields);

}  // namespace pawl::dsl
