// UTF-8 (RFC 3629): CEL counts and indexes strings by code point.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pawl::dsl {

inline constexpr std::uint32_t kNoRune = 0xffff'ffff;

// The code point at the front of `text`, taken off; kNoRune (and one byte taken off) if what is
// there is not UTF-8: a truncated or overlong sequence, a surrogate, past U+10FFFF. `text` is not
// empty.
std::uint32_t take_rune(std::string_view* text);

bool is_utf8(std::string_view text);

// Code points; of valid UTF-8.
std::size_t count_runes(std::string_view text);

// The byte offset of the code point number `n`; npos if there are fewer than `n`.
std::size_t rune_offset(std::string_view text, std::size_t n);

// Appends one code point; false if it is a surrogate or past U+10FFFF.
bool append_rune(std::string* out, std::uint32_t rune);

}  // namespace pawl::dsl
