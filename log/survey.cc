#include "log/survey.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "log/format.h"
#include "log/frame_contents.h"
#include "log/legible_files.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {
namespace {

constexpr std::uint64_t kMissingMax = 64;  // segments
constexpr auto kBegin = static_cast<std::uint32_t>(format::kSegmentHeaderBytes);

// What is known of the groups at one place of the journal after the other.
class GroupLooks {
 public:
  GroupLooks(std::size_t count, const std::vector<Rebuild>& rebuilds)
      : rebuilds_(rebuilds), groups_(count), unknown_(count, false) {}

  // Entries that can be read, or (`lost`) that were in a frame whose contents can't.
  void note(const Range& range, const Mark& at, bool lost) {
    if (range.group.v >= groups_.size() || is_void(rebuilds_, range.group, at)) return;
    if (range.begins()) return begin_log(range);
    SurveyedGroup& group = groups_[range.group.v];
    const Index through = range.end().index;
    std::vector<IndexHole>& holes = group.holes;
    while (!holes.empty() && holes.back().from.next() >= range.first) holes.pop_back();
    if (!holes.empty()) holes.back().through = std::min(holes.back().through, range.first.prev());
    const bool gap = range.first > newest(range.group).next();
    if (unknown_[range.group.v] && range.term != group.last.term) {
      // What is lost may have replaced entries, however far back.
      holes.assign(1, IndexHole{Index(0), range.first.prev()});
      if (range.first.v == 1) holes.clear();
    } else if (unknown_[range.group.v] && gap) {
      holes.push_back({newest(range.group), range.first.prev()});
    }
    if (lost) holes.push_back({range.first.prev(), through});
    unknown_[range.group.v] = false;
    group.last = std::max(group.last, LogEnd{range.term, through});
    newest(range.group) = through;
    if (!damaged_) group.before_damage = {range.term, through};
    if (group.first.v == 0) group.first = range.first;
    if (damaged_ && group.first_behind.v == 0) group.first_behind = range.first;
    if (damaged_ && !lost) group.entries_behind += range.count;
  }
  // Whatever else the frame holds. `head`: it repeats the states of all groups.
  void note_states(const std::vector<GroupHardState>& states, bool head) {
    for (SurveyedGroup& group : groups_) group.state_unknown = group.state_unknown && !head;
    for (const GroupHardState& state : states) {
      if (state.group.v >= groups_.size()) continue;
      groups_[state.group.v].state = state.state;
      groups_[state.group.v].state_unknown = false;
    }
  }
  void begin_damage() { damaged_ = true; }
  // Nothing is known of what stood there.
  void note_stretch(const Mark& at) {
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      groups_[g].state_unknown = true;
      if (!is_void(rebuilds_, GroupId(static_cast<std::uint16_t>(g)), at)) unknown_[g] = true;
    }
  }
  std::vector<SurveyedGroup> take() {
    for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].end_unknown = unknown_[g];
    return std::move(groups_);
  }

 private:
  // What was lost before belongs to the log no more.
  void begin_log(const Range& range) {
    SurveyedGroup& group = groups_[range.group.v];
    group.holes.clear();
    group.first = group.first_behind = Index(0);
    group.last = std::max(group.last, range.end());
    group.entries_behind = 0;
    if (!damaged_) group.before_damage = range.end();
    unknown_[range.group.v] = false;
    newest(range.group) = range.end().index;
  }
  Index& newest(GroupId group) {
    if (newest_.size() <= group.v) newest_.resize(group.v + std::size_t{1});
    return newest_[group.v];
  }

  const std::vector<Rebuild>& rebuilds_;
  std::vector<SurveyedGroup> groups_;
  std::vector<bool> unknown_;  // a stretch came since the group's last range
  std::vector<Index> newest_;  // by group: the last index of the last range
  bool damaged_ = false;
};

class Surveyor {
 public:
  Surveyor(FileSystem& files, std::string directory, const StoreId& store_id,
           std::uint32_t feature_level, std::size_t group_count,
           const std::vector<Rebuild>& rebuilds, RecoverySink* sink)
      : files_(files),
        directory_(std::move(directory)),
        feature_level_(feature_level),
        rebuilds_(rebuilds),
        sink_(sink),
        groups_(group_count, rebuilds) {
    out_.store_id = store_id;
  }

  absl::StatusOr<Survey> run() {
    if (absl::Status s = list(); !s.ok()) return s;
    if (sizes_.empty()) return absl::NotFoundError("read " + directory_ + ": there is no journal");
    if (absl::Status s = find_begin(); !s.ok()) return s;
    const std::uint64_t last = sizes_.rbegin()->first;
    for (std::uint64_t number = begin_; number <= last; ++number) {
      if (absl::Status s = read_segment(number, number == last); !s.ok()) return s;
    }
    if (out_.loses()) out_.segments_behind = last - out_.first.segment;
    out_.groups = groups_.take();
    return std::move(out_);
  }

 private:
  std::string path_of(std::uint64_t segment) const {
    return join(directory_, segment_name(segment));
  }

  absl::Status list() {
    const absl::StatusOr<std::vector<FileInfo>> found = files_.list(directory_);
    if (!found.ok()) return found.status();
    for (const FileInfo& file : *found) {
      if (const auto number = parse_segment_name(file.name)) sizes_[*number] = file.bytes;
    }
    return absl::OkStatus();
  }

  // Where the journal begins: as its newest frame says; what there is of older ones was given up.
  absl::Status find_begin() {
    std::uint64_t begin = sizes_.rbegin()->first;
    while (sizes_.contains(begin - 1)) --begin;
    for (auto file = sizes_.rbegin(); file != sizes_.rend() && oldest_ == 0; ++file) {
      SegmentReader reader(files_, path_of(file->first), file->second, &buffer_);
      const std::uint32_t seed = frame_seed(out_.store_id, file->first);
      for (std::uint64_t at = kBegin; at != 0 && at < file->second;) {
        std::string_view stored;
        const auto state = reader.frame_at(seed, file->first, at, &frame_, &stored);
        if (!state.ok()) return state.status();
        const bool readable = *state == FrameState::kWhole || *state == FrameState::kBadPayload;
        if (readable) oldest_ = frame_.oldest_segment;
        const std::uint64_t next = at + (readable ? frame_.frame_bytes() : 0);
        if (readable && next < file->second) {
          at = next;
          continue;
        }
        const auto later = reader.find_header_after(seed, file->first, at, &frame_);
        if (!later.ok()) return later.status();
        at = *later;
      }
    }
    begin_ = oldest_ == 0 ? begin : oldest_;
    for (const auto& [number, bytes] : sizes_) {
      if (number < begin_ && number >= begin) out_.given_up.push_back(number);
    }
    const auto there =
        static_cast<std::uint64_t>(std::distance(sizes_.lower_bound(begin_), sizes_.end()));
    if (sizes_.rbegin()->first - begin_ + 1 - there > kMissingMax) {
      return damage(path_of(begin_), 0, "the segment and many others are missing; nothing is");
    }
    return absl::OkStatus();
  }

  // Where segment `number` ends, as the next one's first frame says; 0: it can't be read.
  absl::StatusOr<std::uint32_t> end_of(std::uint64_t number) {
    const auto next = sizes_.find(number + 1);
    if (next == sizes_.end()) return std::uint32_t{0};
    std::string buffer;
    SegmentReader reader(files_, path_of(next->first), next->second, &buffer);
    FrameHeader header;
    std::string_view stored;
    const auto state = reader.frame_at(frame_seed(out_.store_id, next->first), next->first, kBegin,
                                       &header, &stored);
    if (!state.ok()) return state.status();
    const bool readable = *state == FrameState::kWhole || *state == FrameState::kBadPayload;
    const bool names_it = readable && header.synced.segment == number;
    return names_it ? header.synced.offset : std::uint32_t{0};
  }

  absl::Status read_segment(std::uint64_t number, bool last) {
    const auto file = sizes_.find(number);
    segment_ = DamagedSegment{};
    segment_.number = number;
    segment_.file_bytes = file == sizes_.end() ? 0 : file->second;
    segment_.before = before_;
    // The frames that are put here can't say more than was known.
    segment_.oldest = std::max<std::uint64_t>(1, std::min(oldest_, number));
    const absl::StatusOr<std::uint32_t> end = end_of(number);
    if (!end.ok()) return end.status();
    std::uint32_t at = kBegin;
    if (file == sizes_.end()) {
      segment_.headless = true;
      const auto least = static_cast<std::uint32_t>(kBegin + format::kFrameFixedBytes);
      at = std::max(*end, least);
      lose(kBegin, at, nullptr);
    } else {
      if (file->second > 0xffff'ffff) return damage(path_of(number), 0, "the file is too large");
      SegmentReader reader(files_, path_of(number), file->second, &buffer_);
      if (absl::Status s = read_header(&reader); !s.ok()) return s;
      const absl::StatusOr<std::uint32_t> read = read_frames(&reader, *end, last);
      if (!read.ok()) return read.status();
      at = *read;
      // A start reads on, up to the file's end.
      if (const auto rest = reader.last_nonzero_end(at); !rest.ok()) return rest.status();
      segment_.unreadable = files_.unreadable_end(path_of(number), 0, file->second) > 0;
    }
    before_ = out_.end = Mark{number, at};
    const bool is_cut = segment_.file_bytes < segment_.promised_bytes;
    if (segment_.headless || segment_.unreadable || is_cut || !segment_.lost.empty()) {
      out_.damaged.push_back(std::move(segment_));
    }
    return absl::OkStatus();
  }

  // A header that can't be read is replaced; one that says something else is not damaged.
  absl::Status read_header(SegmentReader* reader) {
    const auto bytes = reader->view(0, format::kSegmentHeaderBytes);
    if (!bytes.ok()) return bytes.status();
    SegmentHeader header;
    if (bytes->size() < format::kSegmentHeaderBytes ||
        decode(*bytes, &header) == SegmentHeaderFault::kDamaged) {
      segment_.headless = true;
      return absl::OkStatus();
    }
    return reader->read_header(segment_.number, feature_level_, &out_.store_id, &header);
  }

  // Returns where they end. `end`: where they are known to end, or 0.
  absl::StatusOr<std::uint32_t> read_frames(SegmentReader* reader, std::uint32_t end, bool last) {
    const std::uint32_t seed = frame_seed(out_.store_id, segment_.number);
    dictionary_ = nullptr;
    std::uint32_t at = kBegin;
    while (end == 0 || at < end) {
      std::string_view stored;
      const auto state = reader->frame_at(seed, segment_.number, at, &frame_, &stored);
      if (!state.ok()) return state.status();
      if (*state == FrameState::kWhole) {
        if ((frame_.flags & format::kFrameFlagSeal) != 0) {
          if (last) return damage(path_of(segment_.number + 1), 0, "the segment is missing,");
          break;
        }
        if (absl::Status s = take_whole(*reader, at, stored); !s.ok()) return s;
        at += static_cast<std::uint32_t>(frame_.frame_bytes());
        continue;
      }
      FrameHeader header;
      const auto later = reader->find_header_after(seed, segment_.number, at, &header);
      if (!later.ok()) return later.status();
      const std::uint32_t unread = *later == 0 && end == 0 ? unread_end(*reader, at, *state) : 0;
      if (*later == 0 && end == 0 && unread == 0) break;  // a torn tail, or nothing
      if (*state == FrameState::kBadPayload) {
        lose(at, at + static_cast<std::uint32_t>(frame_.frame_bytes()), &frame_);
      } else {
        const bool within = *later != 0 && (end == 0 || *later < end);
        lose(at, within ? static_cast<std::uint32_t>(*later) : std::max(end, unread), nullptr);
      }
      at = segment_.lost.back().to;
    }
    if (at != end && end != 0) return damage(reader->path(), at, "a frame is damaged or missing");
    if (at == kBegin) {  // not even a first frame
      at += static_cast<std::uint32_t>(format::kFrameFixedBytes);
      lose(kBegin, at, nullptr);
    }
    return at;
  }

  // Where nothing follows, and no whole frame is: whether there may have been one in bytes that the
  // disk does not give back, and where these end. 0: there was none.
  std::uint32_t unread_end(const SegmentReader& reader, std::uint32_t at, FrameState state) const {
    std::uint64_t bytes = sizeof format::kFrameMagic;  // it can be read: no frame begins here
    if (state == FrameState::kBadHeader) bytes = format::kFrameHeaderBytesMax;
    if (state == FrameState::kBadPayload) bytes = frame_.frame_bytes();
    const std::uint64_t end = files_.unreadable_end(reader.path(), at, at + bytes);
    const std::uint64_t least = at + std::uint64_t{format::kFrameFixedBytes};
    if (end == 0 || least > reader.file_bytes()) return 0;
    const std::uint64_t until = std::min(std::max(end, least), reader.file_bytes());
    return static_cast<std::uint32_t>(until - until % format::kFrameAlignment);
  }

  absl::Status take_whole(const SegmentReader& reader, std::uint32_t at, std::string_view stored) {
    const std::string& path = reader.path();
    segment_.promised_bytes = std::max<std::uint64_t>(segment_.promised_bytes, frame_.file_bytes);
    if (reader.file_bytes() < frame_.file_bytes && segment_.number == sizes_.rbegin()->first) {
      return damage(path, reader.file_bytes(), "the file was cut short, and ends");
    }
    if (frame_.oldest_segment == 0 || frame_.oldest_segment > segment_.number) {
      return damage(path, at, "a frame contradicts itself");
    }
    const bool is_dictionary = (frame_.flags & format::kFrameFlagDictionary) != 0;
    const bool is_lost = (frame_.flags & format::kFrameFlagLost) != 0;
    const bool lacks_dictionary =
        !is_dictionary && !is_lost && frame_.dictionary != 0 &&
        (dictionary_ == nullptr || dictionary_->id() != frame_.dictionary);
    if (lacks_dictionary) {
      lose(at, at + static_cast<std::uint32_t>(frame_.frame_bytes()), &frame_);
      return absl::OkStatus();
    }
    std::string_view payload;
    absl::Status read = contents_.read(frame_, stored, dictionary_.get(), &payload);
    if (!read.ok()) return read;
    if (is_dictionary && !is_lost) dictionary_ = Dictionary::make(std::string(payload));
    groups_.note_states(frame_.states, at == kBegin);
    const Mark place{segment_.number, at};
    for (const Range& range : frame_.ranges) {
      if (!is_lost || range.begins()) groups_.note(range, place, false);
    }
    return is_dictionary ? absl::OkStatus() : tell(place, payload);
  }

  absl::Status tell(const Mark& at, std::string_view payload) {
    if (sink_ == nullptr) return absl::OkStatus();
    for (const GroupHardState& state : frame_.states) {
      if (absl::Status s = sink_->on_hard_state(state.group, state.state); !s.ok()) return s;
    }
    for (const Range& range : frame_.ranges) {
      if (!range.begins() || is_void(rebuilds_, range.group, at)) continue;
      if (absl::Status s = sink_->on_begin(range.group, range.end()); !s.ok()) return s;
    }
    return walk_entries(frame_, payload,
                        [&](const Range& range, Index index, std::string_view bytes) {
                          if (is_void(rebuilds_, range.group, at)) return absl::OkStatus();
                          return sink_->on_entry(range.group, range.term, index, bytes);
                        });
  }

  // `header`: of the one frame that it is; null: nothing is known.
  void lose(std::uint32_t from, std::uint32_t to, const FrameHeader* header) {
    const Mark at{segment_.number, from};
    if (!out_.loses()) out_.first = at;
    groups_.begin_damage();
    LostStretch stretch{from, to, header != nullptr, {}};
    if (header != nullptr) {
      stretch.header = *header;
      groups_.note_states(header->states, from == kBegin);
      for (const Range& range : header->ranges) groups_.note(range, at, true);
    } else {
      groups_.note_stretch(at);
    }
    segment_.lost.push_back(std::move(stretch));
  }

  LegibleFiles files_;
  const std::string directory_;
  const std::uint32_t feature_level_;
  const std::vector<Rebuild>& rebuilds_;
  RecoverySink* const sink_;
  GroupLooks groups_;
  Survey out_;
  std::uint64_t begin_ = 0;
  std::map<std::uint64_t, std::uint64_t> sizes_;  // of segments, by number
  std::uint64_t oldest_ = 0;                      // as the newest readable frame says
  Mark before_;                                   // where the segment before ended
  DamagedSegment segment_;                        // being read
  FrameHeader frame_;
  FrameContents contents_;
  std::shared_ptr<const Dictionary> dictionary_;
  std::string buffer_;
};

}  // namespace

absl::StatusOr<Survey> survey(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, std::uint32_t feature_level,
                              std::size_t group_count, const std::vector<Rebuild>& rebuilds,
                              RecoverySink* sink) {
  return Surveyor(files, directory, store_id, feature_level, group_count, rebuilds, sink).run();
}

}  // namespace pawl::log
