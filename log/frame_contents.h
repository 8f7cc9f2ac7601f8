// The entries' bytes of a frame, whatever way they are stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "log/compression.h"
#include "log/frame.h"

namespace pawl::log {

class FrameContents {
 public:
  // Sets `raw` to the payload of a whole frame before compression: a part of `stored`, or valid
  // until the next call; empty of a lost frame. `dictionary` is that of the frame's segment, or
  // null. DataLoss if header and payload contradict each other; FailedPrecondition if the codec is
  // of a newer version. The messages say what is wrong and nothing of the place.
  absl::Status read(const FrameHeader& header, std::string_view stored,
                    const Dictionary* dictionary, std::string_view* raw);

  // The same of one frame after the other from a segment's beginning: the segment's dictionary is
  // taken over into `dictionary` and has no entries. `level` is that of the segment's header;
  // absent: it can't be read.
  absl::Status read_next(const FrameHeader& header, std::string_view stored,
                         std::optional<std::uint32_t> level,
                         std::shared_ptr<const Dictionary>* dictionary, std::string_view* raw);

 private:
  Decompressor decompressor_;
  std::string scratch_;
};

}  // namespace pawl::log
