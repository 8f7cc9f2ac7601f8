// Frames on arbitrary bytes: the walk ends, stays inside, and what it yields makes the same batch.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codecs/frame.h"

namespace {

using namespace pawl::codecs;

bool below_eight(FrameKind kind) { return static_cast<unsigned>(kind) < 8; }
bool any(FrameKind) { return true; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view batch(reinterpret_cast<const char*>(data), size);
  FrameReader all(batch, &any);
  Frame frame;
  FrameStep step;
  std::string again;
  while ((step = all.next(&frame)) == FrameStep::kFrame) {
    if (!append_frame(frame, size, &again)) std::abort();
  }
  if (all.skipped() != 0 || step == FrameStep::kUnknownKind) std::abort();
  if (batch.substr(0, again.size()) != again) std::abort();
  if (step == FrameStep::kEnd && again.size() != size) std::abort();
  FrameReader some(batch, &below_eight);
  while ((step = some.next(&frame)) == FrameStep::kFrame) {
    if (!below_eight(frame.kind)) std::abort();
  }
  if (some.next(&frame) != step) std::abort();
  return 0;
}
