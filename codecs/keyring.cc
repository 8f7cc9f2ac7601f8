#include "codecs/keyring.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "codecs/wire_format.h"

namespace pawl::codecs {
namespace {

ClusterKey* find(Keyring* ring, KeyId id) {
  for (ClusterKey& key : ring->keys) {
    if (key.id == id) return &key;
  }
  return nullptr;
}

// Makes room for one more key; false if there is none to be had. The highest number stays, whatever
// its state: new_key() counts from it.
bool make_room(Keyring* ring) {
  if (ring->keys.size() < limits::kKeyringKeysMax) return true;
  const auto highest = ring->keys.end() - 1;
  const auto oldest = std::find_if(ring->keys.begin(), highest, [](const ClusterKey& key) {
    return key.state == KeyState::kRetired;
  });
  if (oldest == highest) return false;
  ring->keys.erase(oldest);
  return true;
}

ClusterKey make_key(const ClusterId& cluster, KeyId id, RandomBytes* random,
                    std::int64_t created_seconds) {
  ClusterKey key;
  key.id = id;
  key.created_seconds = created_seconds;
  do key.secret = SecretKey::random(random);
  while (key.secret.is_zero());
  key.fingerprint = fingerprint(cluster, key.secret);
  return key;
}

}  // namespace

const char* to_string(KeyState state) {
  switch (state) {
    case KeyState::kInstalled:
      return "installed";
    case KeyState::kActive:
      return "active";
    case KeyState::kRetired:
      return "retired";
  }
  PAWL_UNREACHABLE();
}

const ClusterKey& Keyring::active() const {
  for (const ClusterKey& key : keys) {
    if (key.state == KeyState::kActive) return key;
  }
  PAWL_UNREACHABLE();
}

const ClusterKey* Keyring::accepted(KeyId id) const {
  for (const ClusterKey& key : keys) {
    if (key.id == id && key.state != KeyState::kRetired) return &key;
  }
  return nullptr;
}

std::string fingerprint(const ClusterId& cluster, const SecretKey& secret) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const SecretKey hash = derive(secret, wire::kLabelFingerprint, {cluster.view()});
  std::string text;
  for (const char c : hash.view().substr(0, 4)) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Keyring new_keyring(RandomBytes* random, std::int64_t created_seconds) {
  Keyring ring;
  ring.cluster = draw_id<ClusterId>(random);
  ring.keys.push_back(make_key(ring.cluster, KeyId(1), random, created_seconds));
  ring.keys.back().state = KeyState::kActive;
  return ring;
}

ClusterKey new_key(const Keyring& ring, RandomBytes* random, std::int64_t created_seconds) {
  PAWL_CHECK(!ring.keys.empty());
  PAWL_CHECK(ring.keys.back().id.v < UINT32_MAX);
  return make_key(ring.cluster, ring.keys.back().id.next(), random, created_seconds);
}

const char* explain(RotationRefusal refusal) {
  switch (refusal) {
    case RotationRefusal::kNone:
      return "";
    case RotationRefusal::kUnknownKey:
      return "the keyring has no key of that number: install it on every box first";
    case RotationRefusal::kActiveKey:
      return "the key is the active one: use another key on every box first";
    case RotationRefusal::kRetiredKey:
      return "the key was retired and does not come back: make a new one";
    case RotationRefusal::kNumberTaken:
      return "another key has that number: compare the fingerprints on all boxes";
    case RotationRefusal::kSecretTaken:
      return "the keyring has this key under another number";
    case RotationRefusal::kBadKey:
      return "the key has no number or no secret, or was made for another cluster";
    case RotationRefusal::kFull:
      return "the keyring is full and none of its keys is retired: retire one first";
  }
  PAWL_UNREACHABLE();
}

RotationRefusal install_key(Keyring* ring, const ClusterKey& key) {
  if (key.id.v == 0 || key.secret.is_zero()) return RotationRefusal::kBadKey;
  if (key.fingerprint != fingerprint(ring->cluster, key.secret)) return RotationRefusal::kBadKey;
  for (const ClusterKey& other : ring->keys) {
    if (other.id == key.id) {
      if (other.fingerprint != key.fingerprint) return RotationRefusal::kNumberTaken;
      if (other.state == KeyState::kRetired) return RotationRefusal::kRetiredKey;
      return other.secret == key.secret ? RotationRefusal::kNone : RotationRefusal::kNumberTaken;
    }
    if (other.secret == key.secret) return RotationRefusal::kSecretTaken;
  }
  if (!make_room(ring)) return RotationRefusal::kFull;
  const auto after = std::find_if(ring->keys.begin(), ring->keys.end(),
                                  [&](const ClusterKey& other) { return other.id > key.id; });
  ring->keys.insert(after, key)->state = KeyState::kInstalled;
  return RotationRefusal::kNone;
}

RotationRefusal use_key(Keyring* ring, KeyId id) {
  ClusterKey* key = find(ring, id);
  if (key == nullptr) return RotationRefusal::kUnknownKey;
  if (key->state == KeyState::kRetired) return RotationRefusal::kRetiredKey;
  for (ClusterKey& other : ring->keys) {
    if (other.state == KeyState::kActive) other.state = KeyState::kInstalled;
  }
  key->state = KeyState::kActive;
  return RotationRefusal::kNone;
}

RotationRefusal retire_key(Keyring* ring, KeyId id) {
  ClusterKey* key = find(ring, id);
  if (key == nullptr) return RotationRefusal::kUnknownKey;
  if (key->state == KeyState::kActive) return RotationRefusal::kActiveKey;
  key->state = KeyState::kRetired;
  key->secret = SecretKey();
  return RotationRefusal::kNone;
}

}  // namespace pawl::codecs
