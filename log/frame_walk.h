// The definition of walk_entries() of frame.h.
#pragma once

#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/bytes.h"
#include "log/format.h"
#include "log/frame.h"

namespace pawl::log {

template <class Visit>
absl::Status walk_entries(const FrameHeader& header, std::string_view payload, Visit&& visit) {
  if ((header.flags & format::kFrameFlagLost) != 0) return absl::OkStatus();
  ByteReader in(payload);
  absl::InlinedVector<std::uint64_t, 16> seen(header.ranges.size(), 0);
  std::uint64_t expected = 0;
  for (const Range& range : header.ranges) expected += range.count;
  for (std::uint64_t i = 0; i < expected; ++i) {
    const std::uint64_t number = in.varint();
    const std::string_view bytes = in.str();
    if (!in.ok() || number >= seen.size() || seen[number] >= header.ranges[number].count) {
      return absl::DataLossError("frame contents contradict their header");
    }
    const Range& range = header.ranges[number];
    const Index index(range.first.v + seen[number]++);
    if (absl::Status status = visit(range, index, bytes); !status.ok()) return status;
  }
  if (!in.at_end()) return absl::DataLossError("frame contents go on past their last entry");
  return absl::OkStatus();
}

}  // namespace pawl::log
