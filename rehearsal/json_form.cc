#include "rehearsal/json_form.h"

#include "codecs/json.h"

namespace pawl::rehearsal {

dsl::Value json_form(const dsl::Value& value) {
  switch (value.kind()) {
    case dsl::Kind::list: {
      dsl::List items;
      for (const dsl::Value& item : value.as_list()) items.push_back(json_form(item));
      return dsl::Value::list(std::move(items));
    }
    case dsl::Kind::map: {
      dsl::Map fields;
      for (const auto& [key, field] : value.as_map()) fields.emplace_back(key, json_form(field));
      return dsl::Value::map(std::move(fields));
    }
    case dsl::Kind::timestamp:
    case dsl::Kind::duration:
    case dsl::Kind::bytes: {
      dsl::Value text;
      codecs::JsonError error;
      return codecs::parse_json(codecs::to_json(value), &text, &error) ? text : value;
    }
    default:
      return value;
  }
}

bool same(const dsl::Value& expected, const dsl::Value& actual) {
  return json_form(expected).equals(json_form(actual));
}

bool includes(const dsl::Value& expected, const dsl::Value& actual) {
  if (expected.kind() != dsl::Kind::map || actual.kind() != dsl::Kind::map) {
    return same(expected, actual);
  }
  for (const auto& [key, field] : expected.as_map()) {
    const dsl::Value* other =
        key.kind() == dsl::Kind::string ? actual.field(key.as_string()) : nullptr;
    if (other == nullptr ? !field.is_null() : !includes(field, *other)) return false;
  }
  return true;
}

}  // namespace pawl::rehearsal
