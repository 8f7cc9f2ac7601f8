// JSON: whatever parses must print and parse again to the same value; nothing else may happen.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "codecs/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pawl::codecs::JsonError;
  using pawl::dsl::Value;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Value value;
  JsonError error;
  if (!pawl::codecs::parse_json(text, &value, &error)) {
    if (error.line < 1 || error.column < 1 || error.message.empty()) std::abort();
  } else {
    const std::string once = pawl::codecs::to_json(value);
    Value again;
    if (!pawl::codecs::parse_json(once, &again, &error)) std::abort();
    // Integers past 2^53 come back as strings, which print as themselves from then on.
    if (pawl::codecs::to_json(again) != once) std::abort();
    if (!pawl::codecs::parse_json(pawl::codecs::to_pretty_json(value), &again, &error))
      std::abort();
    if (pawl::codecs::to_json(again) != once) std::abort();
  }
  // Any bytes as a string make valid JSON.
  std::string quoted;
  pawl::codecs::append_json_string(text, &quoted);
  if (!pawl::codecs::parse_json(quoted, &value, &error)) std::abort();
  std::string base64;
  pawl::codecs::append_base64(text, &base64);
  std::string back;
  if (!pawl::codecs::parse_base64(base64, &back) || back != text) std::abort();
  if (pawl::codecs::parse_base64(text, &back)) {
    base64.clear();
    pawl::codecs::append_base64(back, &base64);
    if (base64 != text) std::abort();
  }
  return 0;
}
