// What stands inside a datagram or a stream's record: frames, one behind the other, each padded to
// a multiple of 8 so that the next payload is aligned. Frames have no checksum of their own: the
// session guards them, sealed or with a CRC32C, and hands on nothing else.
//
//   batch := frame*     frame := version:u8 flags:u8 kind:u16 length:u32 payload padding
//
// A frame is not compressed: entries, which are the bulk, come as they stand in the journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "codecs/frame_kind.h"
#include "codecs/wire_format.h"

namespace pawl::codecs {

inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 8;
inline constexpr std::size_t kFrameAlignment = 8;
// Who does not know the kind skips the frame; else it is an error.
inline constexpr std::uint8_t kFrameFlagOptional = 1;

// Bytes of a frame with so much payload.
constexpr std::size_t frame_bytes(std::size_t payload) {
  return kFrameHeaderBytes + (payload + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}
// The largest payload of a frame that is alone in so many bytes.
constexpr std::size_t frame_payload(std::size_t bytes) {
  return bytes / kFrameAlignment * kFrameAlignment - kFrameHeaderBytes;
}
// What fits into one datagram; anything larger takes the stream.
inline constexpr std::size_t kDatagramFramePayloadBytesMax =
    frame_payload(wire::kDatagramPayloadBytesMax);
static_assert(kDatagramFramePayloadBytesMax == 1144);
static_assert(frame_bytes(limits::kFramePayloadBytesMax) <= limits::kStreamRecordBytesMax);

struct Frame {
  FrameKind kind = FrameKind::kNone;
  bool optional = false;
  std::string_view payload;
};

// Appends `frame` to a batch that may grow to `bytes_max`. False, with *batch as it was, if it does
// not fit: send the batch and begin another one. The payload is at most
// limits::kFramePayloadBytesMax.
bool append_frame(const Frame& frame, std::size_t bytes_max, std::string* batch);

enum class FrameStep : std::uint8_t {
  kFrame,        // *frame is the next one
  kEnd,          // there are no more
  kMalformed,    // lengths, flags or padding are wrong: nothing behind it can be read
  kVersion,      // a frame of another format version
  kUnknownKind,  // of a kind this build does not know and the sender does not call optional
};

// A word for metrics and logs: "malformed".
const char* to_string(FrameStep step);

// Walks over a batch. After anything but kFrame every further step gives the same.
class FrameReader {
 public:
  using Known = bool (*)(FrameKind);

  // Payloads are views into `batch`.
  explicit FrameReader(std::string_view batch, Known known = &is_known)
      : rest_(batch), known_(known) {}

  FrameStep next(Frame* frame);
  // Optional frames of unknown kinds so far.
  std::uint64_t skipped() const { return skipped_; }

 private:
  FrameStep read(Frame* frame);

  std::string_view rest_;
  Known known_;
  FrameStep last_ = FrameStep::kFrame;
  std::uint64_t skipped_ = 0;
};

}  // namespace pawl::codecs
