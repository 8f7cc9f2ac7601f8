// The 128-bit names boxes know one another by on the wire. All are chosen at random, so that none
// can be guessed or met twice.
#pragma once

#include <array>
#include <compare>
#include <string_view>

#include "base/check.h"

namespace pawl::codecs {

// 16 bytes of one meaning; zeros mean "none".
template <class Tag>
struct Id128 {
  static constexpr std::size_t kBytes = 16;
  std::array<unsigned char, kBytes> v{};

  Id128() = default;
  // Copies exactly 16 bytes.
  explicit Id128(std::string_view bytes) {
    PAWL_CHECK(bytes.size() == kBytes);
    for (std::size_t i = 0; i < kBytes; ++i) v[i] = static_cast<unsigned char>(bytes[i]);
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(v.data()), v.size()}; }
  bool is_none() const { return *this == Id128(); }
  friend auto operator<=>(const Id128&, const Id128&) = default;
};

// Which cluster; made with its first keyring and part of every key derivation.
using ClusterId = Id128<struct ClusterIdTag>;
// Which start of a box's process: drawn when it starts and never written down.
using BootId = Id128<struct BootIdTag>;
// What a box asks another to repeat, to know that the answer is no recording.
using Challenge = Id128<struct ChallengeTag>;

}  // namespace pawl::codecs
