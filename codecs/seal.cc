#include "codecs/seal.h"

#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash_blake2b.h>
#include <sodium/crypto_scalarmult_curve25519.h>
#include <sodium/crypto_secretstream_xchacha20poly1305.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

#include <cstring>

#include "base/check.h"

namespace pawl::codecs {
namespace {

using StreamState = crypto_secretstream_xchacha20poly1305_state;

static_assert(kNonceBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kSealTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(SecretKey::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(SecretKey::kBytes == crypto_scalarmult_curve25519_SCALARBYTES);
static_assert(SecretKey::kBytes == crypto_secretstream_xchacha20poly1305_KEYBYTES);
static_assert(sizeof(PublicKey) == crypto_scalarmult_curve25519_BYTES);
static_assert(kNonceBytes == crypto_secretstream_xchacha20poly1305_HEADERBYTES);
static_assert(kStreamOverheadBytes == crypto_secretstream_xchacha20poly1305_ABYTES);
static_assert(static_cast<int>(StreamTag::kMessage) ==
              crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
static_assert(static_cast<int>(StreamTag::kRekey) ==
              crypto_secretstream_xchacha20poly1305_TAG_REKEY);
static_assert(static_cast<int>(StreamTag::kFinal) ==
              crypto_secretstream_xchacha20poly1305_TAG_FINAL);

const unsigned char* as_bytes(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

unsigned char* tail(std::string* s, std::size_t at) {
  return reinterpret_cast<unsigned char*>(s->data() + at);
}

void update(crypto_generichash_blake2b_state* state, std::string_view part) {
  unsigned char length[4];
  for (int i = 0; i < 4; ++i) length[i] = static_cast<unsigned char>(part.size() >> (8 * i));
  int rc = crypto_generichash_blake2b_update(state, length, sizeof length);
  rc |= crypto_generichash_blake2b_update(state, as_bytes(part), part.size());
  PAWL_CHECK(rc == 0);
}

}  // namespace

void wipe(void* data, std::size_t bytes) { sodium_memzero(data, bytes); }

void wipe(std::string* text) {
  text->resize(text->capacity());
  sodium_memzero(text->data(), text->size());
  text->clear();
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

SecretKey::SecretKey(std::string_view bytes) {
  PAWL_CHECK(bytes.size() == kBytes);
  std::memcpy(bytes_.data(), bytes.data(), kBytes);
}

SecretKey SecretKey::random(RandomBytes* random) {
  SecretKey key;
  random->fill(key.bytes_.data(), kBytes);
  return key;
}

SecretKey derive(const SecretKey& key, std::string_view label,
                 std::initializer_list<std::string_view> parts) {
  SecretKey out;
  crypto_generichash_blake2b_state state;
  int rc = crypto_generichash_blake2b_init(&state, key.bytes_.data(), SecretKey::kBytes,
                                           SecretKey::kBytes);
  PAWL_CHECK(rc == 0);
  update(&state, label);
  for (const std::string_view part : parts) update(&state, part);
  rc = crypto_generichash_blake2b_final(&state, out.bytes_.data(), SecretKey::kBytes);
  PAWL_CHECK(rc == 0);
  sodium_memzero(&state, sizeof state);
  return out;
}

void seal(const SecretKey& key, const Nonce& nonce, std::string_view associated,
          std::string_view plain, std::string* out) {
  const std::size_t at = out->size();
  out->resize(at + plain.size() + kSealTagBytes);
  unsigned long long written = 0;
  const int rc = crypto_aead_xchacha20poly1305_ietf_encrypt(
      tail(out, at), &written, as_bytes(plain), plain.size(), as_bytes(associated),
      associated.size(), nullptr, nonce.data(), as_bytes(key.view()));
  PAWL_CHECK(rc == 0);
  PAWL_CHECK(written == plain.size() + kSealTagBytes);
}

bool open_sealed(const SecretKey& key, const Nonce& nonce, std::string_view associated,
                 std::string_view sealed, std::string* out) {
  if (sealed.size() < kSealTagBytes) return false;
  const std::size_t at = out->size();
  out->resize(at + sealed.size() - kSealTagBytes);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      tail(out, at), nullptr, nullptr, as_bytes(sealed), sealed.size(), as_bytes(associated),
      associated.size(), nonce.data(), as_bytes(key.view()));
  if (rc != 0) out->resize(at);
  return rc == 0;
}

PublicKey public_half(const SecretKey& secret) {
  PublicKey out;
  const int rc = crypto_scalarmult_curve25519_base(out.data(), as_bytes(secret.view()));
  PAWL_CHECK(rc == 0);
  return out;
}

bool agree(const SecretKey& own, const PublicKey& other, SecretKey* shared) {
  return crypto_scalarmult_curve25519(shared->bytes_.data(), own.bytes_.data(), other.data()) == 0;
}

// init_push is init_pull with a header it draws itself: the state is the same (libsodium's
// documentation, "Algorithm" of secretstream), so that one call serves both directions.
StreamCipher::StreamCipher(const SecretKey& key, const Nonce& header) {
  static_assert(sizeof state_ == sizeof(StreamState));
  StreamState state;
  const int rc =
      crypto_secretstream_xchacha20poly1305_init_pull(&state, header.data(), as_bytes(key.view()));
  PAWL_CHECK(rc == 0);
  std::memcpy(state_.data(), &state, sizeof state);
  sodium_memzero(&state, sizeof state);
}

void StreamCipher::push(StreamTag tag, std::string_view associated, std::string_view plain,
                        std::string* out) {
  StreamState state;
  std::memcpy(&state, state_.data(), sizeof state);
  const std::size_t at = out->size();
  out->resize(at + plain.size() + kStreamOverheadBytes);
  const int rc = crypto_secretstream_xchacha20poly1305_push(
      &state, tail(out, at), nullptr, as_bytes(plain), plain.size(), as_bytes(associated),
      associated.size(), static_cast<unsigned char>(tag));
  PAWL_CHECK(rc == 0);
  std::memcpy(state_.data(), &state, sizeof state);
  sodium_memzero(&state, sizeof state);
}

bool StreamCipher::pull(std::string_view associated, std::string_view sealed, StreamTag* tag,
                        std::string* out) {
  if (sealed.size() < kStreamOverheadBytes) return false;
  StreamState state;
  std::memcpy(&state, state_.data(), sizeof state);
  const std::size_t at = out->size();
  out->resize(at + sealed.size() - kStreamOverheadBytes);
  unsigned char raw_tag = 0;
  const int rc = crypto_secretstream_xchacha20poly1305_pull(
      &state, tail(out, at), nullptr, &raw_tag, as_bytes(sealed), sealed.size(),
      as_bytes(associated), associated.size());
  const bool known = raw_tag == static_cast<unsigned char>(StreamTag::kMessage) ||
                     raw_tag == static_cast<unsigned char>(StreamTag::kRekey) ||
                     raw_tag == static_cast<unsigned char>(StreamTag::kFinal);
  const bool good = rc == 0 && known;
  if (good) {
    std::memcpy(state_.data(), &state, sizeof state);
    *tag = static_cast<StreamTag>(raw_tag);
  } else {
    out->resize(at);
  }
  sodium_memzero(&state, sizeof state);
  return good;
}

void SystemRandomBytes::fill(unsigned char* out, std::size_t bytes) { randombytes_buf(out, bytes); }

}  // namespace pawl::codecs
