#include "log/segment_scan.h"

namespace pawl::log {

absl::Status SegmentScan::contents(std::string_view* payload) {
  const bool is_dictionary = (frame_.flags & format::kFrameFlagDictionary) != 0;
  const bool begins = at_ == format::kSegmentHeaderBytes;
  const bool plain = segment_.headed && segment_.feature_level < format::kCompressedLevel;
  if ((plain && (is_dictionary || frame_.codec != format::kCodecRaw)) ||
      (is_dictionary && (!begins || !frame_.ranges.empty()))) {
    return absl::DataLossError("a frame contradicts its segment's header");
  }
  if (absl::Status s = contents_.read(frame_, stored_, dictionary_.get(), payload); !s.ok()) {
    return s;
  }
  if (!is_dictionary) return absl::OkStatus();
  dictionary_ = Dictionary::make(std::string(*payload));
  *payload = {};
  if (dictionary_ == nullptr || dictionary_->id() != frame_.dictionary) {
    return absl::DataLossError("the segment's dictionary is none");
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
