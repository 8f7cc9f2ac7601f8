#include "dsl/literal_value.h"

#include <charconv>

#include "dsl/number.h"

namespace pawl::dsl {
namespace {

bool wrong(ExpressionError* error, std::string message, std::string hint = {}) {
  error->message = std::move(message);
  error->hint = std::move(hint);
  return false;
}

bool whole_number(const Token& token, bool negative, Value* out, ExpressionError* error) {
  std::string_view digits = token.text;
  int base = 10;
  if (digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X')) {
    digits.remove_prefix(2);
    base = 16;
  }
  std::uint64_t magnitude = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, code] = std::from_chars(digits.data(), last, magnitude, base);
  const bool fits = code == std::errc() && end == last;
  if (token.symbol == Symbol::uint_literal) {
    *out = Value::uint64(magnitude);
    return fits || wrong(error, "this number does not fit a uint");
  }
  const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (!fits || magnitude > most) {
    return wrong(error, "this number does not fit an int", "write it with a fraction for a double");
  }
  *out = Value::int64(static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude));
  return true;
}

}  // namespace

bool literal_value(const Token& token, bool negative, Value* out, ExpressionError* error) {
  switch (token.symbol) {
    case Symbol::int_literal:
    case Symbol::uint_literal:
      return whole_number(token, negative, out, error);
    case Symbol::double_literal: {
      double x = 0;
      if (!parse_double(token.text, &x)) return wrong(error, "this number does not fit a double");
      *out = Value::float64(negative ? -x : x);
      return true;
    }
    case Symbol::string_literal:
      *out = Value::string(token.text);
      return true;
    case Symbol::bytes_literal:
      *out = Value::bytes(token.text);
      return true;
    case Symbol::keyword_true:
    case Symbol::keyword_false:
      *out = Value::boolean(token.symbol == Symbol::keyword_true);
      return true;
    case Symbol::keyword_null:
      *out = Value();
      return true;
    default:
      return wrong(error, "expected a value, a name or `(`");
  }
}

}  // namespace pawl::dsl
