#include <array>

#include "codecs/json.h"

namespace pawl::codecs {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_reverse() {
  std::array<std::int8_t, 256> table{};
  for (auto& x : table) x = -1;
  for (int i = 0; i < 64; ++i)
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}
constexpr std::array<std::int8_t, 256> kReverse = make_reverse();

int sextet(char c) { return kReverse[static_cast<unsigned char>(c)]; }

}  // namespace

void append_base64(std::string_view data, ByteBuilder* out) {
  std::size_t i = 0;
  const auto at = [&](std::size_t k) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(data[k]));
  };
  for (; i + 3 <= data.size(); i += 3) {
    const std::uint32_t x = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    const char four[4] = {kAlphabet[x >> 18], kAlphabet[x >> 12 & 63], kAlphabet[x >> 6 & 63],
                          kAlphabet[x & 63]};
    out->raw({four, 4});
  }
  const std::size_t left = data.size() - i;
  if (left == 0) return;
  const std::uint32_t x = at(i) << 16 | (left == 2 ? at(i + 1) << 8 : 0);
  const char four[4] = {kAlphabet[x >> 18], kAlphabet[x >> 12 & 63],
                        left == 2 ? kAlphabet[x >> 6 & 63] : '=', '='};
  out->raw({four, 4});
}

void append_base64(std::string_view data, std::string* out) {
  ByteBuilder builder(out);
  append_base64(data, &builder);
}

bool parse_base64(std::string_view text, std::string* out) {
  if (text.size() % 4 != 0) return false;
  std::string data;
  data.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    std::uint32_t x = 0;
    for (int k = 0; k < 4; ++k) {
      const int bits = k < 4 - padding ? sextet(text[i + static_cast<std::size_t>(k)]) : 0;
      if (bits < 0) return false;
      x = x << 6 | static_cast<std::uint32_t>(bits);
    }
    // Spare bits would let two texts mean one value.
    if ((padding == 1 && (x & 0xff) != 0) || (padding == 2 && (x & 0xffff) != 0)) return false;
    data.push_back(static_cast<char>(x >> 16));
    if (padding < 2) data.push_back(static_cast<char>(x >> 8));
    if (padding < 1) data.push_back(static_cast<char>(x));
  }
  *out = std::move(data);
  return true;
}

}  // namespace pawl::codecs
