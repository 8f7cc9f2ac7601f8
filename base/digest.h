// BLAKE2b-256 (RFC 7693) for content hashes, salted payload digests and the chained state hash.
// The only file in base/ with a library behind it: libsodium, included by digest.cc alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace pawl {

// Picks the fastest implementation this CPU has; without it digests are right but slow. Called
// once, by main, before threads are started.
void prepare_digests();

using Digest = std::array<unsigned char, 32>;

// BLAKE2b-256 of `data`; `key` (at most 64 bytes, may be empty) makes it a keyed hash: a payload's
// digest is keyed with its salt, so that a short secret can't be guessed from the digest.
Digest digest(std::string_view data, std::string_view key = {});

// digest(previous || data): one link of a chain.
Digest digest_chain(const Digest& previous, std::string_view data);

inline std::string_view as_view(const Digest& d) {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

// 64 lower-case hexadecimal digits.
std::string to_hex(const Digest& d);

}  // namespace pawl
