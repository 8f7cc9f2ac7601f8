// Random bytes that are the same in every run: what a handshake draws in a test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "codecs/random_bytes.h"

namespace pawl::codecs {

class SeededBytes final : public RandomBytes {
 public:
  explicit SeededBytes(std::uint64_t seed) : random_(seed) {}
  void fill(unsigned char* out, std::size_t bytes) override {
    for (std::size_t i = 0; i < bytes; ++i) {
      out[i] = static_cast<unsigned char>(random_.next());
    }
  }

 private:
  Random random_;
};

// 0, 1, 2, ... modulo 256: for vectors that a person has to follow.
class CountingBytes final : public RandomBytes {
 public:
  explicit CountingBytes(unsigned char first) : next_(first) {}
  void fill(unsigned char* out, std::size_t bytes) override {
    for (std::size_t i = 0; i < bytes; ++i) out[i] = next_++;
  }

 private:
  unsigned char next_;
};

inline std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

inline std::string unhex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

}  // namespace pawl::codecs
