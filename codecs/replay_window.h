// Which counters of a peer's datagrams were seen: each is taken once, in any order, as long as it
// is at most kReplayWindowDatagrams behind the highest. The ring of words of RFC 6479: moving ahead
// clears words instead of shifting bits. A value; 144 bytes.
#pragma once

#include <array>
#include <cstdint>

#include "base/limits.h"

namespace pawl::codecs {

class ReplayWindow {
 public:
  // Takes `counter` if it is new. Call it only for what was authenticated: it moves the window.
  bool take(std::uint64_t counter);
  // The highest counter taken; 0 if none was (counters begin at 1).
  std::uint64_t highest() const { return highest_; }

 private:
  // One word more than the window, so that the word being entered is never still needed.
  static constexpr std::uint64_t kWords = limits::kReplayWindowDatagrams / 64 + 1;

  std::array<std::uint64_t, kWords> seen_{};
  std::uint64_t highest_ = 0;
};

}  // namespace pawl::codecs
