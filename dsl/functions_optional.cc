// The optionals extension. `or` and `orValue` do not evaluate what they don't need, so they are
// operations of the tree; so are optMap and optFlatMap.
#include "dsl/functions.h"

namespace pawl::dsl {
namespace {

bool give_some(Call& call, const Value& value) {
  return call.meter->charge_copy(value) &&
         call.give(Value::optional(std::make_shared<const Value>(value)));
}

// What a type has as its own nothing: "", 0, [], false, null ...
bool is_zero(const Value& v) {
  switch (v.kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return !v.as_bool();
    case Kind::int64:
      return v.as_int() == 0;
    case Kind::uint64:
      return v.as_uint() == 0;
    case Kind::float64:
      return v.as_double() == 0;
    case Kind::string:
      return v.as_string().empty();
    case Kind::bytes:
      return v.as_bytes().empty();
    case Kind::list:
      return v.as_list().empty();
    case Kind::map:
      return v.as_map().empty();
    case Kind::duration:
      return v.as_duration() == Duration{};
    default:
      return false;
  }
}

bool of(Call& call) { return give_some(call, call[0]); }
bool none(Call& call) { return call.give(Value::optional(nullptr)); }
bool of_non_zero(Call& call) { return is_zero(call[0]) ? none(call) : give_some(call, call[0]); }

bool has_value(Call& call) { return call.give(Value::boolean(call[0].as_optional() != nullptr)); }

bool value(Call& call) {
  if (call[0].as_optional() == nullptr) return call.fail("optional.none() has no value");
  return call.meter->charge_copy(*call[0].as_optional()) && call.give(*call[0].as_optional());
}

// The values of those that have one.
bool unwrap(Call& call) {
  List out;
  for (const Value& x : call[0].as_list()) {
    if (!call.meter->charge(1)) return false;
    if (x.kind() != Kind::optional) return call.fail("no such overload: an element is no optional");
    if (x.as_optional() == nullptr) continue;
    if (!call.meter->charge_copy(*x.as_optional())) return false;
    out.push_back(*x.as_optional());
  }
  return call.meter->make_items(out.size()) && call.give(Value::list(std::move(out)));
}

constexpr Overload kFunctions[] = {
    {"optional.of", false, "A", 'O', of},
    {"optional.none", false, "", 'O', none},
    {"optional.ofNonZeroValue", false, "A", 'O', of_non_zero},
    {"optional.unwrap", false, "L", 'L', unwrap},
    {"unwrapOpt", true, "L", 'L', unwrap},
    {"hasValue", true, "O", 'B', has_value},
    {"value", true, "O", 'A', value},
};

}  // namespace

std::span<const Overload> optional_functions() { return kFunctions; }

}  // namespace pawl::dsl
