// The numbers of docs/wire-format.md: kinds, sizes and derivation labels of what boxes send one
// another. Everything is little-endian. Change nothing here without the page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "codecs/seal.h"

namespace pawl::codecs::wire {

// Versions of the protocol inside datagrams and streams that a build speaks. A release speaks its
// own and the one before, so that a cluster is upgraded box by box.
struct VersionRange {
  std::uint8_t min = 1;  // at least 1
  std::uint8_t max = 1;  // at least min
  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};
inline constexpr VersionRange kVersions{1, 1};

// The highest version both speak; 0 if there is none.
constexpr std::uint8_t highest_common(VersionRange a, VersionRange b) {
  const std::uint8_t low = std::max(a.min, b.min);
  const std::uint8_t high = std::min(a.max, b.max);
  return low <= high ? high : 0;
}

// The format of hellos and handshakes, which must be read before versions are agreed upon: it does
// not change.
inline constexpr std::uint8_t kGreetingFormat = 1;

// Second byte of every datagram and handshake message. Plain ones have this bit set.
inline constexpr std::uint8_t kPlainBit = 0x80;
enum class Kind : std::uint8_t {
  kHello = 1,
  kData = 2,
  kFirst = 3,   // of a stream's handshake: initiator
  kSecond = 4,  // responder
  kThird = 5,   // initiator
};

// --- datagrams ---
// version, kind, key id, sender, session tag, counter
inline constexpr std::size_t kDataHeaderBytes = 1 + 1 + 4 + 8 + 4 + 8;
inline constexpr std::size_t kDatagramPayloadBytesMax =
    limits::kDatagramBytesMax - kDataHeaderBytes - kSealTagBytes;
// format, kind, key id, sender, nonce
inline constexpr std::size_t kHelloHeaderBytes = 1 + 1 + 4 + 8 + kNonceBytes;
// boot, echoed boot, challenge, echoed challenge, version min, version max
inline constexpr std::size_t kHelloBodyBytes = 4 * 16 + 2;

// --- streams ---
// format, kind, key id, initiator, responder, ephemeral key
inline constexpr std::size_t kFirstHeaderBytes = 1 + 1 + 4 + 8 + 8 + 32;
// boot, version min, version max
inline constexpr std::size_t kFirstBodyBytes = 16 + 2;
// format, kind, ephemeral key
inline constexpr std::size_t kSecondHeaderBytes = 1 + 1 + 32;
// boot, chosen version, version min, version max
inline constexpr std::size_t kSecondBodyBytes = 16 + 3;
// format, kind; no body
inline constexpr std::size_t kThirdHeaderBytes = 1 + 1;
// Length of a record's content, before the sealed record.
inline constexpr std::size_t kRecordLengthBytes = 4;

static_assert(kFirstHeaderBytes + kFirstBodyBytes + kSealTagBytes <=
              limits::kUnauthenticatedBytesMax);
static_assert(kDatagramPayloadBytesMax == 1158);

// --- labels of derive(), one a purpose ---
inline constexpr std::string_view kLabelFingerprint = "pawl 1 key fingerprint";
inline constexpr std::string_view kLabelHello = "pawl 1 udp hello";
inline constexpr std::string_view kLabelData = "pawl 1 udp";
inline constexpr std::string_view kLabelDataTag = "pawl 1 udp session tag";
inline constexpr std::string_view kLabelTranscript =
    "pawl 1 tcp transcript";  // hashed, not derived
inline constexpr std::string_view kLabelFirst = "pawl 1 tcp first";
inline constexpr std::string_view kLabelRoot = "pawl 1 tcp root";
inline constexpr std::string_view kLabelSecond = "pawl 1 tcp second";
inline constexpr std::string_view kLabelThird = "pawl 1 tcp third";
inline constexpr std::string_view kLabelForward = "pawl 1 tcp initiator to responder";
inline constexpr std::string_view kLabelBackward = "pawl 1 tcp responder to initiator";
inline constexpr std::string_view kLabelStreamHeader = "pawl 1 tcp stream header";

}  // namespace pawl::codecs::wire
