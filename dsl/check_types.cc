#include "dsl/check_types.h"

namespace pawl::dsl {
namespace {

bool is_number(Type::Base base) {
  return base == Type::Base::int64 || base == Type::Base::uint64 || base == Type::Base::float64 ||
         base == Type::Base::number;
}

// Strings that JSON sends for timestamps, durations and bytes are converted where they come in; an
// expression says what it means with timestamp(), duration() or base64.decode().
bool kinds_agree(Type::Base from, SchemaType to) {
  switch (to) {
    case SchemaType::any:
      return true;
    case SchemaType::string:
      return from == Type::Base::string;
    case SchemaType::boolean:
      return from == Type::Base::boolean;
    case SchemaType::list:
      return from == Type::Base::list;
    case SchemaType::map:
      return from == Type::Base::map;
    case SchemaType::number:
      return is_number(from);
    case SchemaType::int64:
      return is_number(from) && from != Type::Base::float64;
    case SchemaType::bytes:
      return from == Type::Base::bytes;
    case SchemaType::timestamp:
      return from == Type::Base::timestamp;
    case SchemaType::duration:
      return from == Type::Base::duration;
  }
  return true;
}

bool fields_may_pass(const std::map<std::string, Type>& from, bool from_open, const Fields& to) {
  for (const auto& [name, schema] : to.items) {
    const auto it = from.find(name);
    if (it != from.end() && !may_pass(it->second, schema)) return false;
    const bool may_lack = schema.optional || schema.default_value.has_value();
    if (it == from.end() && !from_open && !may_lack) return false;
  }
  return true;
}

}  // namespace

bool may_pass(const Type& from, const Schema& to) {
  if (from.base == Type::Base::dyn || to.type == SchemaType::any) return true;
  if (from.base == Type::Base::null && (to.optional || to.default_value)) return true;
  if (!kinds_agree(from.base, to.type)) return false;
  if (to.of && from.element && !may_pass(*from.element, *to.of)) return false;
  if (to.fields && from.fields) return fields_may_pass(*from.fields, from.open, *to.fields);
  return true;
}

}  // namespace pawl::dsl
