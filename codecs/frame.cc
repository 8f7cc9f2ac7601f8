#include "codecs/frame.h"

#include "base/bytes.h"
#include "base/check.h"

namespace pawl::codecs {

bool append_frame(const Frame& frame, std::size_t bytes_max, std::string* batch) {
  PAWL_CHECK(frame.kind != FrameKind::kNone);
  PAWL_CHECK(frame.payload.size() <= limits::kFramePayloadBytesMax);
  const std::size_t bytes = frame_bytes(frame.payload.size());
  if (batch->size() > bytes_max || bytes > bytes_max - batch->size()) return false;
  const std::size_t end = batch->size() + bytes;
  ByteWriter w(batch);
  w.u8(kFrameVersion);
  w.u8(frame.optional ? kFrameFlagOptional : 0);
  w.fixed16(static_cast<std::uint16_t>(frame.kind));
  w.fixed32(static_cast<std::uint32_t>(frame.payload.size()));
  w.raw(frame.payload);
  batch->resize(end, '\0');
  return true;
}

const char* to_string(FrameStep step) {
  switch (step) {
    case FrameStep::kFrame:
      return "frame";
    case FrameStep::kEnd:
      return "end";
    case FrameStep::kMalformed:
      return "malformed";
    case FrameStep::kVersion:
      return "version";
    case FrameStep::kUnknownKind:
      return "unknown_kind";
  }
  PAWL_UNREACHABLE();
}

FrameStep FrameReader::next(Frame* frame) {
  while (last_ == FrameStep::kFrame) {
    last_ = read(frame);
    if (last_ != FrameStep::kFrame || known_(frame->kind)) break;
    if (!frame->optional) {
      last_ = FrameStep::kUnknownKind;
    } else {
      ++skipped_;
    }
  }
  if (last_ != FrameStep::kFrame && last_ != FrameStep::kUnknownKind) *frame = Frame();
  return last_;
}

FrameStep FrameReader::read(Frame* frame) {
  if (rest_.empty()) return FrameStep::kEnd;
  ByteReader r(rest_);
  const std::uint8_t version = r.u8();
  const std::uint8_t flags = r.u8();
  frame->kind = static_cast<FrameKind>(r.fixed16());
  const std::uint32_t length = r.fixed32();
  if (version != kFrameVersion) return FrameStep::kVersion;
  if (!r.ok() || length > limits::kFramePayloadBytesMax) return FrameStep::kMalformed;
  if ((flags & ~kFrameFlagOptional) != 0) return FrameStep::kMalformed;
  if (frame->kind == FrameKind::kNone) return FrameStep::kMalformed;
  if (frame_bytes(length) > rest_.size()) return FrameStep::kMalformed;
  frame->optional = (flags & kFrameFlagOptional) != 0;
  frame->payload = r.raw(length);
  const std::string_view padding = r.raw(frame_bytes(length) - kFrameHeaderBytes - length);
  PAWL_CHECK(r.ok());
  if (padding.find_first_not_of('\0') != std::string_view::npos) return FrameStep::kMalformed;
  rest_.remove_prefix(frame_bytes(length));
  return FrameStep::kFrame;
}

}  // namespace pawl::codecs
