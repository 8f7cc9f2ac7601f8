#include "dsl/utf8.h"

namespace pawl::dsl {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool is_scalar(std::uint32_t rune) { return rune < 0xd800 || (rune > 0xdfff && rune <= 0x10'ffff); }

}  // namespace

std::uint32_t take_rune(std::string_view* text) {
  const auto first = static_cast<unsigned char>(text->front());
  if (first < 0x80) {
    text->remove_prefix(1);
    return first;
  }
  const std::size_t length = first >= 0xf0 ? 4 : (first >= 0xe0 ? 3 : 2);
  if (first < 0xc2 || first > 0xf4 || text->size() < length) {
    text->remove_prefix(1);
    return kNoRune;
  }
  std::uint32_t rune = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation((*text)[i])) {
      text->remove_prefix(1);
      return kNoRune;
    }
    rune = rune << 6 | (static_cast<unsigned char>((*text)[i]) & 0x3fU);
  }
  const std::uint32_t lowest = length == 4 ? 0x1'0000 : (length == 3 ? 0x800 : 0x80);
  if (rune < lowest || !is_scalar(rune)) {
    text->remove_prefix(1);
    return kNoRune;
  }
  text->remove_prefix(length);
  return rune;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_rune(&text) == kNoRune) return false;
  }
  return true;
}

std::size_t count_runes(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += is_continuation(c) ? 0 : 1;
  return n;
}

std::size_t rune_offset(std::string_view text, std::size_t n) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_continuation(text[i])) continue;
    if (n == 0) return i;
    --n;
  }
  return n == 0 ? text.size() : std::string_view::npos;
}

bool append_rune(std::string* out, std::uint32_t rune) {
  if (!is_scalar(rune)) return false;
  const auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xc0 | rune >> 6);
    put(0x80 | (rune & 0x3f));
  } else if (rune < 0x1'0000) {
    put(0xe0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3f));
    put(0x80 | (rune & 0x3f));
  } else {
    put(0xf0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3f));
    put(0x80 | (rune >> 6 & 0x3f));
    put(0x80 | (rune & 0x3f));
  }
  return true;
}

}  // namespace pawl::dsl
