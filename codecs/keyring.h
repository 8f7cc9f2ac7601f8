// The keyring: the secrets that make a box a member of its cluster. The same file is on every box;
// docs/security.md says what holding it proves and what it does not.
//
// Rotation takes three steps, each finished on every box before the next one begins anywhere:
//
//   install: (none) --> installed     every box accepts the new key
//   use:     installed --> active     the active one becomes installed; every box sends with the
//   new retire:  installed --> retired    no box accepts the old key; its secret is forgotten
//
// so that at any moment each box accepts what each other one sends. A retired key's line stays, so
// that its number is not given to another key.
//
// A Keyring is a value. Checking the file's owner and mode, and replacing it, is the daemon's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "codecs/random_bytes.h"
#include "codecs/seal.h"
#include "codecs/wire_ids.h"

namespace pawl::codecs {

// A key's number within its cluster, from 1; never given twice.
using KeyId = Strong<struct KeyIdTag, std::uint32_t>;

enum class KeyState : std::uint8_t { kInstalled, kActive, kRetired };

// "installed", "active", "retired".
const char* to_string(KeyState state);

struct ClusterKey {
  KeyId id;
  KeyState state = KeyState::kInstalled;
  std::int64_t created_seconds = 0;  // since the Unix epoch; for people, never compared
  std::string fingerprint;           // 8 lower-case hexadecimal digits
  SecretKey secret;                  // zeros once retired
  friend bool operator==(const ClusterKey&, const ClusterKey&) = default;
};

struct Keyring {
  ClusterId cluster;
  std::vector<ClusterKey> keys;  // by ascending id; exactly one is active
  // The highest rotation to which this box has reported (key_rotation.h); 0: none.
  std::uint64_t rotation = 0;
  friend bool operator==(const Keyring&, const Keyring&) = default;

  // The key to send with. There must be one.
  const ClusterKey& active() const;
  // Null if there is none of that number, or it is retired.
  const ClusterKey* accepted(KeyId id) const;
};

// What is printed in place of a secret: the first 8 hexadecimal digits of a hash keyed with it.
// Equal ones mean equal keys of the same cluster, up to one accident in four thousand million.
std::string fingerprint(const ClusterId& cluster, const SecretKey& secret);

// A new cluster with one active key. The time is seconds since the Unix epoch, years 1 to 9999.
Keyring new_keyring(RandomBytes* random, std::int64_t created_seconds);
// The next key of this cluster, to be installed on every box.
ClusterKey new_key(const Keyring& ring, RandomBytes* random, std::int64_t created_seconds);

enum class RotationRefusal : std::uint8_t {
  kNone,         // done, or it was so already
  kUnknownKey,   // use, retire: no key of that number
  kActiveKey,    // retire: it is the one in use
  kRetiredKey,   // install, use: it was retired, and is not to come back
  kNumberTaken,  // install: another secret has this number
  kSecretTaken,  // install: another number has this secret
  kBadKey,       // install: number 0, no secret, or made for another cluster
  kFull,         // install: kKeyringKeysMax keys, none of which can be forgotten
};

// One sentence for the operator; empty for kNone.
const char* explain(RotationRefusal refusal);

// The three steps. A refusal leaves the ring as it was; a step repeated is done again without
// effect, so that an operator may run it on every box twice. Installing into a full ring forgets
// the line of the oldest retired key, but never the highest number, from which new_key() counts.
RotationRefusal install_key(Keyring* ring, const ClusterKey& key);
RotationRefusal use_key(Keyring* ring, KeyId id);
RotationRefusal retire_key(Keyring* ring, KeyId id);

// The file's text, with comments that explain it. It holds the secrets: wipe() it when it is
// written.
std::string format_keyring(const Keyring& ring);

// Reads such a text. On false *ring is untouched and *error is "line N: what is wrong": never a
// word of what stood there, which may be a secret.
bool parse_keyring(std::string_view text, Keyring* ring, std::string* error);

}  // namespace pawl::codecs
