#include "codecs/protection.h"

#include "base/bytes.h"
#include "base/checksum.h"

namespace pawl::codecs {
namespace {

std::uint32_t checksum(std::string_view associated, std::string_view body) {
  return crc32c(body, crc32c(associated));
}

}  // namespace

void guard(Protection protection, const SecretKey& key, const Nonce& nonce,
           std::string_view associated, std::string_view body, std::string* out) {
  if (protection == Protection::kSealed) {
    seal(key, nonce, associated, body, out);
    return;
  }
  out->append(body);
  ByteWriter(out).fixed32(checksum(associated, body));
}

bool unguard(Protection protection, const SecretKey& key, const Nonce& nonce,
             std::string_view associated, std::string_view guarded, std::string* out) {
  if (protection == Protection::kSealed) {
    return open_sealed(key, nonce, associated, guarded, out);
  }
  const std::size_t bytes = guard_bytes(protection);
  if (guarded.size() < bytes) return false;
  const std::string_view body = guarded.substr(0, guarded.size() - bytes);
  if (ByteReader(guarded.substr(body.size())).fixed32() != checksum(associated, body)) return false;
  out->append(body);
  return true;
}

Keyring plain_keyring() {
  ClusterKey key;
  key.state = KeyState::kActive;
  Keyring ring;
  ring.keys.push_back(key);
  return ring;
}

}  // namespace pawl::codecs
