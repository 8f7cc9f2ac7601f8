#include "dsl/arithmetic.h"

#include <limits>

#include "base/check.h"
#include "dsl/number.h"
#include "dsl/time_text.h"

namespace pawl::dsl {
namespace {

template <class T>
bool whole(Op op, T a, T b, Meter* meter, T* out) {
  constexpr bool kSigned = static_cast<T>(-1) < 0;
  const auto overflow = [&] {
    return meter->fail(kSigned ? "integer overflow" : "unsigned integer overflow");
  };
  switch (op) {
    case Op::add:
      return !__builtin_add_overflow(a, b, out) || overflow();
    case Op::subtract:
      return !__builtin_sub_overflow(a, b, out) || overflow();
    case Op::multiply:
      return !__builtin_mul_overflow(a, b, out) || overflow();
    case Op::divide:
    case Op::modulo:
      if (b == 0) return meter->fail(op == Op::divide ? "division by zero" : "modulus by zero");
      // The lowest value over -1 has no result, and traps.
      if (kSigned && b == static_cast<T>(-1) && a == std::numeric_limits<T>::min())
        return overflow();
      *out = op == Op::divide ? a / b : a % b;
      return true;
    default:
      PAWL_UNREACHABLE();
  }
}

double floating(Op op, double a, double b) {
  switch (op) {
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    default:
      PAWL_UNREACHABLE();
  }
}

bool no_overload(Op op, const Value& a, const Value& b, Meter* meter) {
  return meter->fail("no such overload: " + std::string(type_name(a.kind())) + " " +
                     std::string(symbol_of(op)) + " " + std::string(type_name(b.kind())));
}

double to_double(const Value& v) {
  return v.kind() == Kind::int64 ? static_cast<double>(v.as_int()) : v.as_double();
}

bool numbers(Op op, const Value& a, const Value& b, Meter* meter, Value* out) {
  if (a.kind() == Kind::int64 && b.kind() == Kind::int64) {
    std::int64_t x = 0;
    if (!whole(op, a.as_int(), b.as_int(), meter, &x)) return false;
    *out = Value::int64(x);
    return true;
  }
  if (a.kind() == Kind::uint64 && b.kind() == Kind::uint64) {
    std::uint64_t x = 0;
    if (!whole(op, a.as_uint(), b.as_uint(), meter, &x)) return false;
    *out = Value::uint64(x);
    return true;
  }
  const bool mixed = a.kind() != b.kind() && !meter->additions();
  if (mixed || a.kind() == Kind::uint64 || b.kind() == Kind::uint64 || op == Op::modulo) {
    return no_overload(op, a, b, meter);
  }
  *out = Value::float64(floating(op, to_double(a), to_double(b)));
  return true;
}

bool times(Op op, const Value& a, const Value& b, Meter* meter, Value* out) {
  Timestamp t;
  Duration d;
  const bool plus = op == Op::add, minus = op == Op::subtract;
  const Kind ka = a.kind(), kb = b.kind();
  bool in_range = false;
  if (ka == Kind::timestamp && kb == Kind::duration && (plus || minus)) {
    in_range = plus ? add(a.as_timestamp(), b.as_duration(), &t)
                    : subtract(a.as_timestamp(), b.as_duration(), &t);
    *out = Value::timestamp(t);
  } else if (ka == Kind::duration && kb == Kind::timestamp && plus) {
    in_range = add(b.as_timestamp(), a.as_duration(), &t);
    *out = Value::timestamp(t);
  } else if (ka == Kind::timestamp && kb == Kind::timestamp && minus) {
    in_range = subtract(a.as_timestamp(), b.as_timestamp(), &d);
    *out = Value::duration(d);
  } else if (ka == Kind::duration && kb == Kind::duration && (plus || minus)) {
    in_range = plus ? add(a.as_duration(), b.as_duration(), &d)
                    : subtract(a.as_duration(), b.as_duration(), &d);
    *out = Value::duration(d);
  } else {
    return no_overload(op, a, b, meter);
  }
  return in_range || meter->fail(out->kind() == Kind::timestamp ? "timestamp out of range"
                                                                : "duration out of range");
}

bool concatenate(const Value& a, const Value& b, Meter* meter, Value* out) {
  if (a.kind() == Kind::list) {
    const List &x = a.as_list(), &y = b.as_list();
    if (!meter->make_items(x.size() + y.size())) return false;
    if (!meter->charge_copies(x) || !meter->charge_copies(y)) return false;
    List joined;
    joined.reserve(x.size() + y.size());
    joined.insert(joined.end(), x.begin(), x.end());
    joined.insert(joined.end(), y.begin(), y.end());
    *out = Value::list(std::move(joined));
    return true;
  }
  const bool text = a.kind() == Kind::string;
  const std::string& x = text ? a.as_string() : a.as_bytes();
  const std::string& y = text ? b.as_string() : b.as_bytes();
  if (!meter->make_bytes(x.size() + y.size())) return false;
  *out = text ? Value::string(x + y) : Value::bytes(x + y);
  return true;
}

bool is_time(Kind kind) { return kind == Kind::timestamp || kind == Kind::duration; }

}  // namespace

bool calculate(Op op, const Value& a, const Value& b, Meter* meter, Value* out) {
  if (is_number(a.kind()) && is_number(b.kind())) return numbers(op, a, b, meter, out);
  if (is_time(a.kind()) && is_time(b.kind())) return times(op, a, b, meter, out);
  const bool joins = a.kind() == Kind::string || a.kind() == Kind::bytes || a.kind() == Kind::list;
  if (op == Op::add && joins && a.kind() == b.kind()) return concatenate(a, b, meter, out);
  return no_overload(op, a, b, meter);
}

bool negate(const Value& a, Meter* meter, Value* out) {
  if (a.kind() == Kind::float64) {
    *out = Value::float64(-a.as_double());
    return true;
  }
  if (a.kind() != Kind::int64) {
    return meter->fail("no such overload: -" + std::string(type_name(a.kind())));
  }
  if (a.as_int() == INT64_MIN) return meter->fail("integer overflow");
  *out = Value::int64(-a.as_int());
  return true;
}

std::string_view symbol_of(Op op) {
  switch (op) {
    case Op::add:
      return "+";
    case Op::subtract:
    case Op::negate:
      return "-";
    case Op::multiply:
      return "*";
    case Op::divide:
      return "/";
    case Op::modulo:
      return "%";
    case Op::equal:
      return "==";
    case Op::not_equal:
      return "!=";
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::in:
      return "in";
    case Op::logical_and:
      return "&&";
    case Op::logical_or:
      return "||";
    case Op::logical_not:
      return "!";
    default:
      return "?";
  }
}

}  // namespace pawl::dsl
