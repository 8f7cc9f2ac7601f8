#include "log/frame_builder.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"

namespace pawl::log {
namespace {

// Room before the payload for a segment header and a usual frame header; a longer one moves the
// payload once.
constexpr std::size_t kHeadroomBytes = 4096;
// A buffer larger than this is given back, so that an idle box stays small.
constexpr std::size_t kBufferBytesKept = 512 * limits::KiB;
// Two varints of an entry: range number and length.
constexpr std::size_t kEntryOverheadMax = 3 + 4;
constexpr std::size_t kRangeBytesMax = 3 + 10 + 10 + 3;
constexpr std::size_t kStateBytesMax = 3 + 10 + 10;

}  // namespace

FrameBuilder::FrameBuilder() { reset(); }

void FrameBuilder::reset() {
  if (buffer_.capacity() > kBufferBytesKept) std::string().swap(buffer_);
  if (packed_.capacity() > kBufferBytesKept) std::string().swap(packed_);
  buffer_.resize(kHeadroomBytes);
  ranges_.clear();
  states_.clear();
  open_range_.clear();
  entries_ = 0;
  frame_bytes_ = raw_bytes_ = stored_bytes_ = 0;
}

bool FrameBuilder::has_room(std::size_t bytes) const {
  return entries_ == 0 ||
         (payload_bytes() + bytes + kEntryOverheadMax <= limits::kBatchBytesMax &&
          entries_ < limits::kBatchEntriesMax && ranges_.size() < limits::kFrameRangesMax);
}

// Entries get ranges of their own: this one stays empty.
void FrameBuilder::begin_log(GroupId group, LogEnd last) {
  PAWL_CHECK(group.v < limits::kGroupsMax);
  PAWL_CHECK(!has_log_of(group));
  ranges_.push_back(Range{group, last.term, last.index.next(), 0});
}

bool FrameBuilder::has_log_of(GroupId group) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [group](const Range& range) { return range.group == group; });
}

void FrameBuilder::append(GroupId group, Term term, Index index, std::string_view payload) {
  PAWL_CHECK(group.v < limits::kGroupsMax);
  PAWL_CHECK(index.v > 0);
  PAWL_CHECK(payload.size() <= limits::kEntryBytesMax);
  PAWL_CHECK(has_room(payload.size()));
  if (open_range_.size() <= group.v) open_range_.resize(group.v + std::size_t{1}, kNoRange);
  std::uint32_t& open = open_range_[group.v];
  const bool extends = open != kNoRange && ranges_[open].term == term &&
                       ranges_[open].first.v + ranges_[open].count == index.v;
  if (!extends) {
    open = static_cast<std::uint32_t>(ranges_.size());
    ranges_.push_back(Range{group, term, index, 0});
  }
  ++ranges_[open].count;
  ++entries_;
  ByteWriter w(&buffer_);
  w.varint(open);
  w.str(payload);
}

void FrameBuilder::save_hard_state(GroupId group, const HardState& state) {
  PAWL_CHECK(group.v < limits::kGroupsMax);
  for (GroupHardState& saved : states_) {
    if (saved.group == group) {
      saved.state = state;
      return;
    }
  }
  states_.push_back(GroupHardState{group, state});
}

void FrameBuilder::repeat_hard_state(GroupId group, const HardState& state) {
  for (const GroupHardState& saved : states_) {
    if (saved.group == group) return;
  }
  states_.push_back(GroupHardState{group, state});
}

std::size_t FrameBuilder::payload_bytes() const { return buffer_.size() - kHeadroomBytes; }

std::size_t FrameBuilder::frame_bytes_max() const {
  return format::aligned(format::kFrameFixedBytes + ranges_.size() * kRangeBytesMax +
                         states_.size() * kStateBytesMax) +
         format::aligned(payload_bytes());
}

std::string_view FrameBuilder::finish(const FrameHeader& where, std::uint32_t seed,
                                      std::string_view prefix, Compressor* compressor) {
  FrameHeader header = where;
  raw_bytes_ = static_cast<std::uint32_t>(payload_bytes());
  const std::string_view raw = std::string_view(buffer_).substr(kHeadroomBytes);
  header.codec = format::kCodecRaw;
  if (compressor != nullptr && compressor->compress(raw, format::kFrameAlignment, &packed_)) {
    buffer_.replace(kHeadroomBytes, raw.size(), packed_);
    header.codec = format::kCodecZstd;
    header.dictionary = compressor->dictionary() ? compressor->dictionary()->id() : 0;
  }
  const std::size_t payload = payload_bytes();
  const std::size_t padded = format::aligned(payload);
  buffer_.resize(kHeadroomBytes + padded);
  const std::string_view stored = std::string_view(buffer_).substr(kHeadroomBytes);

  stored_bytes_ = static_cast<std::uint32_t>(payload);
  header.payload_bytes = stored_bytes_;
  header.raw_bytes = raw_bytes_;
  header.payload_crc = crc32c(stored, seed);
  header.ranges.swap(ranges_);
  header.states.swap(states_);
  header_.assign(prefix);
  encode(header, seed, &header_);
  header.ranges.swap(ranges_);
  header.states.swap(states_);
  frame_bytes_ = static_cast<std::uint32_t>(header_.size() - prefix.size() + padded);

  buffer_.append(format::kTerminatorBytes, '\0');
  std::size_t start = 0;
  if (header_.size() <= kHeadroomBytes) {
    start = kHeadroomBytes - header_.size();
    buffer_.replace(start, header_.size(), header_);
  } else {
    buffer_.replace(0, kHeadroomBytes, header_);
  }
  return std::string_view(buffer_).substr(start);
}

}  // namespace pawl::log
