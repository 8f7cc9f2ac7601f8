#include "base/digest.h"

#include <sodium/core.h>
#include <sodium/crypto_generichash_blake2b.h>

#include <cstring>

#include "base/check.h"

namespace pawl {
namespace {

const unsigned char* as_bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

constexpr std::array<std::array<char, 2>, 256> make_hex() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> table{};
  for (std::size_t b = 0; b < 256; ++b) table[b] = {kDigits[b >> 4], kDigits[b & 15]};
  return table;
}
constexpr std::array<std::array<char, 2>, 256> kHex = make_hex();

}  // namespace

void prepare_digests() { PAWL_CHECK(sodium_init() >= 0); }

Digest digest(std::string_view data, std::string_view key) {
  PAWL_CHECK(key.size() <= crypto_generichash_blake2b_KEYBYTES_MAX);
  Digest out;
  const int rc = crypto_generichash_blake2b(out.data(), out.size(), as_bytes(data), data.size(),
                                            key.empty() ? nullptr : as_bytes(key), key.size());
  PAWL_CHECK(rc == 0);
  return out;
}

Digest digest_chain(const Digest& previous, std::string_view data) {
  crypto_generichash_blake2b_state state;
  Digest out;
  int rc = crypto_generichash_blake2b_init(&state, nullptr, 0, out.size());
  rc |= crypto_generichash_blake2b_update(&state, previous.data(), previous.size());
  rc |= crypto_generichash_blake2b_update(&state, as_bytes(data), data.size());
  rc |= crypto_generichash_blake2b_final(&state, out.data(), out.size());
  PAWL_CHECK(rc == 0);
  return out;
}

std::string to_hex(const Digest& d) {
  std::string text(2 * d.size(), '0');
  char* p = text.data();
  for (const unsigned char b : d) {
    std::memcpy(p, kHex[b].data(), 2);
    p += 2;
  }
  return text;
}

}  // namespace pawl
