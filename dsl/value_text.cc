// Values as CEL literals, for messages and tests.
#include "base/check.h"
#include "dsl/expression.h"
#include "dsl/number.h"
#include "dsl/value.h"

namespace pawl::dsl {
namespace {

void append_hex_byte(std::string* out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  out->append("\\x");
  out->push_back(kHex[c >> 4]);
  out->push_back(kHex[c & 15]);
}

// `binary`: bytes past ASCII are escaped; in a string they are UTF-8 and stay.
void append_quoted(std::string* out, std::string_view text, bool binary) {
  out->push_back('"');
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(raw);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '\t') {
      out->append("\\t");
    } else if (c == '\r') {
      out->append("\\r");
    } else if (c < 0x20 || c == 0x7f || (binary && c >= 0x80)) {
      append_hex_byte(out, c);
    } else {
      out->push_back(raw);
    }
  }
  out->push_back('"');
}

void append_double(std::string* out, double x) {
  const std::string s = format_double(x);
  out->append(s);
  // "1" would read back as an int.
  if (s.find_first_not_of("-0123456789") == std::string::npos) out->append(".0");
}

void append_value(std::string* out, const Value& v);

void append_list(std::string* out, const List& list) {
  out->push_back('[');
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out->append(", ");
    append_value(out, list[i]);
  }
  out->push_back(']');
}

void append_map(std::string* out, const Map& map) {
  out->push_back('{');
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (i > 0) out->append(", ");
    append_value(out, map[i].first);
    out->append(": ");
    append_value(out, map[i].second);
  }
  out->push_back('}');
}

void append_optional(std::string* out, const Value* v) {
  if (v == nullptr) {
    out->append("optional.none()");
    return;
  }
  out->append("optional.of(");
  append_value(out, *v);
  out->push_back(')');
}

void append_value(std::string* out, const Value& v) {
  switch (v.kind()) {
    case Kind::null:
      out->append("null");
      return;
    case Kind::boolean:
      out->append(v.as_bool() ? "true" : "false");
      return;
    case Kind::int64:
      out->append(std::to_string(v.as_int()));
      return;
    case Kind::uint64:
      out->append(std::to_string(v.as_uint())).push_back('u');
      return;
    case Kind::float64:
      return append_double(out, v.as_double());
    case Kind::string:
      return append_quoted(out, v.as_string(), false);
    case Kind::bytes:
      out->push_back('b');
      return append_quoted(out, v.as_bytes(), true);
    case Kind::list:
      return append_list(out, v.as_list());
    case Kind::map:
      return append_map(out, v.as_map());
    case Kind::timestamp:
      out->append("timestamp(\"").append(to_string(v.as_timestamp())).append("\")");
      return;
    case Kind::duration:
      out->append("duration(\"").append(to_string(v.as_duration())).append("\")");
      return;
    case Kind::type:
      out->append(v.as_type());
      return;
    case Kind::optional:
      return append_optional(out, v.as_optional());
  }
  PAWL_UNREACHABLE();
}

}  // namespace

std::string Value::debug_string() const {
  std::string out;
  append_value(&out, *this);
  return out;
}

}  // namespace pawl::dsl
