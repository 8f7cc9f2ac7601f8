#include "log/frame.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "log/format.h"

namespace pawl::log {
namespace {

// Offsets within the fixed part of a frame header.
constexpr std::size_t kCrcAt = 4;
constexpr std::size_t kCheckedAt = 8;  // the checksum covers the header from here on

void store32(std::uint32_t x, char* to) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(x >> (8 * i));
}

void encode_lists(const FrameHeader& header, std::string* out) {
  ByteWriter w(out);
  for (const Range& range : header.ranges) {
    w.varint(range.group.v);
    w.varint(range.term.v);
    w.varint(range.first.v);
    w.varint(range.count);
  }
  for (const GroupHardState& state : header.states) {
    w.varint(state.group.v);
    w.varint(state.state.term.v);
    w.varint(state.state.vote.v);
  }
}

// A group id within bounds; fails the reader otherwise.
GroupId group_of(ByteReader* in) {
  const std::uint64_t number = in->varint();
  if (number >= static_cast<std::uint64_t>(limits::kGroupsMax)) in->fail();
  return GroupId(in->ok() ? static_cast<std::uint16_t>(number) : std::uint16_t{0});
}

bool is_in(const std::vector<Range>& ranges, GroupId group) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [group](const Range& range) { return range.group == group; });
}

bool decode_lists(std::string_view bytes, FrameHeader* header) {
  ByteReader in(bytes);
  header->ranges.clear();
  header->states.clear();
  for (std::uint32_t i = 0; i < header->range_count && in.ok(); ++i) {
    Range range;
    range.group = group_of(&in);
    range.term = Term(in.varint());
    range.first = Index(in.varint());
    range.count = in.varint();
    if (range.first.v == 0 || range.count > limits::kBatchEntriesMax ||
        range.first.v + range.count < range.first.v) {
      return false;
    }
    if (range.begins() && is_in(header->ranges, range.group)) return false;
    header->ranges.push_back(range);
  }
  for (std::uint32_t i = 0; i < header->state_count && in.ok(); ++i) {
    GroupHardState state;
    state.group = group_of(&in);
    state.state.term = Term(in.varint());
    state.state.vote = NodeId(in.varint());
    header->states.push_back(state);
  }
  const std::string_view padding = in.raw(in.remaining());
  return in.ok() && padding.size() < format::kFrameAlignment &&
         padding.find_first_not_of('\0') == std::string_view::npos;
}

// Sizes alone, so that nothing is read past them.
bool sizes_in_bounds(const FrameHeader& header) {
  return header.header_bytes >= format::kFrameFixedBytes &&
         header.header_bytes <= format::kFrameHeaderBytesMax &&
         header.header_bytes % format::kFrameAlignment == 0 &&
         header.payload_bytes <= limits::kBatchBytesMax &&
         header.raw_bytes <= limits::kBatchBytesMax &&
         header.range_count <= static_cast<std::uint32_t>(limits::kFrameRangesMax) &&
         header.state_count <= static_cast<std::uint32_t>(limits::kGroupsMax);
}

void decode_fixed(ByteReader* in, FrameHeader* header) {
  header->header_bytes = in->fixed32();
  header->payload_bytes = in->fixed32();
  header->payload_crc = in->fixed32();
  header->codec = in->u8();
  header->flags = in->u8();
  header->state_count = in->fixed16();
  header->segment = in->fixed64();
  header->offset = in->fixed32();
  header->raw_bytes = in->fixed32();
  header->synced.segment = in->fixed64();
  header->synced.offset = in->fixed32();
  header->file_bytes = in->fixed32();
  header->oldest_segment = in->fixed64();
  header->range_count = in->fixed32();
  header->dictionary = in->fixed32();
}

}  // namespace

void encode(const SegmentHeader& header, std::string* out) {
  const std::size_t start = out->size();
  ByteWriter w(out);
  w.raw(format::kSegmentMagic);
  w.fixed32(0);  // the checksum, below
  w.fixed32(format::kVersion);
  w.raw({reinterpret_cast<const char*>(header.store_id.data()), header.store_id.size()});
  w.fixed64(header.segment);
  w.fixed32(header.feature_level);
  w.fixed32(header.flags);
  w.fixed32(header.segment_bytes);
  w.fixed32(0);
  w.fixed64(0);
  PAWL_CHECK(out->size() - start == format::kSegmentHeaderBytes);
  store32(crc32c(std::string_view(*out).substr(start + 12)), out->data() + start + 8);
}

SegmentHeaderFault decode(std::string_view bytes, SegmentHeader* header) {
  PAWL_CHECK(bytes.size() >= format::kSegmentHeaderBytes);
  bytes = bytes.substr(0, format::kSegmentHeaderBytes);
  ByteReader in(bytes);
  const bool magic = in.raw(format::kSegmentMagic.size()) == format::kSegmentMagic;
  if (!magic || in.fixed32() != crc32c(bytes.substr(12))) return SegmentHeaderFault::kDamaged;
  if (in.fixed32() != format::kVersion) return SegmentHeaderFault::kNewerFormat;
  const std::string_view id = in.raw(header->store_id.size());
  for (std::size_t i = 0; i < id.size(); ++i) {
    header->store_id[i] = static_cast<unsigned char>(id[i]);
  }
  header->segment = in.fixed64();
  header->feature_level = in.fixed32();
  header->flags = in.fixed32();
  header->segment_bytes = in.fixed32();
  return SegmentHeaderFault::kNone;
}

std::uint64_t FrameHeader::frame_bytes() const {
  return header_bytes + format::aligned(payload_bytes);
}

std::uint32_t frame_seed(const StoreId& store_id, std::uint64_t segment) {
  std::string bytes(reinterpret_cast<const char*>(store_id.data()), store_id.size());
  ByteWriter(&bytes).fixed64(segment);
  return crc32c(bytes);
}

void encode(const FrameHeader& header, std::uint32_t seed, std::string* out) {
  PAWL_CHECK(header.ranges.size() <= limits::kFrameRangesMax);
  PAWL_CHECK(header.states.size() <= limits::kGroupsMax);
  const std::size_t start = out->size();
  ByteWriter w(out);
  w.fixed32(format::kFrameMagic);
  w.fixed32(0);  // the checksum, below
  w.fixed32(0);  // header_bytes, below
  w.fixed32(header.payload_bytes);
  w.fixed32(header.payload_crc);
  w.u8(header.codec);
  w.u8(header.flags);
  w.fixed16(static_cast<std::uint16_t>(header.states.size()));
  w.fixed64(header.segment);
  w.fixed32(header.offset);
  w.fixed32(header.raw_bytes);
  w.fixed64(header.synced.segment);
  w.fixed32(header.synced.offset);
  w.fixed32(header.file_bytes);
  w.fixed64(header.oldest_segment);
  w.fixed32(static_cast<std::uint32_t>(header.ranges.size()));
  w.fixed32(header.dictionary);
  PAWL_CHECK(out->size() - start == format::kFrameFixedBytes);
  encode_lists(header, out);
  out->resize(start + format::aligned(out->size() - start));
  const std::size_t size = out->size() - start;
  PAWL_CHECK(size <= format::kFrameHeaderBytesMax);
  store32(static_cast<std::uint32_t>(size), out->data() + start + kCheckedAt);
  store32(crc32c(std::string_view(*out).substr(start + kCheckedAt), seed),
          out->data() + start + kCrcAt);
}

FrameFault decode(std::string_view bytes, std::uint32_t seed, std::uint64_t segment,
                  std::uint32_t offset, FrameHeader* header) {
  header->header_bytes = 0;
  ByteReader in(bytes);
  if (in.fixed32() != format::kFrameMagic) return FrameFault::kNoMagic;
  const std::uint32_t crc = in.fixed32();
  if (bytes.size() < format::kFrameFixedBytes) {
    header->header_bytes = format::kFrameFixedBytes;
    return FrameFault::kIncomplete;
  }
  decode_fixed(&in, header);
  // The place before the checksum: a search through foreign bytes stays cheap.
  if (header->segment != segment || header->offset != offset || !sizes_in_bounds(*header)) {
    return FrameFault::kDamaged;
  }
  if (bytes.size() < header->header_bytes) return FrameFault::kIncomplete;
  bytes = bytes.substr(0, header->header_bytes);
  if (crc32c(bytes.substr(kCheckedAt), seed) != crc ||
      !decode_lists(bytes.substr(format::kFrameFixedBytes), header)) {
    return FrameFault::kDamaged;
  }
  return FrameFault::kNone;
}

}  // namespace pawl::log
