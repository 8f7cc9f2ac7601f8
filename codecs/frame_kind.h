// What a frame between boxes carries. A number is given once and never again, its meaning does not
// change: a changed message is a new kind. Every kind is listed in docs/wire-format.md.
#pragma once

#include <cstdint>

namespace pawl::codecs {

enum class FrameKind : std::uint16_t {
  kNone = 0,  // never sent
  kRaft = 1,  // codecs/raft_message.h
};

// Whether this build can read frames of that kind.
constexpr bool is_known(FrameKind kind) {
  switch (kind) {
    case FrameKind::kNone:
      return false;
    case FrameKind::kRaft:
      return true;
  }
  return false;
}

}  // namespace pawl::codecs
