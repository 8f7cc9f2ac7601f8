// Conversions: int(), uint(), double(), string(), bytes(), bool(), dyn(), type(). Those of
// timestamps and durations are in functions_time.cc.
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "dsl/functions.h"
#include "dsl/number.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

bool same(Call& call) { return call.meter->charge_copy(call[0]) && call.give(call[0]); }

bool out_of_range(Call& call, std::string_view type) {
  return call.fail("the number does not fit " + std::string(type));
}

// All of `text` as a decimal integer, with an optional sign.
template <class T>
bool parse_whole(std::string_view text, T* out) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool int_of_uint(Call& call) {
  const std::uint64_t x = call[0].as_uint();
  if (x > static_cast<std::uint64_t>(INT64_MAX)) return out_of_range(call, "an int");
  return call.give(Value::int64(static_cast<std::int64_t>(x)));
}

// The bounds themselves are out: a double near them is rounded (langdef.md, "Overflow").
bool int_of_double(Call& call) {
  const double x = call[0].as_double();
  if (!(x > -9223372036854775808.0 && x < 9223372036854775808.0))
    return out_of_range(call, "an int");
  return call.give(Value::int64(static_cast<std::int64_t>(x)));
}

bool int_of_string(Call& call) {
  std::int64_t x = 0;
  if (!parse_whole(call[0].as_string(), &x)) return call.fail("the text is no int");
  return call.give(Value::int64(x));
}

bool int_of_timestamp(Call& call) {
  return call.give(Value::int64(call[0].as_timestamp().seconds));
}

bool uint_of_int(Call& call) {
  if (call[0].as_int() < 0) return out_of_range(call, "a uint");
  return call.give(Value::uint64(static_cast<std::uint64_t>(call[0].as_int())));
}

bool uint_of_double(Call& call) {
  const double x = call[0].as_double();
  if (!(x >= 0 && x < 18446744073709551616.0)) return out_of_range(call, "a uint");
  return call.give(Value::uint64(static_cast<std::uint64_t>(x)));
}

bool uint_of_string(Call& call) {
  std::uint64_t x = 0;
  if (!parse_whole(call[0].as_string(), &x)) return call.fail("the text is no uint");
  return call.give(Value::uint64(x));
}

bool double_of_int(Call& call) {
  return call.give(Value::float64(static_cast<double>(call[0].as_int())));
}

bool double_of_uint(Call& call) {
  return call.give(Value::float64(static_cast<double>(call[0].as_uint())));
}

bool double_of_string(Call& call) {
  double x = 0;
  if (!call.meter->charge_bytes(call[0].as_string().size())) return false;
  if (!parse_double(call[0].as_string(), &x)) return call.fail("the text is no double");
  return call.give(Value::float64(x));
}

bool string_of_int(Call& call) {
  return call.give(Value::string(std::to_string(call[0].as_int())));
}
bool string_of_uint(Call& call) {
  return call.give(Value::string(std::to_string(call[0].as_uint())));
}
// As short as reads back as the same; without an exponent from 0.0001 up to a million, where that
// might be longer.
bool string_of_double(Call& call) {
  const double x = call[0].as_double(), size = std::fabs(x);
  if (!(size >= 1e-4 && size < 1e6)) return call.give(Value::string(format_double(x)));
  char buffer[32];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::fixed);
  PAWL_CHECK(error == std::errc());
  return call.give(Value::string(std::string(buffer, end)));
}
bool string_of_bool(Call& call) {
  return call.give(Value::string(call[0].as_bool() ? "true" : "false"));
}

bool string_of_bytes(Call& call) {
  const std::string& bytes = call[0].as_bytes();
  if (!call.meter->make_bytes(bytes.size())) return false;
  if (!is_utf8(bytes)) return call.fail("the bytes are not UTF-8");
  return call.give(Value::string(bytes));
}

bool bytes_of_string(Call& call) {
  return call.meter->make_bytes(call[0].as_string().size()) &&
         call.give(Value::bytes(call[0].as_string()));
}

bool bool_of_string(Call& call) {
  const std::string& text = call[0].as_string();
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return call.give(Value::boolean(true));
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return call.give(Value::boolean(false));
  }
  return call.fail("the text is no bool");
}

bool type_of(Call& call) { return call.give(Value::type(std::string(type_name(call[0].kind())))); }

constexpr Overload kFunctions[] = {
    {"int", false, "I", 'I', same},
    {"int", false, "U", 'I', int_of_uint},
    {"int", false, "D", 'I', int_of_double},
    {"int", false, "S", 'I', int_of_string},
    {"int", false, "T", 'I', int_of_timestamp},
    {"uint", false, "U", 'U', same},
    {"uint", false, "I", 'U', uint_of_int},
    {"uint", false, "D", 'U', uint_of_double},
    {"uint", false, "S", 'U', uint_of_string},
    {"double", false, "D", 'D', same},
    {"double", false, "I", 'D', double_of_int},
    {"double", false, "U", 'D', double_of_uint},
    {"double", false, "S", 'D', double_of_string},
    {"string", false, "S", 'S', same},
    {"string", false, "I", 'S', string_of_int},
    {"string", false, "U", 'S', string_of_uint},
    {"string", false, "D", 'S', string_of_double},
    {"string", false, "B", 'S', string_of_bool},
    {"string", false, "Y", 'S', string_of_bytes},
    {"bytes", false, "Y", 'Y', same},
    {"bytes", false, "S", 'Y', bytes_of_string},
    {"bool", false, "B", 'B', same},
    {"bool", false, "S", 'B', bool_of_string},
    {"dyn", false, "A", 'A', same},
    {"type", false, "A", 'K', type_of},
};

}  // namespace

std::span<const Overload> conversion_functions() { return kFunctions; }

}  // namespace pawl::dsl
