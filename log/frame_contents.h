// The entries' bytes of a frame, whatever way they are stored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "log/compression.h"
#include "log/frame.h"

namespace pawl::log {

class FrameContents {
 public:
  // Sets `raw` to the payload of a whole frame before compression: a part of `stored`, or valid
  // until the next call. `dictionary` is that of the frame's segment, or null. DataLoss if header
  // and payload contradict each other; FailedPrecondition if the codec is of a newer version. The
  // messages say what is wrong and nothing of the place.
  absl::Status read(const FrameHeader& header, std::string_view stored,
                    const Dictionary* dictionary, std::string_view* raw);

 private:
  Decompressor decompressor_;
  std::string scratch_;
};

}  // namespace pawl::log
