// The second walk over a journal that is looked at from outside: what its entries hold.
#include <algorithm>
#include <utility>

#include "log/format.h"
#include "log/journal_scan.h"
#include "log/segment_scan.h"

namespace pawl::log {

void JournalScan::settle_replacements() {
  for (GroupTrail& group : trails_) {
    Index least(~std::uint64_t{0});
    for (auto it = group.replaced.rbegin(); it != group.replaced.rend(); ++it) {
      least = std::min(least, it->first);
      it->first = least;
    }
  }
}

bool JournalScan::is_replaced(GroupId group, Index index, std::uint64_t range) const {
  if (group.v >= trails_.size()) return false;
  const std::vector<Replacement>& all = trails_[group.v].replaced;
  const auto later =
      std::upper_bound(all.begin(), all.end(), range,
                       [](std::uint64_t r, const Replacement& one) { return r < one.range; });
  return later != all.end() && later->first <= index;
}

// What is kept, and was not handed out yet.
absl::Status JournalScan::kept_entries(const OnEntry& on_entry) {
  return kept_.entries([&](const WalkedEntry& entry) {
    if (entry.index <= passed(entry.group)) return absl::OkStatus();
    passed(entry.group) = entry.index;
    const Mark at{entry.frame.segment, entry.frame.offset};
    return on_entry(ScannedEntry{entry.group, entry.term, entry.index, at, false}, entry.payload);
  });
}

Index& JournalScan::passed(GroupId group) {
  if (passed_.size() <= group.v) passed_.resize(group.v + std::size_t{1});
  return passed_[group.v];
}

absl::Status JournalScan::entries(const OnEntry& on_entry) {
  std::uint64_t range = 0;
  bytes_before_ = 0;
  passed_.clear();
  if (absl::Status s = kept_entries(on_entry); !s.ok()) return s;
  for (const ScannedSegment& segment : segments_) {
    if (!segment.gone && !segment.foreign) {
      absl::Status status = read_entries(segment, &range, on_entry);
      const bool gone = absl::IsNotFound(status) && !is_listed(segment.number);
      if (!status.ok() && !gone) return status;
      if (gone) {
        // What comes after is numbered as if all of it had been seen.
        range = 0;
        for (const ScannedSegment& before : segments_) {
          range += before.number <= segment.number ? before.ranges : 0;
        }
        find(given_up(path_of(segment.number)));
        // What was still needed of it is in a kept file now.
        if (absl::Status s = kept_.read(store_id_, feature_level_, rebuilds_); !s.ok()) return s;
        if (absl::Status s = kept_entries(on_entry); !s.ok()) return s;
      }
    }
    bytes_before_ += segment.file_bytes;
    progress(bytes_before_);
  }
  return absl::OkStatus();
}

absl::Status JournalScan::read_entries(const ScannedSegment& segment, std::uint64_t* range,
                                       const OnEntry& on_entry) {
  ScannedSegment again = segment;
  SegmentScan scan(files_, path_of(segment.number), &again, frame_seed(store_id_, segment.number),
                   &buffer_);
  auto damaged = segment.damaged.begin();
  while (scan.at() < segment.used_bytes) {
    if (damaged != segment.damaged.end() && damaged->from == scan.at()) {
      scan.move_to((damaged++)->to);
      continue;
    }
    if (absl::Status s = scan.look(); !s.ok()) return s;
    if (scan.state() != FrameState::kWhole) {
      find(damage_finding(scan.path(), scan.at(), "a frame that was whole can't be read again"));
      return absl::OkStatus();
    }
    const FrameHeader& frame = scan.frame();
    const Mark at{segment.number, scan.at()};
    std::string_view payload;
    absl::Status heard;
    absl::Status walked;
    // What can't be unpacked was found by read().
    if (scan.contents(&payload).ok())
      walked =
          walk_entries(frame, payload, [&](const Range& r, Index index, std::string_view bytes) {
            if (kept_.speaks_for(r.group, index)) return absl::OkStatus();
            const auto number = static_cast<std::uint64_t>(&r - frame.ranges.data());
            const bool replaced =
                is_replaced(r.group, index, *range + number) || is_void(rebuilds_, r.group, at);
            if (!replaced) passed(r.group) = std::max(passed(r.group), index);
            heard = on_entry(ScannedEntry{r.group, r.term, index, at, replaced}, bytes);
            return heard;
          });
    if (!heard.ok()) return heard;
    if (!walked.ok()) find(damage_finding(scan.path(), scan.at(), std::string(walked.message())));
    *range += frame.ranges.size();
    scan.move_to(scan.at() + static_cast<std::uint32_t>(frame.frame_bytes()));
    progress(bytes_before_ + scan.at());
  }
  return absl::OkStatus();
}

}  // namespace pawl::log
