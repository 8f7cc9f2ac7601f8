#include "dsl/literal.h"

#include <cstdint>

#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The letters that stand for one byte; '\0' for others.
char simple_escape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
    case '?':
    case '"':
    case '\'':
    case '`':
      return c;
    default:
      return '\0';
  }
}

// A number written in `digits` digits of `base` at `at`; false if they are not there.
bool read_code(std::string_view body, std::size_t at, std::size_t digits, unsigned base,
               std::uint32_t* out) {
  std::uint32_t x = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    const int d = i < body.size() ? hex_digit(body[i]) : -1;
    if (d < 0 || static_cast<unsigned>(d) >= base) return false;
    x = x * base + static_cast<std::uint32_t>(d);
  }
  *out = x;
  return true;
}

struct NumericEscape {
  std::size_t skip = 0;  // letters between the backslash and the digits
  std::size_t digits = 0;
  unsigned base = 16;
};

bool numeric_escape(char c, bool bytes, NumericEscape* out) {
  if (c == 'x' || c == 'X')
    *out = {1, 2, 16};
  else if (c == 'u' && !bytes)
    *out = {1, 4, 16};
  else if (c == 'U' && !bytes)
    *out = {1, 8, 16};
  else if (c >= '0' && c <= '3')
    *out = {0, 3, 8};
  else
    return false;
  return true;
}

bool is_high_surrogate(std::uint32_t code) { return code >= 0xd800 && code < 0xdc00; }

// Behind a high surrogate: if the low one follows as \uXXXX at `at`, joins it into *code and gives
// its length.
std::size_t low_surrogate(std::string_view body, std::size_t at, std::uint32_t* code) {
  constexpr std::size_t kLength = 6;
  std::uint32_t low = 0;
  if (body.substr(at, 2) != "\\u" || !read_code(body, at + 2, 4, 16, &low)) return 0;
  if (low < 0xdc00 || low >= 0xe000) return 0;
  *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
  return kLength;
}

}  // namespace

bool decode_escapes(std::string_view body, bool bytes, std::string* out, EscapeError* error) {
  for (std::size_t i = 0; i < body.size();) {
    if (body[i] != '\\') {
      out->push_back(body[i++]);
      continue;
    }
    const char c = i + 1 < body.size() ? body[i + 1] : '\0';
    if (const char simple = simple_escape(c); simple != '\0') {
      out->push_back(simple);
      i += 2;
      continue;
    }
    NumericEscape form;
    if (!numeric_escape(c, bytes, &form)) {
      *error = {i, 2, "unknown escape sequence"};
      return false;
    }
    std::uint32_t code = 0;
    std::size_t length = 1 + form.skip + form.digits;
    if (!read_code(body, i + 1 + form.skip, form.digits, form.base, &code)) {
      *error = {i, 2, "this escape sequence needs " + std::to_string(form.digits) + " digits"};
      return false;
    }
    if (c == 'u' && is_high_surrogate(code)) length += low_surrogate(body, i + length, &code);
    if (bytes) {
      out->push_back(static_cast<char>(code));
    } else if (!append_rune(out, code)) {
      *error = {i, length, "this escape sequence names no Unicode character"};
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace pawl::dsl
