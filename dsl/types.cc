#include "dsl/types.h"

#include "base/check.h"

namespace pawl::dsl {
namespace {

using Base = Type::Base;

bool same_base(const Type& a, const Type& b) { return a.base == b.base; }

}  // namespace

bool is_dyn(const Type& type) { return type.base == Base::dyn || type.base == Base::error; }

bool is_numeric(const Type& type) {
  return type.base == Base::int64 || type.base == Base::uint64 || type.base == Base::float64 ||
         type.base == Base::number;
}

Type list_of(Type element) {
  Type t = Type::of(Base::list);
  t.element = std::make_shared<const Type>(std::move(element));
  return t;
}

Type map_of(Type key, Type value) {
  Type t = Type::of(Base::map);
  t.key = std::make_shared<const Type>(std::move(key));
  t.element = std::make_shared<const Type>(std::move(value));
  return t;
}

Type element_of(const Type& type) { return type.element ? *type.element : Type::of(Base::dyn); }

Type key_of(const Type& type) { return type.key ? *type.key : Type::of(Base::dyn); }

Type join(const Type& a, const Type& b) {
  if (is_dyn(a) || is_dyn(b)) return Type::of(Base::dyn);
  if (same_base(a, b)) {
    if (a.base == Base::list) return list_of(join(element_of(a), element_of(b)));
    if (a.base != Base::map) return a;
    if (a.fields != nullptr && a.fields == b.fields) return a;
    return map_of(join(key_of(a), key_of(b)), join(element_of(a), element_of(b)));
  }
  const bool mixes =
      is_numeric(a) && is_numeric(b) && a.base != Base::uint64 && b.base != Base::uint64;
  return Type::of(mixes ? Base::number : Base::dyn);
}

bool comparable(const Type& a, const Type& b) {
  if (is_dyn(a) || is_dyn(b) || a.base == Base::null || b.base == Base::null) return true;
  if (is_numeric(a) && is_numeric(b)) return true;
  if (!same_base(a, b)) return false;
  if (a.base == Base::list) return comparable(element_of(a), element_of(b));
  if (a.base != Base::map) return true;
  return comparable(key_of(a), key_of(b)) && comparable(element_of(a), element_of(b));
}

bool ordered(const Type& a, const Type& b) {
  const auto has_order = [](const Type& t) {
    return is_numeric(t) || t.base == Base::boolean || t.base == Base::string ||
           t.base == Base::bytes || t.base == Base::timestamp || t.base == Base::duration;
  };
  if (is_dyn(a) || is_dyn(b)) return (is_dyn(a) || has_order(a)) && (is_dyn(b) || has_order(b));
  return has_order(a) && ((is_numeric(a) && is_numeric(b)) || same_base(a, b));
}

Type type_of_constant(const Value& value) {
  switch (value.kind()) {
    case Kind::null:
      return Type::of(Base::null);
    case Kind::boolean:
      return Type::of(Base::boolean);
    case Kind::int64:
      return Type::of(Base::int64);
    case Kind::uint64:
      return Type::of(Base::uint64);
    case Kind::float64:
      return Type::of(Base::float64);
    case Kind::string:
      return Type::of(Base::string);
    case Kind::bytes:
      return Type::of(Base::bytes);
    case Kind::timestamp:
      return Type::of(Base::timestamp);
    case Kind::duration:
      return Type::of(Base::duration);
    case Kind::type:
      return Type::of(Base::type);
    case Kind::list:
    case Kind::map:
    case Kind::optional:
      break;
  }
  return Type::of(Base::dyn);
}

bool letter_accepts(char letter, const Type& type) {
  if (letter == 'A' || is_dyn(type)) return true;
  if (letter == 'X') return is_numeric(type);
  if (type.base == Base::number) return letter == 'I' || letter == 'D';
  return letter != 'O' && type_of_letter(letter).base == type.base;
}

Type type_of_letter(char letter) {
  switch (letter) {
    case 'B':
      return Type::of(Base::boolean);
    case 'I':
      return Type::of(Base::int64);
    case 'U':
      return Type::of(Base::uint64);
    case 'D':
      return Type::of(Base::float64);
    case 'X':
      return Type::of(Base::number);
    case 'S':
      return Type::of(Base::string);
    case 'Y':
      return Type::of(Base::bytes);
    case 'T':
      return Type::of(Base::timestamp);
    case 'R':
      return Type::of(Base::duration);
    case 'L':
      return Type::of(Base::list);
    case 'M':
      return Type::of(Base::map);
    case 'K':
      return Type::of(Base::type);
    case 's':
      return list_of(Type::of(Base::string));
    case 'i':
      return list_of(Type::of(Base::int64));
    case 'A':
    case 'O':
      return Type::of(Base::dyn);
    default:
      PAWL_UNREACHABLE();
  }
}

std::string to_string(const Type& type) {
  switch (type.base) {
    case Base::dyn:
    case Base::error:
      return "dyn";
    case Base::null:
      return "null";
    case Base::boolean:
      return "bool";
    case Base::int64:
      return "int";
    case Base::uint64:
      return "uint";
    case Base::float64:
      return "double";
    case Base::number:
      return "number";
    case Base::string:
      return "string";
    case Base::bytes:
      return "bytes";
    case Base::timestamp:
      return "timestamp";
    case Base::duration:
      return "duration";
    case Base::type:
      return "type";
    case Base::list:
      return "list(" + to_string(element_of(type)) + ")";
    case Base::map:
      return "map(" + to_string(key_of(type)) + ", " + to_string(element_of(type)) + ")";
  }
  PAWL_UNREACHABLE();
}

}  // namespace pawl::dsl
