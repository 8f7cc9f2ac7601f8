// string.format() and strings.quote() of the strings extension.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/expression.h"
#include "dsl/functions.h"
#include "dsl/number.h"
#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

constexpr int kNestingMax = 4 * limits::kValueDepthMax;
constexpr int kPrecisionMax = 100;

// One %... of a format.
struct Directive {
  char conversion = 's';
  int precision = 6;
};

// Builds the text; stops at the size of a value.
class Formatter {
 public:
  explicit Formatter(Meter* meter) : meter_(meter) {}

  bool run(std::string_view format, const List& arguments);
  std::string take() { return std::move(out_); }

 private:
  bool put(std::string_view text) {
    if (out_.size() + text.size() > limits::kValueBytesMax) {
      return meter_->make_bytes(limits::kValueBytesMax + 1);
    }
    if (!meter_->charge_bytes(text.size())) return false;
    out_.append(text);
    return true;
  }
  bool refuse(char conversion, const Value& v) {
    return meter_->fail(std::string("format: %") + conversion + " can't show a value of type " +
                        std::string(type_name(v.kind())));
  }

  bool directive(std::string_view* rest, Directive* out);
  bool argument(const Directive& d, const Value& v);
  bool plain(const Value& v, int depth);
  bool plain_double(double x);
  bool list(const List& list, int depth);
  bool map(const Map& map, int depth);
  bool bytes(std::string_view bytes);
  bool decimal(const Value& v);
  bool floating(const Directive& d, const Value& v);
  bool based(const Directive& d, const Value& v);
  bool hexadecimal(std::string_view bytes, bool upper);

  Meter* meter_;
  std::string out_;
};

// "[.precision]conversion", taken off.
bool Formatter::directive(std::string_view* rest, Directive* out) {
  if (!rest->empty() && rest->front() == '.') {
    rest->remove_prefix(1);
    const auto [end, error] =
        std::from_chars(rest->data(), rest->data() + rest->size(), out->precision);
    if (error != std::errc() || out->precision < 0 || out->precision > kPrecisionMax) {
      return meter_->fail("format: a precision is a number from 0 to 100");
    }
    rest->remove_prefix(static_cast<std::size_t>(end - rest->data()));
  }
  if (rest->empty()) return meter_->fail("format: the text ends inside a %");
  out->conversion = rest->front();
  rest->remove_prefix(1);
  return true;
}

bool Formatter::run(std::string_view format, const List& arguments) {
  std::size_t next = 0;
  while (!format.empty()) {
    const std::size_t percent = std::min(format.find('%'), format.size());
    if (!put(format.substr(0, percent))) return false;
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    if (!format.empty() && format.front() == '%') {
      format.remove_prefix(1);
      if (!put("%")) return false;
      continue;
    }
    Directive d;
    if (!directive(&format, &d)) return false;
    if (next >= arguments.size()) {
      return meter_->fail("format: there are only " + std::to_string(arguments.size()) +
                          " arguments");
    }
    if (!argument(d, arguments[next++])) return false;
  }
  return true;
}

bool Formatter::argument(const Directive& d, const Value& v) {
  switch (d.conversion) {
    case 's':
      return plain(v, 0);
    case 'd':
      return decimal(v);
    case 'f':
    case 'e':
      return floating(d, v);
    case 'b':
    case 'o':
    case 'x':
    case 'X':
      return based(d, v);
    default:
      return meter_->fail("format: unknown conversion after %, known are s d f e b o x X");
  }
}

bool Formatter::plain(const Value& v, int depth) {
  if (depth > kNestingMax) return meter_->fail("format: the value is nested too deeply");
  switch (v.kind()) {
    case Kind::string:
      return put(v.as_string());
    case Kind::bytes:
      return bytes(v.as_bytes());
    case Kind::list:
      return list(v.as_list(), depth);
    case Kind::map:
      return map(v.as_map(), depth);
    case Kind::uint64:
      return put(std::to_string(v.as_uint()));
    case Kind::float64:
      return plain_double(v.as_double());
    case Kind::timestamp:
      return put(to_string(v.as_timestamp()));
    case Kind::duration:
      return put(to_string(v.as_duration()));
    case Kind::optional:
      return refuse('s', v);
    default:
      return put(v.debug_string());
  }
}

// All digits that tell it from its neighbours and no exponent, however large or small it is.
bool Formatter::plain_double(double x) {
  if (!std::isfinite(x)) return put(format_double(x));
  char buffer[384];  // "-0.", 323 zeros, 17 digits
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::fixed);
  PAWL_CHECK(error == std::errc());
  return put(std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
}

bool Formatter::list(const List& list, int depth) {
  if (!put("[")) return false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if ((i > 0 && !put(", ")) || !plain(list[i], depth + 1)) return false;
  }
  return put("]");
}

bool Formatter::map(const Map& map, int depth) {
  // In the order of the keys' text, which is not theirs when kinds mix.
  std::vector<std::pair<std::string, const Value*>> entries;
  for (const auto& [key, value] : map) {
    Formatter text(meter_);
    if (!text.plain(key, depth + 1)) return false;
    entries.emplace_back(text.take(), &value);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!put("{")) return false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if ((i > 0 && !put(", ")) || !put(entries[i].first) || !put(": ") ||
        !plain(*entries[i].second, depth + 1)) {
      return false;
    }
  }
  return put("}");
}

// As text; a row of bytes that are no UTF-8 becomes one replacement character.
bool Formatter::bytes(std::string_view bytes) {
  std::string text;
  bool bad = false;
  while (!bytes.empty()) {
    const std::uint32_t rune = take_rune(&bytes);
    if (rune != kNoRune)
      append_rune(&text, rune);
    else if (!bad)
      append_rune(&text, 0xfffd);
    bad = rune == kNoRune;
  }
  return put(text);
}

bool Formatter::decimal(const Value& v) {
  return is_number(v.kind()) ? plain(v, 0) : refuse('d', v);
}

bool Formatter::floating(const Directive& d, const Value& v) {
  double x = 0;
  if (v.kind() == Kind::int64)
    x = static_cast<double>(v.as_int());
  else if (v.kind() == Kind::uint64)
    x = static_cast<double>(v.as_uint());
  else if (v.kind() == Kind::float64)
    x = v.as_double();
  else
    return refuse(d.conversion, v);
  if (!std::isfinite(x)) return put(format_double(x));
  char buffer[512];  // 309 digits, the point, kPrecisionMax more
  const auto form = d.conversion == 'f' ? std::chars_format::fixed : std::chars_format::scientific;
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x, form, d.precision);
  if (error != std::errc()) return meter_->fail("format: the number is too long");
  return put(std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
}

bool Formatter::hexadecimal(std::string_view bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  if (bytes.size() > limits::kValueBytesMax / 2) return meter_->make_bytes(bytes.size() * 2);
  std::string text;
  for (const char c : bytes) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return put(text);
}

bool Formatter::based(const Directive& d, const Value& v) {
  const bool hex = d.conversion == 'x' || d.conversion == 'X';
  if (hex && v.kind() == Kind::string) return hexadecimal(v.as_string(), d.conversion == 'X');
  if (hex && v.kind() == Kind::bytes) return hexadecimal(v.as_bytes(), d.conversion == 'X');
  if (d.conversion == 'b' && v.kind() == Kind::boolean) return put(v.as_bool() ? "1" : "0");
  const int base = hex ? 16 : (d.conversion == 'o' ? 8 : 2);
  char buffer[72];
  std::to_chars_result result{};
  if (v.kind() == Kind::int64)
    result = std::to_chars(buffer, buffer + sizeof buffer, v.as_int(), base);
  else if (v.kind() == Kind::uint64)
    result = std::to_chars(buffer, buffer + sizeof buffer, v.as_uint(), base);
  else
    return refuse(d.conversion, v);
  std::string text(buffer, result.ptr);
  if (d.conversion == 'X') {
    for (char& c : text) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return put(text);
}

bool format(Call& call) {
  Formatter formatter(call.meter);
  if (!formatter.run(call[0].as_string(), call[1].as_list())) return false;
  return call.give(Value::string(formatter.take()));
}

// The letter that stands for a control character, quote or backslash behind a backslash; 0 for
// others.
char letter_of(char c) {
  constexpr std::string_view kFrom = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kTo = "abfnrtv\\\"";
  const std::size_t at = kFrom.find(c);
  return at == std::string_view::npos ? '\0' : kTo[at];
}

bool quote(Call& call) {
  std::string out = "\"";
  for (std::string_view rest = call[0].as_string(); !rest.empty();) {
    const char first = rest.front();
    const std::uint32_t rune = take_rune(&rest);
    if (const char letter = letter_of(first); rune < 0x80 && letter != '\0') {
      out.push_back('\\');
      out.push_back(letter);
    } else {
      append_rune(&out, rune == kNoRune ? 0xfffd : rune);
    }
  }
  out.push_back('"');
  return call.meter->make_bytes(out.size()) && call.give(Value::string(std::move(out)));
}

constexpr Overload kFunctions[] = {
    {"format", true, "SL", 'S', format},
    {"strings.quote", false, "S", 'S', quote},
};

}  // namespace

std::span<const Overload> text_format_functions() { return kFunctions; }

}  // namespace pawl::dsl
