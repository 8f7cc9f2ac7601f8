// The math extension.
#include <cmath>

#include "dsl/functions.h"
#include "dsl/number.h"

namespace pawl::dsl {
namespace {

// Of equal ones the first; a NaN is never taken over a number.
bool extreme(Call& call, std::size_t count, const Value* const* at, Ordering better) {
  const Value* best = at[0];
  for (std::size_t i = 1; i < count; ++i) {
    if (!call.meter->charge(1)) return false;
    if (compare_numbers(*at[i], *best) == better) best = at[i];
  }
  return call.give(*best);
}

template <Ordering kBetter>
bool extreme_of_arguments(Call& call) {
  return extreme(call, call.count, call.arguments, kBetter);
}

template <Ordering kBetter>
bool extreme_of_list(Call& call) {
  const List& list = call[0].as_list();
  if (list.empty()) return call.fail("an empty list has no greatest or least element");
  if (!call.meter->charge(static_cast<std::int64_t>(list.size()))) return false;
  std::vector<const Value*> at;
  for (const Value& x : list) {
    if (!is_number(x.kind())) return call.fail("no such overload: an element is no number");
    at.push_back(&x);
  }
  return extreme(call, at.size(), at.data(), kBetter);
}

template <double (*kFunction)(double)>
bool of_double(Call& call) {
  return call.give(Value::float64(kFunction(call[0].as_double())));
}

double ceil(double x) { return std::ceil(x); }
double floor(double x) { return std::floor(x); }
double round(double x) { return std::round(x); }
double trunc(double x) { return std::trunc(x); }
double magnitude(double x) { return std::fabs(x); }
double sign(double x) { return std::isnan(x) ? x : (x > 0 ? 1.0 : (x < 0 ? -1.0 : 0.0)); }

template <bool (*kTest)(double)>
bool test_double(Call& call) {
  return call.give(Value::boolean(kTest(call[0].as_double())));
}

bool is_nan(double x) { return std::isnan(x); }
bool is_inf(double x) { return std::isinf(x); }
bool is_finite(double x) { return std::isfinite(x); }

bool square_root(Call& call) {
  const Value& x = call[0];
  const double value = x.kind() == Kind::int64    ? static_cast<double>(x.as_int())
                       : x.kind() == Kind::uint64 ? static_cast<double>(x.as_uint())
                                                  : x.as_double();
  return call.give(Value::float64(std::sqrt(value)));
}

bool abs_int(Call& call) {
  const std::int64_t x = call[0].as_int();
  if (x == INT64_MIN) return call.fail("integer overflow");
  return call.give(Value::int64(x < 0 ? -x : x));
}

bool same(Call& call) { return call.give(call[0]); }

bool sign_int(Call& call) {
  const std::int64_t x = call[0].as_int();
  return call.give(Value::int64(x > 0 ? 1 : (x < 0 ? -1 : 0)));
}

bool sign_uint(Call& call) { return call.give(Value::uint64(call[0].as_uint() > 0 ? 1 : 0)); }

std::uint64_t bits_of(const Value& x) {
  return x.kind() == Kind::int64 ? static_cast<std::uint64_t>(x.as_int()) : x.as_uint();
}

bool give_bits(Call& call, std::uint64_t bits) {
  if (call[0].kind() == Kind::uint64) return call.give(Value::uint64(bits));
  return call.give(Value::int64(static_cast<std::int64_t>(bits)));
}

bool bit_and(Call& call) { return give_bits(call, bits_of(call[0]) & bits_of(call[1])); }
bool bit_or(Call& call) { return give_bits(call, bits_of(call[0]) | bits_of(call[1])); }
bool bit_xor(Call& call) { return give_bits(call, bits_of(call[0]) ^ bits_of(call[1])); }
bool bit_not(Call& call) { return give_bits(call, ~bits_of(call[0])); }

// A right shift fills with zeros, of negative numbers too.
template <bool kLeft>
bool bit_shift(Call& call) {
  const std::int64_t by = call[1].as_int();
  if (by < 0) return call.fail("negative shift: " + std::to_string(by));
  if (by > 63) return give_bits(call, 0);
  return give_bits(call, kLeft ? bits_of(call[0]) << by : bits_of(call[0]) >> by);
}

constexpr Overload kFunctions[] = {
    {"math.greatest", false, "L", 'e', extreme_of_list<Ordering::greater>},
    {"math.greatest", false, "X+", 'A', extreme_of_arguments<Ordering::greater>},
    {"math.least", false, "L", 'e', extreme_of_list<Ordering::less>},
    {"math.least", false, "X+", 'A', extreme_of_arguments<Ordering::less>},
    {"math.ceil", false, "D", 'D', of_double<ceil>},
    {"math.floor", false, "D", 'D', of_double<floor>},
    {"math.round", false, "D", 'D', of_double<round>},
    {"math.trunc", false, "D", 'D', of_double<trunc>},
    {"math.sqrt", false, "X", 'D', square_root},
    {"math.abs", false, "I", 'I', abs_int},
    {"math.abs", false, "U", 'U', same},
    {"math.abs", false, "D", 'D', of_double<magnitude>},
    {"math.sign", false, "I", 'I', sign_int},
    {"math.sign", false, "U", 'U', sign_uint},
    {"math.sign", false, "D", 'D', of_double<sign>},
    {"math.isNaN", false, "D", 'B', test_double<is_nan>},
    {"math.isInf", false, "D", 'B', test_double<is_inf>},
    {"math.isFinite", false, "D", 'B', test_double<is_finite>},
    {"math.bitAnd", false, "II", 'I', bit_and},
    {"math.bitAnd", false, "UU", 'U', bit_and},
    {"math.bitOr", false, "II", 'I', bit_or},
    {"math.bitOr", false, "UU", 'U', bit_or},
    {"math.bitXor", false, "II", 'I', bit_xor},
    {"math.bitXor", false, "UU", 'U', bit_xor},
    {"math.bitNot", false, "I", 'I', bit_not},
    {"math.bitNot", false, "U", 'U', bit_not},
    {"math.bitShiftLeft", false, "II", 'I', bit_shift<true>},
    {"math.bitShiftLeft", false, "UI", 'U', bit_shift<true>},
    {"math.bitShiftRight", false, "II", 'I', bit_shift<false>},
    {"math.bitShiftRight", false, "UI", 'U', bit_shift<false>},
};

}  // namespace

std::span<const Overload> math_functions() { return kFunctions; }

}  // namespace pawl::dsl
