// What a frame between boxes carries. A number is given once and never again, its meaning does not
// change: a changed message is a new kind. Every kind is listed in docs/wire-format.md.
#pragma once

#include <cstdint>

namespace pawl::codecs {

enum class FrameKind : std::uint16_t {
  kNone = 0,  // never sent
  kRaft = 1,  // codecs/raft_message.h
  // The daemon's own, optional: whether a path gets through, and its round-trip time.
  kEcho = 2,
  kEchoReply = 3,
  // codecs/key_rotation.h; optional too.
  kKeyStep = 4,
  kKeyReport = 5,
  // node/peer_frames.h
  kForwardedRequest = 16,
  kForwardedAnswer = 17,
  kReadAsk = 18,
  kReadReply = 19,
  kQueueDemand = 20,
  kReturnedTasks = 21,
  kDelivery = 22,
  kDeliveryTaken = 23,
  // 24 was a BoxStatus without store and roster.
  kBoxStatus = 25,
  kScrubStatus = 26,
};

// Whether this build can read frames of that kind.
constexpr bool is_known(FrameKind kind) {
  switch (kind) {
    case FrameKind::kNone:
      return false;
    case FrameKind::kRaft:
    case FrameKind::kEcho:
    case FrameKind::kEchoReply:
    case FrameKind::kKeyStep:
    case FrameKind::kKeyReport:
    case FrameKind::kForwardedRequest:
    case FrameKind::kForwardedAnswer:
    case FrameKind::kReadAsk:
    case FrameKind::kReadReply:
    case FrameKind::kQueueDemand:
    case FrameKind::kReturnedTasks:
    case FrameKind::kDelivery:
    case FrameKind::kDeliveryTaken:
    case FrameKind::kBoxStatus:
    case FrameKind::kScrubStatus:
      return true;
  }
  return false;
}

// A build that does not know it passes over it.
constexpr bool is_optional(FrameKind kind) {
  return kind == FrameKind::kKeyStep || kind == FrameKind::kKeyReport;
}

// It holds secrets: it takes a stream, whose keys nobody can find out later, never a datagram.
constexpr bool needs_stream(FrameKind kind) { return kind == FrameKind::kKeyStep; }

}  // namespace pawl::codecs
