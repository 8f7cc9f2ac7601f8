// Base64 with the standard alphabet (RFC 4648, section 4): how bytes travel in JSON.
#pragma once

#include <string>
#include <string_view>

namespace pawl::dsl {

// With padding.
std::string base64_encode(std::string_view bytes);

// Padding may be missing altogether, but not in part; false on anything else (other alphabets,
// white space, stray bits in the last digit). `out` is untouched on failure.
bool base64_decode(std::string_view text, std::string* out);

}  // namespace pawl::dsl
