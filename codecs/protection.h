// How messages between boxes are guarded: sealed (XChaCha20-Poly1305 under keys of the keyring), or
// plain with a CRC32C, which stops accidents and no adversary. Plain is for tests and for clusters
// that live on one machine's loopback; the daemon refuses it elsewhere. Both modes are the same
// state machines with the same messages, and a session of one mode drops what the other sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codecs/keyring.h"
#include "codecs/seal.h"
#include "codecs/wire_format.h"

namespace pawl::codecs {

enum class Protection : std::uint8_t { kSealed, kPlain };

// What guarding adds to a body: the MAC, or the checksum.
constexpr std::size_t guard_bytes(Protection protection) {
  return protection == Protection::kSealed ? kSealTagBytes : 4;
}

// The second byte of a datagram or handshake message.
constexpr std::uint8_t kind_byte(Protection protection, wire::Kind kind) {
  return static_cast<std::uint8_t>(kind) | (protection == Protection::kPlain ? wire::kPlainBit : 0);
}

// Appends `body` guarded. Plain: the body, then CRC32C(associated || body) as u32.
void guard(Protection protection, const SecretKey& key, const Nonce& nonce,
           std::string_view associated, std::string_view body, std::string* out);
// Appends the body of what was guarded; false, with *out as it was, if anything is different.
bool unguard(Protection protection, const SecretKey& key, const Nonce& nonce,
             std::string_view associated, std::string_view guarded, std::string* out);

// The keyring that plain sessions are given: all zeros, one key of number 0. It is no secret, and
// parse_keyring() never returns it.
Keyring plain_keyring();

}  // namespace pawl::codecs
