#include "log/frame_contents.h"

#include "base/limits.h"
#include "log/format.h"

namespace pawl::log {
namespace {

// A scratch larger than this is given back.
constexpr std::size_t kScratchBytesKept = 1 * limits::MiB;

}  // namespace

absl::Status FrameContents::read(const FrameHeader& header, std::string_view stored,
                                 const Dictionary* dictionary, std::string_view* raw) {
  *raw = {};
  if ((header.flags & format::kFrameFlagLost) != 0) return absl::OkStatus();
  if (header.codec == format::kCodecRaw) {
    const bool is_dictionary = (header.flags & format::kFrameFlagDictionary) != 0;
    if (header.raw_bytes != header.payload_bytes || (header.dictionary != 0) != is_dictionary) {
      return absl::DataLossError("a frame contradicts itself");
    }
    *raw = stored;
    return absl::OkStatus();
  }
  if (header.codec != format::kCodecZstd) {
    return absl::FailedPreconditionError(
        "the frame is compressed in a way this version of Pawl does not know; use the version that "
        "wrote it, or a later one");
  }
  if (header.dictionary == 0) {
    dictionary = nullptr;
  } else if (dictionary == nullptr || dictionary->id() != header.dictionary) {
    return absl::DataLossError("a frame needs a dictionary that its segment does not hold");
  }
  if (scratch_.size() > kScratchBytesKept && header.raw_bytes <= kScratchBytesKept) {
    std::string().swap(scratch_);
  }
  if (!decompressor_.decompress(stored, dictionary, header.raw_bytes, &scratch_)) {
    return absl::DataLossError("a frame can't be decompressed");
  }
  *raw = std::string_view(scratch_).substr(0, header.raw_bytes);
  return absl::OkStatus();
}

absl::Status FrameContents::read_next(const FrameHeader& header, std::string_view stored,
                                      std::optional<std::uint32_t> level,
                                      std::shared_ptr<const Dictionary>* dictionary,
                                      std::string_view* raw) {
  const bool plain = level.value_or(format::kCompressedLevel) < format::kCompressedLevel;
  const bool is_lost = (header.flags & format::kFrameFlagLost) != 0;
  const bool is_dictionary = (header.flags & format::kFrameFlagDictionary) != 0;
  const bool needs_level = is_lost || header.codec != format::kCodecRaw || is_dictionary;
  if ((plain && needs_level) || (is_dictionary && !header.ranges.empty())) {
    return absl::DataLossError("a frame contradicts its segment's header");
  }
  if (absl::Status s = read(header, stored, dictionary->get(), raw); !s.ok()) return s;
  if (!is_dictionary || is_lost) return absl::OkStatus();
  *dictionary = Dictionary::make(std::string(*raw));
  *raw = {};
  if (*dictionary == nullptr || (*dictionary)->id() != header.dictionary) {
    return absl::DataLossError("the segment's dictionary is none");
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
