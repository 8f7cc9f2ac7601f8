#include "log/journal_scan.h"

#include <algorithm>
#include <utility>

#include "log/format.h"
#include "log/names.h"
#include "log/segment_scan.h"

namespace pawl::log {
namespace {

constexpr std::uint64_t kFileBytesMax = 0xffff'ffff;

// "entries 5 to 9 of group 3, 2 of group 4", of the frame whose contents are lost.
std::string text_of(const std::vector<Range>& ranges) {
  std::string text;
  for (const Range& range : ranges) {
    if (!text.empty()) text += ", ";
    const std::uint64_t last = range.first.v + range.count - 1;
    text += std::to_string(range.first.v);
    if (range.count > 1) text += " to " + std::to_string(last);
    text += " of group " + std::to_string(range.group.v);
  }
  return text;
}

GroupSpan& span_of(std::vector<GroupSpan>* spans, GroupId group) {
  const auto at =
      std::lower_bound(spans->begin(), spans->end(), group,
                       [](const GroupSpan& span, GroupId wanted) { return span.group < wanted; });
  if (at != spans->end() && at->group == group) return *at;
  return *spans->insert(at, GroupSpan{group, Index(), Index(), 0});
}

// What the reader of a kept file says: "read PATH: WHAT at offset N. MORE".
Finding kept_finding(const std::string& path, const absl::Status& status) {
  std::string text(status.message());
  const std::string before = "read " + path + ": ";
  if (text.starts_with(before)) text.erase(0, before.size());
  constexpr std::string_view kOffset = " at offset ";
  const std::size_t at = text.find(kOffset);
  if (at == std::string::npos) return damage_finding(path, 0, text);
  const std::uint64_t offset = std::strtoull(text.c_str() + at + kOffset.size(), nullptr, 10);
  return damage_finding(path, offset, text.substr(0, at));
}

}  // namespace

Finding damage_finding(std::string path, std::uint64_t offset, std::string what) {
  Finding finding;
  finding.path = std::move(path);
  finding.offset = offset;
  finding.what = std::move(what);
  finding.remedy =
      "keep a copy of the directory and check the disk; then restore the store from a backup or, "
      "if the cluster has other members, remove this box and add it again with an empty directory";
  return finding;
}

Finding given_up(std::string path) {
  return {std::move(path), 0, "given up by the daemon while it was read", "", false, true};
}

JournalScan::JournalScan(FileSystem& files, std::string directory, const StoreId& store_id,
                         std::uint32_t feature_level, OnFinding on_finding, OnProgress on_progress)
    : files_(files),
      directory_(std::move(directory)),
      store_id_(store_id),
      feature_level_(feature_level),
      on_finding_(std::move(on_finding)),
      on_progress_(std::move(on_progress)),
      kept_(files, directory_, [this](const std::string& path, const absl::Status& status) {
        find(kept_finding(path, status));
      }) {}

std::string JournalScan::path_of(std::uint64_t segment) const {
  return join(directory_, segment_name(segment));
}

void JournalScan::find(Finding finding) const {
  if (on_finding_) on_finding_(std::move(finding));
}

void JournalScan::progress(std::uint64_t bytes) const {
  if (on_progress_) on_progress_(std::min(bytes, bytes_total_), bytes_total_);
}

JournalScan::GroupTrail& JournalScan::trail(GroupId group) {
  if (trails_.size() <= group.v) trails_.resize(group.v + std::size_t{1});
  return trails_[group.v];
}

absl::Status JournalScan::list() {
  const absl::StatusOr<std::vector<FileInfo>> found = files_.list(directory_);
  if (!found.ok()) return found.status();
  std::vector<ScannedFile> all;
  for (const FileInfo& file : *found) {
    if (const auto segment = parse_segment_name(file.name)) {
      all.push_back(ScannedFile{*segment, file.bytes});
    } else if (const auto spare = parse_spare_name(file.name)) {
      spares_.push_back(ScannedFile{*spare, file.bytes});
    }
  }
  const auto by_number = [](const ScannedFile& a, const ScannedFile& b) {
    return a.number < b.number;
  };
  std::sort(all.begin(), all.end(), by_number);
  std::sort(spares_.begin(), spares_.end(), by_number);
  std::size_t first = all.empty() ? 0 : all.size() - 1;
  while (first > 0 && all[first - 1].number + 1 == all[first].number) --first;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < first) {
      leftovers_.push_back(all[i]);
      continue;
    }
    ScannedSegment segment;
    segment.number = all[i].number;
    segment.file_bytes = all[i].bytes;
    segments_.push_back(segment);
    bytes_total_ += all[i].bytes;
  }
  return absl::OkStatus();
}

bool JournalScan::is_listed(std::uint64_t segment) {
  const absl::StatusOr<std::vector<FileInfo>> found = files_.list(directory_);
  if (!found.ok()) return false;
  return std::any_of(found->begin(), found->end(), [segment](const FileInfo& file) {
    return parse_segment_name(file.name) == segment;
  });
}

// A damaged header says nothing; the next segment's does.
absl::Status JournalScan::find_store_id() {
  for (const ScannedSegment& segment : segments_) {
    if (is_known(store_id_)) break;
    std::string bytes(format::kSegmentHeaderBytes, '\0');
    const auto got = files_.read(path_of(segment.number), 0, bytes.data(), bytes.size());
    if (!got.ok() && !absl::IsNotFound(got.status())) return got.status();
    SegmentHeader header;
    if (got.ok() && *got == bytes.size() && decode(bytes, &header) == SegmentHeaderFault::kNone) {
      store_id_ = header.store_id;
    }
  }
  return absl::OkStatus();
}

absl::Status JournalScan::read() {
  if (absl::Status s = list(); !s.ok()) return s;
  if (absl::Status s = find_store_id(); !s.ok()) return s;
  auto rebuilds = read_rebuilds(files_, directory_, store_id_);
  if (rebuilds.ok()) {
    rebuilds_ = *std::move(rebuilds);
  } else if (absl::IsDataLoss(rebuilds.status())) {
    find(kept_finding(join(directory_, format::kRebuildPrefix), rebuilds.status()));
  } else {
    return rebuilds.status();
  }
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    ScannedSegment& segment = segments_[i];
    absl::Status status = scan(&segment, i == 0);
    if (!status.ok() && absl::IsNotFound(status) && !is_listed(segment.number)) {
      segment.gone = true;
      end_.reset();
      find(given_up(path_of(segment.number)));
    } else if (!status.ok()) {
      return status;
    }
    bytes_before_ += segment.file_bytes;
    progress(bytes_before_);
  }
  if (!segments_.empty()) check_start();
  settle_replacements();
  // After the segments were listed: what goes from these meanwhile is in a kept file before.
  if (absl::Status s = kept_.read(store_id_, feature_level_, rebuilds_); !s.ok()) return s;
  return absl::OkStatus();
}

// A status is what ends the whole; a finding may leave the segment marked as not to be read.
absl::Status JournalScan::take_header(SegmentScan* scan) {
  ScannedSegment& segment = scan->segment();
  const absl::StatusOr<std::string_view> bytes =
      scan->reader().view(0, format::kSegmentHeaderBytes);
  if (!bytes.ok()) return bytes.status();
  SegmentHeader header;
  if (bytes->size() < format::kSegmentHeaderBytes) {
    segment.foreign = true;
    find(damage_finding(scan->path(), bytes->size(), "the file ends within its header"));
    return absl::OkStatus();
  }
  switch (decode(*bytes, &header)) {
    case SegmentHeaderFault::kDamaged:
      find(damage_finding(scan->path(), 0, "the segment header is damaged"));
      return absl::OkStatus();  // the frames say themselves whose they are
    case SegmentHeaderFault::kNewerFormat:
      return absl::FailedPreconditionError("read " + scan->path() +
                                           ": written in a newer format; use the version of Pawl "
                                           "that wrote it, or a later one");
    case SegmentHeaderFault::kNone:
      break;
  }
  segment.headed = true;
  segment.feature_level = header.feature_level;
  segment.recycled = (header.flags & format::kSegmentFlagRecycled) != 0;
  if (header.store_id != store_id_) {
    segment.foreign = true;
    Finding finding = damage_finding(scan->path(), 16, "the segment names another store");
    finding.remedy = "put back the file of this store, from a backup if it is gone";
    find(std::move(finding));
  } else if (header.segment != segment.number) {
    segment.foreign = true;
    Finding finding = damage_finding(
        scan->path(), 32,
        "the header names segment " + segment_name(header.segment) + ": renamed or copied");
    finding.remedy = "put back the file that was here, from a backup if it is gone";
    find(std::move(finding));
  } else if (header.feature_level > feature_level_) {
    return absl::FailedPreconditionError(
        "read " + scan->path() + ": needs feature level " + std::to_string(header.feature_level) +
        ", this version of Pawl has " + std::to_string(feature_level_) +
        "; use the version that wrote it, or a later one");
  }
  return absl::OkStatus();
}

absl::Status JournalScan::scan(ScannedSegment* segment, bool first) {
  const std::string path = path_of(segment->number);
  if (segment->file_bytes > kFileBytesMax) {
    segment->foreign = true;
    end_.reset();
    find(damage_finding(path, kFileBytesMax, "the file is larger than any segment"));
    return absl::OkStatus();
  }
  SegmentScan scan(files_, path, segment, frame_seed(store_id_, segment->number), &buffer_);
  if (absl::Status s = take_header(&scan); !s.ok()) return s;
  segment->used_bytes = scan.at();
  if (segment->foreign) {
    end_.reset();
    return absl::OkStatus();
  }
  bool head = true;
  bool go_on = true;
  while (go_on) {
    if (absl::Status s = scan.look(); !s.ok()) return s;
    if (scan.state() != FrameState::kWhole) {
      if (absl::Status s = pass_over(&scan, &go_on); !s.ok()) return s;
      head = false;
      continue;
    }
    if (absl::Status s = take_frame(&scan, head, first); !s.ok()) return s;
    head = false;
    if (segment->sealed) break;
    scan.move_to(scan.at() + static_cast<std::uint32_t>(scan.frame().frame_bytes()));
    segment->used_bytes = scan.at();
    progress(bytes_before_ + scan.at());
  }
  judge_end(&scan);
  end_ = Mark{segment->number, segment->used_bytes};
  return absl::OkStatus();
}

// No whole frame at scan->at(): the end, or damage with more behind it.
absl::Status JournalScan::pass_over(SegmentScan* scan, bool* go_on) {
  ScannedSegment& segment = scan->segment();
  const bool last = segment.number == segments_.back().number;
  absl::StatusOr<std::uint64_t> later = scan->next_frame_after(scan->at());
  if (!later.ok()) return later.status();
  if (last && (*later != 0 || scan->state() != FrameState::kNone)) {
    // Perhaps it was read while it was written: a frame before another one is whole by now.
    const absl::StatusOr<std::vector<FileInfo>> found = files_.list(directory_);
    if (!found.ok()) return found.status();
    for (const FileInfo& file : *found) {
      if (file.name == segment_name(segment.number)) scan->forget(file.bytes);
    }
    if (absl::Status s = scan->look(); !s.ok()) return s;
    if (scan->state() == FrameState::kWhole) return absl::OkStatus();
    later = scan->next_frame_after(scan->at());
    if (!later.ok()) return later.status();
  }
  if (*later == 0) {
    *go_on = false;
    return absl::OkStatus();
  }
  std::string what = "a frame is damaged";
  if (scan->state() == FrameState::kBadPayload && !scan->frame().ranges.empty()) {
    what += ", with entries " + text_of(scan->frame().ranges);
  }
  what += "; a later one begins at " + std::to_string(*later);
  find(damage_finding(scan->path(), scan->at(), std::move(what)));
  segment.damaged.push_back(DamagedExtent{scan->at(), static_cast<std::uint32_t>(*later)});
  scan->move_to(static_cast<std::uint32_t>(*later));
  return absl::OkStatus();
}

absl::Status JournalScan::take_frame(SegmentScan* scan, bool head, bool first) {
  const FrameHeader& frame = scan->frame();
  ScannedSegment& segment = scan->segment();
  if (scan->reader().file_bytes() < frame.file_bytes) {
    find(damage_finding(
        scan->path(), scan->reader().file_bytes(),
        "the file was cut short: " + std::to_string(frame.file_bytes) + " bytes were promised"));
  }
  if (frame.oldest_segment == 0 || frame.oldest_segment > segment.number) {
    find(damage_finding(scan->path(), scan->at(), "a frame contradicts itself"));
  }
  if ((frame.flags & format::kFrameFlagSeal) != 0) {
    segment.sealed = true;
    return absl::OkStatus();
  }
  if (absl::Status s = take_contents(scan); !s.ok()) return s;
  const Mark self{segment.number, scan->at()};
  if (head) {
    if (!first && end_ && frame.synced != *end_) {
      find(damage_finding(path_of(end_->segment), end_->offset,
                          "a frame is damaged or missing: the next segment begins behind offset " +
                              std::to_string(frame.synced.offset)));
    }
  } else if (frame.synced != self) {
    find(damage_finding(scan->path(), scan->at(), "the frame's mark is not its own address"));
  }
  oldest_segment_ = frame.oldest_segment;
  ++segment.frames;
  take_states(head && !first && end_.has_value(), *scan);
  if ((frame.flags & format::kFrameFlagLost) != 0) {
    take_lost(scan);
  } else {
    take_ranges(scan);
  }
  return absl::OkStatus();
}

absl::Status JournalScan::take_contents(SegmentScan* scan) {
  ScannedSegment& segment = scan->segment();
  const FrameHeader& frame = scan->frame();
  std::string_view payload;
  const absl::Status status = scan->contents(&payload);
  if (absl::IsDataLoss(status)) {
    find(damage_finding(scan->path(), scan->at(), std::string(status.message())));
  } else if (!status.ok()) {
    return absl::FailedPreconditionError("read " + scan->path() + ": at offset " +
                                         std::to_string(scan->at()) + ": " +
                                         std::string(status.message()));
  }
  if ((frame.flags & format::kFrameFlagDictionary) != 0) {
    const bool is_lost = (frame.flags & format::kFrameFlagLost) != 0;
    segment.dictionary = is_lost ? 0 : frame.dictionary;
    return absl::OkStatus();
  }
  segment.stored_bytes += frame.payload_bytes;
  segment.raw_bytes += frame.raw_bytes;
  return absl::OkStatus();
}

// A segment's head repeats the states of all groups; one that was given up may have lost them.
void JournalScan::take_states(bool head, const SegmentScan& scan) {
  const std::vector<GroupHardState>& states = scan.frame().states;
  const auto has = [&states](std::size_t group) {
    return std::any_of(states.begin(), states.end(),
                       [group](const GroupHardState& state) { return state.group.v == group; });
  };
  const bool repeats = head && (scan.frame().flags & format::kFrameFlagLost) == 0;
  for (std::size_t group = 0; repeats && group < states_.size(); ++group) {
    if (!states_[group] || has(group)) continue;
    find(damage_finding(
        scan.path(), scan.at(),
        "the segment's first frame lacks the hard state of group " + std::to_string(group)));
  }
  for (const GroupHardState& state : states) {
    if (states_.size() <= state.group.v) states_.resize(state.group.v + std::size_t{1});
    states_[state.group.v] = state.state;
  }
}

// A frame that stands where a damaged one stood: what was in it is missed, and nothing else is
// wrong.
void JournalScan::take_lost(SegmentScan* scan) {
  const FrameHeader& frame = scan->frame();
  Finding finding;
  finding.path = scan->path();
  finding.offset = scan->at();
  finding.what = std::to_string(frame.frame_bytes()) + " bytes were damaged and given up";
  if (!frame.ranges.empty()) finding.what += ", with entries " + text_of(frame.ranges);
  finding.damage = false;
  find(std::move(finding));
  ++scan->segment().lost_frames;
  scan->segment().ranges += frame.ranges.size();
  for (const Range& range : frame.ranges) {
    const std::uint64_t number = ranges_++;
    const bool is_void_there =
        is_void(rebuilds_, range.group, {scan->segment().number, scan->at()});
    if (range.begins() && !is_void_there) begin_log(*scan, range, number);
  }
}

void JournalScan::begin_log(const SegmentScan& scan, const Range& range, std::uint64_t number) {
  GroupTrail& group = trail(range.group);
  group.replaced.push_back(Replacement{number, Index(1)});
  group.last = range.end().index;
  if (group.last.v > 0) {
    gaps_.push_back(IndexGap{range.group, Index(0), range.first, scan.path(), scan.at()});
  }
}

void JournalScan::take_ranges(SegmentScan* scan) {
  ScannedSegment& segment = scan->segment();
  for (const Range& range : scan->frame().ranges) {
    const std::uint64_t number = ranges_++;
    ++segment.ranges;
    if (is_void(rebuilds_, range.group, {segment.number, scan->at()})) continue;
    if (range.begins()) {
      begin_log(*scan, range, number);
      continue;
    }
    GroupTrail& group = trail(range.group);
    const Index last = range.end().index;
    if (range.first > group.last.next()) {
      gaps_.push_back(IndexGap{range.group, group.last, range.first, scan->path(), scan->at()});
    } else if (range.first <= group.last) {
      group.replaced.push_back(Replacement{number, range.first});
    }
    group.last = last;
    GroupSpan& span = span_of(&segment.groups, range.group);
    span.first = span.entries == 0 ? range.first : std::min(span.first, range.first);
    span.last = std::max(span.last, last);
    span.entries += range.count;
    segment.entries += range.count;
  }
}

// What is behind the last frame of a segment.
void JournalScan::judge_end(SegmentScan* scan) {
  ScannedSegment& segment = scan->segment();
  const std::uint64_t number = segment.number;
  // A dictionary is not the whole head.
  if (segment.frames <= (segment.dictionary == 0 ? 0 : 1) && segment.damaged.empty()) {
    find(damage_finding(scan->path(), segment.used_bytes, "the segment's first frame is damaged"));
  }
  if (number != segments_.back().number) return;
  if (segment.sealed) {
    if (is_listed(number + 1)) return;  // begun since the directory was listed
    find(damage_finding(
        path_of(number + 1), 0,
        "the segment is missing: " + segment_name(number) + " ends with a seal, so it was begun"));
    return;
  }
  const std::uint64_t rest =
      segment.file_bytes - std::min<std::uint64_t>(segment.file_bytes, segment.used_bytes);
  if (segment.recycled) {
    if (scan->state() == FrameState::kBadHeader) {
      torn_bytes_ = std::min<std::uint64_t>(format::kFrameFixedBytes, rest);
    } else if (scan->state() == FrameState::kBadPayload) {
      torn_bytes_ = std::min(scan->frame().frame_bytes(), rest);
    }
    return;
  }
  const absl::StatusOr<std::uint64_t> end = scan->reader().last_nonzero_end(segment.used_bytes);
  if (end.ok()) torn_bytes_ = *end - segment.used_bytes;
}

void JournalScan::check_start() {
  const std::uint64_t first = segments_.front().number;
  if (oldest_segment_ == 0 || oldest_segment_ >= first) return;
  find(damage_finding(path_of(first - 1), 0,
                      "the segment is missing: the journal needs all from " +
                          segment_name(oldest_segment_) + " on"));
}

}  // namespace pawl::log
