#include "log/segment_scan.h"

namespace pawl::log {

absl::Status SegmentScan::contents(std::string_view* payload) {
  const bool is_dictionary = (frame_.flags & format::kFrameFlagDictionary) != 0;
  if (is_dictionary && at_ != format::kSegmentHeaderBytes) {
    return absl::DataLossError("a frame contradicts its segment's header");
  }
  std::optional<std::uint32_t> level;
  if (segment_.headed) level = segment_.feature_level;
  return contents_.read_next(frame_, stored_, level, &dictionary_, payload);
}

}  // namespace pawl::log
