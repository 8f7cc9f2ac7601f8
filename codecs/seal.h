// The cryptography of the links between boxes: typed wrappers around libsodium, which only seal.cc
// includes. Nothing here chooses anything; what is derived from what is in docs/wire-format.md.
//
// Call prepare_digests() (base/digest.h) once before: it initialises libsodium.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "codecs/random_bytes.h"

namespace pawl::codecs {

// Overwrites memory in a way the compiler does not remove (sodium_memzero).
void wipe(void* data, std::size_t bytes);
// Overwrites all the string holds (not what it held before it last grew), then empties it.
void wipe(std::string* text);

// Equal length and bytes; the time depends on the length alone (sodium_memcmp).
bool equal_in_constant_time(std::string_view a, std::string_view b);

// 32 secret bytes. Copies are equally secret; each is wiped when it is destroyed or assigned to.
// There is no way to print one: keyring.h has fingerprints.
class SecretKey {
 public:
  static constexpr std::size_t kBytes = 32;

  SecretKey() = default;  // zeros
  // Copies exactly 32 bytes.
  explicit SecretKey(std::string_view bytes);
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey() { wipe(bytes_.data(), bytes_.size()); }

  static SecretKey random(RandomBytes* random);

  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  bool is_zero() const { return *this == SecretKey(); }
  friend bool operator==(const SecretKey& a, const SecretKey& b) {
    return equal_in_constant_time(a.view(), b.view());
  }

 private:
  friend SecretKey derive(const SecretKey&, std::string_view,
                          std::initializer_list<std::string_view>);
  friend bool agree(const SecretKey&, const std::array<unsigned char, 32>&, SecretKey*);
  std::array<unsigned char, kBytes> bytes_{};
};

// A key from a key: BLAKE2b-256 (RFC 7693) keyed with `key` over `label` and `parts`, each preceded
// by its length as u32, so that no two lists give the same input.
SecretKey derive(const SecretKey& key, std::string_view label,
                 std::initializer_list<std::string_view> parts);

// --- XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) ---
inline constexpr std::size_t kNonceBytes = 24;
inline constexpr std::size_t kSealTagBytes = 16;
using Nonce = std::array<unsigned char, kNonceBytes>;  // used once with one key

// Appends `plain` sealed, kSealTagBytes longer; `associated` is authenticated and not sent.
void seal(const SecretKey& key, const Nonce& nonce, std::string_view associated,
          std::string_view plain, std::string* out);
// Appends what was sealed. False, with *out as it was, if a bit of anything is different.
bool open_sealed(const SecretKey& key, const Nonce& nonce, std::string_view associated,
                 std::string_view sealed, std::string* out);

// --- X25519 (RFC 7748) ---
using PublicKey = std::array<unsigned char, 32>;

inline std::string_view as_view(const PublicKey& key, std::size_t bytes = 32) {
  return {reinterpret_cast<const char*>(key.data()), bytes};
}

// The public half of a secret of 32 random bytes.
PublicKey public_half(const SecretKey& secret);
// The secret both sides share. False if the other's key is one of the few that make it guessable.
bool agree(const SecretKey& own, const PublicKey& other, SecretKey* shared);

// --- a stream of records (crypto_secretstream_xchacha20poly1305) ---
inline constexpr std::size_t kStreamOverheadBytes = 17;  // of one record: tag byte and MAC

enum class StreamTag : std::uint8_t {
  kMessage = 0,
  kRekey = 2,  // the next record has another key, from which this one's can't be computed
  kFinal = 3,  // the last record, and a rekey
};

// One direction: either all push or all pull. Records open only whole and in order. The library's
// random header is an argument: the key is new for each connection and direction, so that both
// sides derive it.
class StreamCipher {
 public:
  StreamCipher(const SecretKey& key, const Nonce& header);
  StreamCipher(const StreamCipher&) = delete;
  StreamCipher& operator=(const StreamCipher&) = delete;
  ~StreamCipher() { wipe(state_.data(), state_.size()); }

  // Appends the sealed record.
  void push(StreamTag tag, std::string_view associated, std::string_view plain, std::string* out);
  // Appends the record's content. False, with *out and the state as they were, if it is not the
  // next record.
  bool pull(std::string_view associated, std::string_view sealed, StreamTag* tag, std::string* out);

 private:
  std::array<unsigned char, 52> state_;
};

// The operating system's generator (randombytes_buf).
class SystemRandomBytes final : public RandomBytes {
 public:
  void fill(unsigned char* out, std::size_t bytes) override;
};

}  // namespace pawl::codecs
