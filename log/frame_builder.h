// One frame while it is being queued, built in place: payload bytes are copied once, behind room
// for the header, so that the finished frame is one contiguous view for one pwrite. Reused after
// completion; a buffer that grew large is given back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "log/compression.h"
#include "log/frame.h"
#include "log/record.h"

namespace pawl::log {

class FrameBuilder {
 public:
  FrameBuilder();

  // Forgets everything; keeps a modest buffer.
  void reset();
  bool empty() const { return ranges_.empty() && states_.empty(); }
  // Whether an entry of `bytes` still belongs into this frame (kBatchBytesMax, kBatchEntriesMax,
  // kFrameRangesMax). An empty builder has room for any entry.
  bool has_room(std::size_t bytes) const;

  void append(GroupId group, Term term, Index index, std::string_view payload);
  // The group's log begins anew behind `last`: before the frame has anything else of its log.
  void begin_log(GroupId group, LogEnd last);
  bool has_log_of(GroupId group) const;
  void save_hard_state(GroupId group, const HardState& state);
  // Adds a state only if the frame has none for the group: the repetition at a segment's head.
  void repeat_hard_state(GroupId group, const HardState& state);

  std::uint64_t entries() const { return entries_; }
  const std::vector<Range>& ranges() const { return ranges_; }
  const std::vector<GroupHardState>& states() const { return states_; }
  // Bytes of the payload so far.
  std::size_t payload_bytes() const;
  // An upper bound for the frame's size, padding included.
  std::size_t frame_bytes_max() const;

  // Completes the frame. `where` gives segment, offset, flags, marks and file_bytes; the rest is
  // filled in. `prefix` (a segment header and what else comes before, or empty) goes right before
  // the frame in the returned view, the terminator right after. The payload is compressed if that
  // makes the frame shorter; null: never. The view is valid until reset().
  std::string_view finish(const FrameHeader& where, std::uint32_t seed, std::string_view prefix,
                          Compressor* compressor);
  // Of the finished frame, without prefix and terminator.
  std::uint32_t frame_bytes() const { return frame_bytes_; }
  // Of its payload: before compression, and as stored.
  std::uint32_t raw_bytes() const { return raw_bytes_; }
  std::uint32_t stored_bytes() const { return stored_bytes_; }

 private:
  static constexpr std::uint32_t kNoRange = 0xffff'ffff;

  std::string buffer_;  // room for the header, then the payload
  std::vector<Range> ranges_;
  std::vector<std::uint32_t> open_range_;  // by group: its last range, or kNoRange
  std::vector<GroupHardState> states_;
  std::uint64_t entries_ = 0;
  std::uint32_t frame_bytes_ = 0;
  std::uint32_t raw_bytes_ = 0;
  std::uint32_t stored_bytes_ = 0;
  std::string header_;
  std::string packed_;
};

}  // namespace pawl::log
