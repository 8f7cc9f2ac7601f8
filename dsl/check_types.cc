#include "dsl/check_types.h"

namespace pawl::dsl {
namespace {

Type::Base base_of(SchemaType type) {
  switch (type) {
    case SchemaType::any:
      return Type::Base::dyn;
    case SchemaType::string:
      return Type::Base::string;
    case SchemaType::number:
      return Type::Base::number;
    case SchemaType::int64:
      return Type::Base::int64;
    case SchemaType::boolean:
      return Type::Base::boolean;
    case SchemaType::bytes:
      return Type::Base::bytes;
    case SchemaType::list:
      return Type::Base::list;
    case SchemaType::map:
      return Type::Base::map;
    case SchemaType::timestamp:
      return Type::Base::timestamp;
    case SchemaType::duration:
      return Type::Base::duration;
  }
  return Type::Base::dyn;
}

bool is_number(Type::Base base) {
  return base == Type::Base::int64 || base == Type::Base::uint64 || base == Type::Base::float64 ||
         base == Type::Base::number;
}

// Schemas convert what JSON can't say: strings become timestamps, durations, bytes and large ints.
bool kinds_agree(Type::Base from, SchemaType to) {
  switch (to) {
    case SchemaType::any:
      return true;
    case SchemaType::number:
      return is_number(from);
    case SchemaType::int64:
      return is_number(from) && from != Type::Base::float64;
    case SchemaType::bytes:
    case SchemaType::timestamp:
    case SchemaType::duration:
      return from == base_of(to) || from == Type::Base::string;
    default:
      return from == base_of(to);
  }
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

Type type_of(const Fields& fields) {
  std::map<std::string, Type> types;
  for (const auto& [name, schema] : fields.items) types.emplace(name, type_of(schema));
  Type type = Type::of(Type::Base::map);
  type.key = std::make_shared<const Type>(Type::of(Type::Base::string));
  type.fields = std::make_shared<const std::map<std::string, Type>>(std::move(types));
  type.open = fields.open;
  return type;
}

Type type_of(const Schema& schema) {
  if (schema.fields) return type_of(*schema.fields);
  Type type = Type::of(base_of(schema.type));
  if (schema.of) type.element = std::make_shared<const Type>(type_of(*schema.of));
  return type;
}

bool may_pass(const Type& from, const Schema& to) {
  if (from.base == Type::Base::dyn || to.type == SchemaType::any) return true;
  if (from.base == Type::Base::null && (to.optional || to.default_value)) return true;
  if (!kinds_agree(from.base, to.type)) return false;
  if (to.of && from.element && !may_pass(*from.element, *to.of)) return false;
  if (to.fields && from.fields) return fields_may_pass(*from.fields, from.open, *to.fields);
  return true;
}

}  // namespace pawl::dsl
