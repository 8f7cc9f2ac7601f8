// The inside of string and bytes literals: escape sequences.
#pragma once

#include <string>
#include <string_view>

namespace pawl::dsl {

// Where and why an escape sequence is wrong; offset is into the literal's body.
struct EscapeError {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string message;
};

// Decodes the escapes of `body` (what is between the quotes of a literal that is not raw). In bytes
// \x and \ooo are one byte each and \u, \U are refused; in strings all of them are code points, and
// two \u may be a surrogate pair.
bool decode_escapes(std::string_view body, bool bytes, std::string* out, EscapeError* error);

}  // namespace pawl::dsl
