// Segment headers and frame headers as values, and the two directions between them and bytes.
// docs/log-format.md has the layout; the payload of a frame is written by frame_builder.h and
// walked by walk_entries().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "log/record.h"

namespace pawl::log {

struct SegmentHeader {
  StoreId store_id{};
  std::uint64_t segment = 0;
  std::uint32_t feature_level = 0;
  std::uint32_t flags = 0;
  std::uint32_t segment_bytes = 0;  // nominal: a single large frame may go past it
};

// Appends kSegmentHeaderBytes.
void encode(const SegmentHeader& header, std::string* out);

enum class SegmentHeaderFault : std::uint8_t { kNone, kDamaged, kNewerFormat };
// `bytes` holds at least kSegmentHeaderBytes.
SegmentHeaderFault decode(std::string_view bytes, SegmentHeader* header);

// Consecutive entries of one group and one term within a frame. None at all (count 0): the group's
// log begins anew at `first`, behind an entry of that term, and what came before is void; such a
// range stands before all others of its group.
struct Range {
  GroupId group;
  Term term;
  Index first;
  std::uint64_t count = 0;
  bool begins() const { return count == 0; }
  // The last entry, or the one that the log begins behind.
  LogEnd end() const { return {term, Index(first.v + count - 1)}; }
};

struct GroupHardState {
  GroupId group;
  HardState state;
};

// A byte's address in the journal: every byte before it was on the disk.
struct Mark {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;
  friend auto operator<=>(const Mark&, const Mark&) = default;
};

struct FrameHeader {
  std::uint32_t header_bytes = 0;   // with the lists and padding
  std::uint32_t payload_bytes = 0;  // as stored, without padding
  std::uint32_t payload_crc = 0;    // of the stored bytes
  std::uint8_t codec = 0;
  std::uint8_t flags = 0;
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;          // of this frame, so that a copy elsewhere is no frame
  std::uint32_t raw_bytes = 0;       // of the payload before compression
  Mark synced;                       // all before it was durable when this frame was built
  std::uint64_t oldest_segment = 0;  // the journal begins here
  std::uint32_t file_bytes = 0;      // durable size of this segment's file: a shorter file was cut
  std::uint32_t dictionary = 0;      // id of the one that this frame holds or needs; 0: none
  std::uint32_t range_count = 0;
  std::uint32_t state_count = 0;
  std::vector<Range> ranges;
  std::vector<GroupHardState> states;

  // With padding: the next frame starts this much later.
  std::uint64_t frame_bytes() const;
};

// Checksums of frames start from this value, so that frames of another store or of the segment's
// former life never pass.
std::uint32_t frame_seed(const StoreId& store_id, std::uint64_t segment);

// Appends header_bytes bytes, computing header_bytes, the counts and the checksum; the other fields
// are written as they stand.
void encode(const FrameHeader& header, std::uint32_t seed, std::string* out);

enum class FrameFault : std::uint8_t {
  kNone,
  kNoMagic,     // nothing here, or the magic is damaged
  kIncomplete,  // bytes end before the header does
  kDamaged      // checksum, wrong place, or lists that don't add up
};
// Reads the header of the frame at (segment, offset) from `bytes`, reusing the vectors of `header`.
// kIncomplete with header->header_bytes set says how much is needed.
FrameFault decode(std::string_view bytes, std::uint32_t seed, std::uint64_t segment,
                  std::uint32_t offset, FrameHeader* header);

// Calls visit(const Range&, Index, std::string_view payload) -> absl::Status for each entry of a
// frame in the order they were appended. DataLoss without a place if the payload contradicts the
// header (checksums were right: a writer's bug or a forged file). A lost frame has no entries.
template <class Visit>
absl::Status walk_entries(const FrameHeader& header, std::string_view payload, Visit&& visit);

}  // namespace pawl::log

#include "log/frame_walk.h"
