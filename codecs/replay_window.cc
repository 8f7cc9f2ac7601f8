#include "codecs/replay_window.h"

#include <algorithm>

namespace pawl::codecs {

bool ReplayWindow::take(std::uint64_t counter) {
  if (counter == 0) return false;
  if (counter <= highest_ && highest_ - counter >= limits::kReplayWindowDatagrams) return false;
  const std::uint64_t word = counter / 64;
  if (counter > highest_) {
    const std::uint64_t entered = std::min(word - highest_ / 64, kWords);
    for (std::uint64_t i = 0; i < entered; ++i) seen_[(word - i) % kWords] = 0;
    highest_ = counter;
  }
  const std::uint64_t bit = std::uint64_t{1} << (counter % 64);
  if ((seen_[word % kWords] & bit) != 0) return false;
  seen_[word % kWords] |= bit;
  return true;
}

}  // namespace pawl::codecs
