#include "codecs/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/byte_builder.h"
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

// In a word of eight bytes: not 0 if a byte of it is not plain. (The usual test for a zero byte,
// which may also be raised by a neighbour below a true one: then the bytes are looked at singly.)
std::uint64_t any_not_plain(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t control = word - kOnes * 0x20;
  return (word | control | (quote - kOnes) | (backslash - kOnes)) & kHighs;
}

// The first byte at or after i that is not plain, or the end.
std::size_t plain_end(std::string_view text, std::size_t i) {
  std::uint64_t word;
  for (; i + sizeof word <= text.size(); i += sizeof word) {
    std::memcpy(&word, text.data() + i, sizeof word);
    if (any_not_plain(word) != 0) break;
  }
  while (i < text.size() && plain(text[i])) ++i;
  return i;
}

void append_escape(char c, ByteBuilder* out) {
  switch (c) {
    case '"':
      out->raw("\\\"");
      return;
    case '\\':
      out->raw("\\\\");
      return;
    case '\n':
      out->raw("\\n");
      return;
    case '\r':
      out->raw("\\r");
      return;
    case '\t':
      out->raw("\\t");
      return;
    case '\b':
      out->raw("\\b");
      return;
    case '\f':
      out->raw("\\f");
      return;
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  const char text[6] = {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
  out->raw({text, 6});
}

template <class T>
void append_integer(T x, ByteBuilder* out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  out->raw({text, static_cast<std::size_t>(end - text)});
}

void append_int(std::int64_t x, ByteBuilder* out) {
  const bool quoted = x > kExactMax || x < -kExactMax;
  if (quoted) out->push('"');
  append_integer(x, out);
  if (quoted) out->push('"');
}

void append_uint(std::uint64_t x, ByteBuilder* out) {
  const bool quoted = x > static_cast<std::uint64_t>(kExactMax);
  if (quoted) out->push('"');
  append_integer(x, out);
  if (quoted) out->push('"');
}

void append_double(double x, ByteBuilder* out) {
  if (std::isnan(x)) {
    out->raw("\"NaN\"");
    return;
  }
  if (std::isinf(x)) {
    out->raw(x > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  const std::string_view digits(text, static_cast<std::size_t>(end - text));
  out->raw(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) out->raw(".0");
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

void append_time_ms(std::int64_t ms, ByteBuilder* out) {
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
  out->raw({text, static_cast<std::size_t>(p - text)});
}

// Spaces and line ends of the two styles; indent < 0 is the compact one.
void append_break(int indent, ByteBuilder* out) {
  if (indent < 0) return;
  out->push('\n');
  for (int i = 0; i < indent; ++i) out->raw("  ");
}

void append_key(const dsl::Value& key, ByteBuilder* out) {
  switch (key.kind()) {
    case dsl::Kind::string:
      append_json_string(key.as_string(), out);
      return;
    case dsl::Kind::boolean:
      out->raw(key.as_bool() ? "\"true\"" : "\"false\"");
      return;
    case dsl::Kind::int64:
      out->push('"');
      append_integer(key.as_int(), out);
      out->push('"');
      return;
    case dsl::Kind::uint64:
      out->push('"');
      append_integer(key.as_uint(), out);
      out->push('"');
      return;
    default:
      PAWL_UNREACHABLE();  // no other kind is a key
  }
}

void append_value(const dsl::Value& value, int indent, ByteBuilder* out);

void append_list(const dsl::List& list, int indent, ByteBuilder* out) {
  const int inner = indent < 0 ? -1 : indent + 1;
  out->push('[');
  bool first = true;
  for (const dsl::Value& item : list) {
    if (!first) out->push(',');
    first = false;
    append_break(inner, out);
    append_value(item, inner, out);
  }
  if (!first) append_break(indent, out);
  out->push(']');
}

void append_map(const dsl::Map& map, int indent, ByteBuilder* out) {
  const int inner = indent < 0 ? -1 : indent + 1;
  out->push('{');
  bool first = true;
  for (const auto& entry : map) {
    if (!first) out->push(',');
    first = false;
    append_break(inner, out);
    append_key(entry.first, out);
    out->raw({": ", indent < 0 ? std::size_t{1} : std::size_t{2}});
    append_value(entry.second, inner, out);
  }
  if (!first) append_break(indent, out);
  out->push('}');
}

// Recursion is bounded: a Value nests at most kValueDepthMax, checked where values are made.
void append_value(const dsl::Value& value, int indent, ByteBuilder* out) {
  switch (value.kind()) {
    case dsl::Kind::null:
      out->raw("null");
      return;
    case dsl::Kind::boolean:
      out->raw(value.as_bool() ? "true" : "false");
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
      out->push('"');
      append_base64(value.as_bytes(), out);
      out->push('"');
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
      out->raw("null");
      return;
  }
}

}  // namespace

void append_json_string(std::string_view text, ByteBuilder* out) {
  out->push('"');
  std::size_t copied = 0;
  std::size_t i = 0;
  while (true) {
    i = plain_end(text, i);
    if (i == text.size()) break;
    const bool high = static_cast<unsigned char>(text[i]) >= 0x80;
    if (const std::size_t n = high ? utf8_length(text.substr(i)) : 0; n != 0) {
      i += n;
      continue;
    }
    out->raw(text.substr(copied, i - copied));
    if (high) {
      out->raw("\xef\xbf\xbd");
    } else {
      append_escape(text[i], out);
    }
    copied = ++i;
  }
  out->raw(text.substr(copied));
  out->push('"');
}

void append_json_string(std::string_view text, std::string* out) {
  ByteBuilder builder(out);
  append_json_string(text, &builder);
}

void append_json(const dsl::Value& value, std::string* out) {
  ByteBuilder builder(out);
  append_value(value, -1, &builder);
}

std::string to_json(const dsl::Value& value) {
  std::string out;
  append_json(value, &out);
  return out;
}

std::string to_pretty_json(const dsl::Value& value) {
  std::string out;
  ByteBuilder builder(&out);
  append_value(value, 0, &builder);
  builder.finish();
  return out;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  comma();
  append_json_string(name, &out_);
  out_.push(':');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  comma();
  append_json_string(text, &out_);
  return *this;
}

JsonWriter& JsonWriter::int64(std::int64_t x) {
  comma();
  append_int(x, &out_);
  return *this;
}

JsonWriter& JsonWriter::uint64(std::uint64_t x) {
  comma();
  append_uint(x, &out_);
  return *this;
}

JsonWriter& JsonWriter::float64(double x) {
  comma();
  append_double(x, &out_);
  return *this;
}

JsonWriter& JsonWriter::time_ms(std::int64_t ms) {
  comma();
  out_.push('"');
  append_time_ms(ms, &out_);
  out_.push('"');
  return *this;
}

JsonWriter& JsonWriter::value(const dsl::Value& x) {
  comma();
  append_value(x, -1, &out_);
  return *this;
}

}  // namespace pawl::codecs
