#include "dsl/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/check.h"

namespace pawl::dsl {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

template <class T>
Ordering order(T a, T b) {
  if (a < b) return Ordering::less;
  if (a > b) return Ordering::greater;
  return a == b ? Ordering::equal : Ordering::unordered;
}

Ordering flip(Ordering o) {
  if (o == Ordering::less) return Ordering::greater;
  if (o == Ordering::greater) return Ordering::less;
  return o;
}

Ordering int_uint(std::int64_t a, std::uint64_t b) {
  if (a < 0) return Ordering::less;
  return order(static_cast<std::uint64_t>(a), b);
}

// `whole` is a's value; the double is split into its floor, which then fits, and the rest.
template <class T>
Ordering whole_against_double(T a, double b, double lowest, double past) {
  if (std::isnan(b)) return Ordering::unordered;
  if (b < lowest) return Ordering::greater;
  if (b >= past) return Ordering::less;
  const double floor = std::floor(b);
  const Ordering o = order(a, static_cast<T>(floor));
  return o == Ordering::equal && floor != b ? Ordering::less : o;
}

Ordering int_double(std::int64_t a, double b) {
  return whole_against_double(a, b, -kTwo63, kTwo63);
}

Ordering uint_double(std::uint64_t a, double b) { return whole_against_double(a, b, 0.0, kTwo64); }

// An int or uint against a double; past the whole number's range nothing is rounded.
Ordering round_and_compare(const Value& whole, double b) {
  if (whole.kind() == Kind::int64) {
    if (b < -kTwo63) return Ordering::greater;
    return b > kTwo63 ? Ordering::less : order(static_cast<double>(whole.as_int()), b);
  }
  if (whole.kind() != Kind::uint64) return Ordering::unordered;
  if (b < 0) return Ordering::greater;
  return b > kTwo64 ? Ordering::less : order(static_cast<double>(whole.as_uint()), b);
}

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

Ordering compare_numbers(const Value& a, const Value& b) {
  if ((a.kind() == Kind::float64) == (b.kind() == Kind::float64)) return compare_exactly(a, b);
  if (b.kind() == Kind::float64) return round_and_compare(a, b.as_double());
  return flip(round_and_compare(b, a.as_double()));
}

Ordering compare_exactly(const Value& a, const Value& b) {
  const Kind ka = a.kind(), kb = b.kind();
  if (ka == Kind::int64) {
    if (kb == Kind::int64) return order(a.as_int(), b.as_int());
    if (kb == Kind::uint64) return int_uint(a.as_int(), b.as_uint());
    if (kb == Kind::float64) return int_double(a.as_int(), b.as_double());
  } else if (ka == Kind::uint64) {
    if (kb == Kind::int64) return flip(int_uint(b.as_int(), a.as_uint()));
    if (kb == Kind::uint64) return order(a.as_uint(), b.as_uint());
    if (kb == Kind::float64) return uint_double(a.as_uint(), b.as_double());
  } else if (ka == Kind::float64) {
    if (kb == Kind::int64) return flip(int_double(b.as_int(), a.as_double()));
    if (kb == Kind::uint64) return flip(uint_double(b.as_uint(), a.as_double()));
    if (kb == Kind::float64) return order(a.as_double(), b.as_double());
  }
  return Ordering::unordered;
}

std::string format_double(double x) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x);
  PAWL_CHECK(error == std::errc());
  return std::string(buffer, end);
}

bool parse_double(std::string_view text, double* out) {
  std::string_view body = text;
  const bool negative = !body.empty() && body.front() == '-';
  if (!body.empty() && (body.front() == '-' || body.front() == '+')) body.remove_prefix(1);
  if (body.empty()) return false;
  double x = 0;
  if (equals_ignoring_case(body, "nan")) {
    x = std::numeric_limits<double>::quiet_NaN();
  } else if (equals_ignoring_case(body, "inf") || equals_ignoring_case(body, "infinity")) {
    x = std::numeric_limits<double>::infinity();
  } else {
    // from_chars would take "nan(...)" and a second sign too.
    if (body.front() != '.' && (body.front() < '0' || body.front() > '9')) return false;
    const char* last = body.data() + body.size();
    const auto [end, error] = std::from_chars(body.data(), last, x);
    if (end != last || error == std::errc::invalid_argument) return false;
    // Too small is zero, or as near as it gets; too large is no double.
    if (error == std::errc::result_out_of_range)
      x = std::strtod(std::string(body).c_str(), nullptr);
    if (std::isinf(x)) return false;
  }
  *out = negative ? -x : x;
  return true;
}

}  // namespace pawl::dsl
