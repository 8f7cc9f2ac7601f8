#include "log/source.h"

#include <algorithm>

#include "base/limits.h"
#include "log/format.h"
#include "log/legible_files.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {
namespace {

absl::StatusOr<std::shared_ptr<const Dictionary>> read_dictionary(FileSystem& files,
                                                                  const std::string& path,
                                                                  std::uint32_t seed,
                                                                  std::uint64_t segment) {
  constexpr std::size_t kBytesMax = format::kFrameHeaderBytesMax + limits::kDictionaryBytesMax;
  std::string bytes(kBytesMax, '\0');
  // More than the dictionary has: only its own bytes matter.
  LegibleFiles legible(files);
  const auto got = legible.read(path, format::kSegmentHeaderBytes, bytes.data(), bytes.size());
  if (!got.ok()) return got.status();
  FrameHeader header;
  std::string_view payload;
  const FrameState state =
      frame_in(std::string_view(bytes).substr(0, *got), seed, segment,
               static_cast<std::uint32_t>(format::kSegmentHeaderBytes), &header, &payload);
  const std::uint8_t flags = header.flags & (format::kFrameFlagDictionary | format::kFrameFlagLost);
  if (state != FrameState::kWhole || flags != format::kFrameFlagDictionary) {
    return damage(path, format::kSegmentHeaderBytes, "the segment's dictionary is damaged");
  }
  auto made = Dictionary::make(std::string(payload));
  if (made == nullptr || made->id() != header.dictionary) {
    return damage(path, format::kSegmentHeaderBytes, "the segment's dictionary is none");
  }
  return made;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Dictionary>> Dictionaries::of_segment(
    FileSystem& files, const std::string& directory, const StoreId& store_id,
    std::uint64_t segment) {
  const auto known = std::find_if(known_.begin(), known_.end(),
                                  [segment](const auto& one) { return one.first == segment; });
  if (known != known_.end()) {
    std::rotate(known, known + 1, known_.end());
    return known_.back().second;
  }
  auto read = read_dictionary(files, join(directory, segment_name(segment)),
                              frame_seed(store_id, segment), segment);
  if (!read.ok()) return read.status();
  if (known_.size() >= limits::kDictionariesMax) known_.erase(known_.begin());
  known_.emplace_back(segment, *std::move(read));
  return known_.back().second;
}

DamageNote::~DamageNote() { (void)take(); }

void DamageNote::leave(std::uint64_t segment, std::string_view what) {
  auto note = std::make_unique<Met>(Met{segment, std::string(what)});
  Met* none = nullptr;
  if (left_.compare_exchange_strong(none, note.get(), std::memory_order_acq_rel)) {
    (void)note.release();
  }
}

std::optional<DamageNote::Met> DamageNote::take() {
  if (left_.load(std::memory_order_relaxed) == nullptr) return std::nullopt;
  const std::unique_ptr<Met> note(left_.exchange(nullptr, std::memory_order_acq_rel));
  return std::move(*note);
}

}  // namespace pawl::log
