// Frames between boxes: the first byte is the kind. What is accepted is written again as the same
// bytes, so that no frame has two forms.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codecs/frame_kind.h"
#include "codecs/key_rotation.h"
#include "node/peer_frames.h"

namespace {

template <class Frame>
void check(std::string_view bytes) {
  Frame frame;
  if (decode(bytes, &frame)) PAWL_CHECK(encode(frame) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = pawl::codecs::FrameKind;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<Kind>(data[0])) {
    case Kind::kKeyStep:
      check<pawl::codecs::KeyStep>(bytes);
      break;
    case Kind::kKeyReport:
      check<pawl::codecs::KeyReport>(bytes);
      break;
    case Kind::kForwardedRequest:
      check<pawl::node::ForwardedRequest>(bytes);
      break;
    case Kind::kForwardedAnswer:
      check<pawl::node::ForwardedAnswer>(bytes);
      break;
    case Kind::kReadAsk:
      check<pawl::node::ReadAsk>(bytes);
      break;
    case Kind::kReadReply:
      check<pawl::node::ReadReply>(bytes);
      break;
    case Kind::kQueueDemand:
      check<pawl::node::QueueDemand>(bytes);
      break;
    case Kind::kReturnedTasks:
      check<pawl::node::ReturnedTasks>(bytes);
      break;
    case Kind::kDelivery:
      check<pawl::node::Delivery>(bytes);
      break;
    case Kind::kDeliveryTaken:
      check<pawl::node::DeliveryTaken>(bytes);
      break;
    case Kind::kBoxStatus:
      check<pawl::node::BoxStatus>(bytes);
      break;
    case Kind::kScrubStatus:
      check<pawl::node::ScrubStatus>(bytes);
      break;
    default:
      break;
  }
  return 0;
}
