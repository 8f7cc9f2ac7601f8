#include "codecs/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"
#include "dsl/expression.h"

namespace pawl::codecs {
namespace {

constexpr std::int64_t kExactMax = std::int64_t{1} << 53;

// The length of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates, at most
// U+10FFFF), or 0 if there is none.
std::size_t utf8_length(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto tail = [&](std::size_t i) { return i < s.size() && (at(i) & 0xc0) == 0x80; };
  const unsigned lead = at(0);
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) >= 0xa0)) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

// True if the byte can stand in a JSON string as it is, without a look at its neighbours.
bool plain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

void append_escape(char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"", 2);
      return;
    case '\\':
      out->append("\\\\", 2);
      return;
    case '\n':
      out->append("\\n", 2);
      return;
    case '\r':
      out->append("\\r", 2);
      return;
    case '\t':
      out->append("\\t", 2);
      return;
    case '\b':
      out->append("\\b", 2);
      return;
    case '\f':
      out->append("\\f", 2);
      return;
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  const char text[6] = {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
  out->append(text, 6);
}

template <class T>
void append_integer(T x, std::string* out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  out->append(text, static_cast<std::size_t>(end - text));
}

void append_int(std::int64_t x, std::string* out) {
  const bool quoted = x > kExactMax || x < -kExactMax;
  if (quoted) out->push_back('"');
  append_integer(x, out);
  if (quoted) out->push_back('"');
}

void append_uint(std::uint64_t x, std::string* out) {
  const bool quoted = x > static_cast<std::uint64_t>(kExactMax);
  if (quoted) out->push_back('"');
  append_integer(x, out);
  if (quoted) out->push_back('"');
}

void append_double(double x, std::string* out) {
  if (std::isnan(x)) {
    out->append("\"NaN\"");
    return;
  }
  if (std::isinf(x)) {
    out->append(x > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  out->append(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) out->append(".0");
}

// Writes two digits; returns the end.
char* put_two(int x, char* p) {
  *p++ = static_cast<char>('0' + x / 10);
  *p++ = static_cast<char>('0' + x % 10);
  return p;
}

// Year, month and day of a day number since 1970-01-01 (proleptic Gregorian), by eras of 400 years
// counted from 0000-03-01, so that the leap day ends a year.
char* put_date(std::int64_t days, char* p) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<int>(days - era * 146'097);
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted = (5 * day_of_year + 2) / 153;
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  const auto year = static_cast<int>(era * 400) + year_of_era + (month <= 2 ? 1 : 0);
  p = put_two(year / 100, p);
  p = put_two(year % 100, p);
  *p++ = '-';
  p = put_two(month, p);
  *p++ = '-';
  return put_two(day_of_year - (153 * shifted + 2) / 5 + 1, p);
}

void append_time_ms(std::int64_t ms, std::string* out) {
  constexpr std::int64_t kFirst = -62'135'596'800'000;  // 0001-01-01T00:00:00Z
  constexpr std::int64_t kLast = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z
  ms = std::clamp(ms, kFirst, kLast);
  constexpr std::int64_t kDay = 86'400'000;
  const std::int64_t days = (ms >= 0 ? ms : ms - kDay + 1) / kDay;
  auto rest = static_cast<int>(ms - days * kDay);
  char text[32];
  char* p = put_date(days, text);
  *p++ = 'T';
  p = put_two(rest / 3'600'000, p);
  rest %= 3'600'000;
  *p++ = ':';
  p = put_two(rest / 60'000, p);
  rest %= 60'000;
  *p++ = ':';
  p = put_two(rest / 1000, p);
  if (const int milli = rest % 1000; milli != 0) {
    *p++ = '.';
    *p++ = static_cast<char>('0' + milli / 100);
    p = put_two(milli % 100, p);
  }
  *p++ = 'Z';
  out->append(text, static_cast<std::size_t>(p - text));
}

// Spaces and line ends of the two styles; indent < 0 is the compact one.
void append_break(int indent, std::string* out) {
  if (indent < 0) return;
  out->push_back('\n');
  out->append(static_cast<std::size_t>(indent) * 2, ' ');
}

void append_key(const dsl::Value& key, std::string* out) {
  switch (key.kind()) {
    case dsl::Kind::string:
      append_json_string(key.as_string(), out);
      return;
    case dsl::Kind::boolean:
      out->append(key.as_bool() ? "\"true\"" : "\"false\"");
      return;
    case dsl::Kind::int64:
      out->push_back('"');
      append_integer(key.as_int(), out);
      out->push_back('"');
      return;
    case dsl::Kind::uint64:
      out->push_back('"');
      append_integer(key.as_uint(), out);
      out->push_back('"');
      return;
    default:
      PAWL_UNREACHABLE();  // no other kind is a key
  }
}

void append_value(const dsl::Value& value, int indent, std::string* out);

void append_list(const dsl::List& list, int indent, std::string* out) {
  const int inner = indent < 0 ? -1 : indent + 1;
  out->push_back('[');
  bool first = true;
  for (const dsl::Value& item : list) {
    if (!first) out->push_back(',');
    first = false;
    append_break(inner, out);
    append_value(item, inner, out);
  }
  if (!first) append_break(indent, out);
  out->push_back(']');
}

void append_map(const dsl::Map& map, int indent, std::string* out) {
  const int inner = indent < 0 ? -1 : indent + 1;
  out->push_back('{');
  bool first = true;
  for (const auto& entry : map) {
    if (!first) out->push_back(',');
    first = false;
    append_break(inner, out);
    append_key(entry.first, out);
    out->append(": ", indent < 0 ? 1 : 2);
    append_value(entry.second, inner, out);
  }
  if (!first) append_break(indent, out);
  out->push_back('}');
}

// Recursion is bounded: a Value nests at most kValueDepthMax, checked where values are made.
void append_value(const dsl::Value& value, int indent, std::string* out) {
  switch (value.kind()) {
    case dsl::Kind::null:
      out->append("null", 4);
      return;
    case dsl::Kind::boolean:
      out->append(value.as_bool() ? "true" : "false");
      return;
    case dsl::Kind::int64:
      append_int(value.as_int(), out);
      return;
    case dsl::Kind::uint64:
      append_uint(value.as_uint(), out);
      return;
    case dsl::Kind::float64:
      append_double(value.as_double(), out);
      return;
    case dsl::Kind::string:
      append_json_string(value.as_string(), out);
      return;
    case dsl::Kind::bytes:
      out->push_back('"');
      append_base64(value.as_bytes(), out);
      out->push_back('"');
      return;
    case dsl::Kind::list:
      append_list(value.as_list(), indent, out);
      return;
    case dsl::Kind::map:
      append_map(value.as_map(), indent, out);
      return;
    case dsl::Kind::timestamp:
      append_json_string(dsl::to_string(value.as_timestamp()), out);
      return;
    case dsl::Kind::duration:
      append_json_string(dsl::to_string(value.as_duration()), out);
      return;
    case dsl::Kind::type:
      append_json_string(value.as_type(), out);
      return;
    default:  // kinds that only live within an expression
      out->append("null", 4);
      return;
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string* out) {
  out->push_back('"');
  std::size_t copied = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    if (plain(text[i])) {
      ++i;
      continue;
    }
    const bool high = static_cast<unsigned char>(text[i]) >= 0x80;
    if (const std::size_t n = high ? utf8_length(text.substr(i)) : 0; n != 0) {
      i += n;
      continue;
    }
    out->append(text.substr(copied, i - copied));
    if (high) {
      out->append("\xef\xbf\xbd", 3);
    } else {
      append_escape(text[i], out);
    }
    copied = ++i;
  }
  out->append(text.substr(copied));
  out->push_back('"');
}

void append_json(const dsl::Value& value, std::string* out) { append_value(value, -1, out); }

std::string to_json(const dsl::Value& value) {
  std::string out;
  append_value(value, -1, &out);
  return out;
}

std::string to_pretty_json(const dsl::Value& value) {
  std::string out;
  append_value(value, 0, &out);
  return out;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  comma();
  append_json_string(name, out_);
  out_->push_back(':');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  comma();
  append_json_string(text, out_);
  return *this;
}

JsonWriter& JsonWriter::int64(std::int64_t x) {
  comma();
  append_int(x, out_);
  return *this;
}

JsonWriter& JsonWriter::uint64(std::uint64_t x) {
  comma();
  append_uint(x, out_);
  return *this;
}

JsonWriter& JsonWriter::float64(double x) {
  comma();
  append_double(x, out_);
  return *this;
}

JsonWriter& JsonWriter::time_ms(std::int64_t ms) {
  comma();
  out_->push_back('"');
  append_time_ms(ms, out_);
  out_->push_back('"');
  return *this;
}

JsonWriter& JsonWriter::value(const dsl::Value& x) {
  comma();
  append_value(x, -1, out_);
  return *this;
}

}  // namespace pawl::codecs
