// Which handshakes began here lately: a recording of a first message is answered once at most while
// it is remembered, so that replays cost a look-up and draw nothing. One for all connections of a
// process; the newest kFirstMessagesRemembered are kept, only authentic ones get in.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/limits.h"

namespace pawl::codecs {

class FirstMessageFilter {
 public:
  // True, and remembered, if no message of this transcript hash was taken lately.
  bool take(const Digest& transcript) {
    const std::uint64_t mark = ByteReader(as_view(transcript)).fixed64();
    if (std::find(marks_.begin(), marks_.end(), mark) != marks_.end()) return false;
    marks_[next_] = mark;
    next_ = (next_ + 1) % marks_.size();
    return true;
  }

 private:
  std::array<std::uint64_t, limits::kFirstMessagesRemembered> marks_{};
  std::size_t next_ = 0;  // the oldest, overwritten next
};

}  // namespace pawl::codecs
