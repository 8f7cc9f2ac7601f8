#include "log/recovery.h"

#include <algorithm>
#include <utility>

#include "log/format.h"
#include "log/frame_contents.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {
namespace {

// Offsets are 32 bits.
constexpr std::uint64_t kFileBytesMax = 0xffff'ffff;

void sort_by_number(std::vector<RecoveredFile>* files) {
  std::sort(files->begin(), files->end(),
            [](const RecoveredFile& a, const RecoveredFile& b) { return a.number < b.number; });
}

class Recovery {
 public:
  Recovery(FileSystem& files, std::string directory, const StoreId& store_id,
           std::uint32_t feature_level, const std::vector<Rebuild>& rebuilds, RecoverySink& sink,
           PlaceIndex* index)
      : files_(files),
        directory_(std::move(directory)),
        store_id_(store_id),
        feature_level_(feature_level),
        rebuilds_(rebuilds),
        sink_(sink),
        index_(index) {}

  absl::StatusOr<Recovered> run() {
    if (absl::Status s = find_files(); !s.ok()) return s;
    for (std::size_t i = 0; i < out_.segments.size(); ++i) {
      if (absl::Status s = read_segment(out_.segments[i], i == 0); !s.ok()) return s;
      out_.segments[i].end = out_.end.offset;
    }
    if (!out_.segments.empty()) {
      if (absl::Status s = check_start(); !s.ok()) return s;
      out_.store_id = store_id_;
      out_.segment_level = segment_.feature_level;
      out_.dictionary = std::move(dictionary_);
    }
    return std::move(out_);
  }

 private:
  std::string path_of(std::uint64_t segment) const {
    return join(directory_, segment_name(segment));
  }

  // Sorts the directory's files into segments, leftovers before a gap, and spares.
  absl::Status find_files() {
    absl::StatusOr<std::vector<FileInfo>> found = files_.list(directory_);
    if (!found.ok()) return found.status();
    for (const FileInfo& file : *found) {
      if (const auto segment = parse_segment_name(file.name)) {
        out_.segments.push_back(RecoveredFile{*segment, file.bytes});
      } else if (const auto spare = parse_spare_name(file.name)) {
        out_.spares.push_back(RecoveredFile{*spare, file.bytes});
      }
    }
    sort_by_number(&out_.segments);
    sort_by_number(&out_.spares);
    std::size_t first = out_.segments.size();
    while (first > 0 && (first == out_.segments.size() ||
                         out_.segments[first - 1].number + 1 == out_.segments[first].number)) {
      --first;
    }
    const auto begin = out_.segments.begin();
    out_.leftovers.assign(begin, begin + static_cast<std::ptrdiff_t>(first));
    out_.segments.erase(begin, begin + static_cast<std::ptrdiff_t>(first));
    return absl::OkStatus();
  }

  // Reads the frames of one segment; leaves out_.end behind the last whole one.
  absl::Status read_segment(const RecoveredFile& file, bool first) {
    SegmentReader reader(files_, path_of(file.number), file.bytes, &buffer_);
    if (file.bytes > kFileBytesMax) {
      return damage(reader.path(), kFileBytesMax, "the file is larger than any segment");
    }
    const Mark previous_end = out_.end;
    absl::Status head_read = reader.read_header(file.number, feature_level_, &store_id_, &segment_);
    if (!head_read.ok()) return head_read;
    const std::uint32_t seed = frame_seed(store_id_, file.number);
    out_.end = Mark{file.number, static_cast<std::uint32_t>(format::kSegmentHeaderBytes)};
    out_.last_write = 0;
    dictionary_ = nullptr;
    ++out_.report.segments;
    out_.report.bytes += format::kSegmentHeaderBytes;
    FrameState state = FrameState::kNone;
    // The head: the first frame, and the one behind it if the first is a dictionary.
    for (bool head = true;;) {
      std::string_view stored;
      absl::StatusOr<FrameState> looked =
          reader.frame_at(seed, file.number, out_.end.offset, &frame_, &stored);
      if (!looked.ok()) return looked.status();
      state = *looked;
      if (state != FrameState::kWhole) {
        if (head)
          return damage(reader.path(), out_.end.offset, "the segment's first frame is damaged");
        break;
      }
      const bool begins = out_.end.offset == format::kSegmentHeaderBytes;
      if (begins && !first && frame_.synced != previous_end) {
        return damage(path_of(previous_end.segment), previous_end.offset,
                      "a frame is damaged or missing");
      }
      const bool is_dictionary = (frame_.flags & format::kFrameFlagDictionary) != 0;
      if (is_dictionary && !begins) {
        return damage(reader.path(), out_.end.offset, "a frame contradicts itself");
      }
      if (absl::Status s = take_frame(reader, stored, head); !s.ok()) return s;
      if ((frame_.flags & format::kFrameFlagSeal) != 0) return check_sealed(file);
      head = is_dictionary;
    }
    return file.number == out_.segments.back().number ? judge_tail(&reader, seed, state)
                                                      : absl::OkStatus();
  }

  absl::Status check_file_bytes(const SegmentReader& reader) const {
    if (reader.file_bytes() >= frame_.file_bytes) return absl::OkStatus();
    return damage(reader.path(), reader.file_bytes(),
                  "the file was cut short, " + std::to_string(frame_.file_bytes) +
                      " bytes were promised and it ends");
  }

  // What an operator can do about a frame that is whole and yet can't be read.
  absl::Status refused(const SegmentReader& reader, const absl::Status& why) const {
    const std::string_view what(why.message().data(), why.message().size());
    if (absl::IsDataLoss(why)) return damage(reader.path(), out_.end.offset, what);
    return absl::FailedPreconditionError("read " + reader.path() + ": at offset " +
                                         std::to_string(out_.end.offset) + ": " +
                                         std::string(what));
  }

  // `head`: it was written together with the segment's header.
  absl::Status take_frame(const SegmentReader& reader, std::string_view stored, bool head) {
    const std::uint32_t offset = out_.end.offset;
    if (absl::Status s = check_file_bytes(reader); !s.ok()) return s;
    std::string_view payload;
    if (absl::Status s =
            contents_.read_next(frame_, stored, segment_.feature_level, &dictionary_, &payload);
        !s.ok()) {
      return refused(reader, s);
    }
    if (frame_.oldest_segment == 0 || frame_.oldest_segment > out_.end.segment) {
      return damage(reader.path(), offset, "a frame contradicts itself");
    }
    ++out_.report.frames;
    if ((frame_.flags & format::kFrameFlagLost) != 0) ++out_.report.lost_frames;
    out_.report.bytes += frame_.frame_bytes();
    // A seal is written after the next segment's first frame, whose mark does not count it.
    if ((frame_.flags & format::kFrameFlagSeal) != 0) return absl::OkStatus();
    const auto bytes = static_cast<std::uint32_t>(frame_.frame_bytes());
    out_.oldest_segment = frame_.oldest_segment;
    out_.last_write = head ? 0 : offset;
    out_.last_frame_empty = frame_.ranges.empty() && frame_.states.empty();
    out_.end.offset = offset + bytes;
    return deliver(reader, Place{out_.end.segment, offset, bytes}, payload);
  }

  absl::Status deliver(const SegmentReader& reader, const Place& place, std::string_view payload) {
    for (const GroupHardState& state : frame_.states) {
      if (out_.states.size() <= state.group.v) out_.states.resize(state.group.v + std::size_t{1});
      std::optional<HardState>& known_state = out_.states[state.group.v];
      if (known_state == state.state) continue;  // repeated at a segment's head
      known_state = state.state;
      if (absl::Status s = sink_.on_hard_state(state.group, state.state); !s.ok()) return s;
    }
    bool sink_refused = false;
    const Mark at{place.segment, place.offset};
    for (const Range& range : frame_.ranges) {
      if (!range.begins() || is_void(rebuilds_, range.group, at)) continue;
      if (absl::Status s = sink_.on_begin(range.group, range.end()); !s.ok()) return s;
      if (index_ != nullptr) index_->begin_log(range.group, range.end().index);
    }
    absl::Status status =
        walk_entries(frame_, payload, [&](const Range& range, Index entry, std::string_view bytes) {
          ++out_.report.entries;
          if (is_void(rebuilds_, range.group, at)) {
            ++out_.report.void_entries;
            return absl::OkStatus();
          }
          absl::Status heard = sink_.on_entry(range.group, range.term, entry, bytes);
          sink_refused = !heard.ok();
          return heard;
        });
    if (!status.ok()) {
      return sink_refused
                 ? status
                 : damage(reader.path(), place.offset,
                          std::string_view(status.message().data(), status.message().size()));
    }
    if (index_ != nullptr && (frame_.flags & format::kFrameFlagLost) == 0) {
      for (const Range& range : frame_.ranges) {
        if (range.begins() || is_void(rebuilds_, range.group, at)) continue;
        index_->note(range.group, range.first, range.count, place, frame_.raw_bytes);
      }
    }
    return absl::OkStatus();
  }

  // The segment ended with a seal, which exists only if the next segment does.
  absl::Status check_sealed(const RecoveredFile& file) const {
    if (file.number != out_.segments.back().number) return absl::OkStatus();
    return damage(path_of(file.number + 1), 0,
                  "the segment is missing, " + segment_name(file.number) + " says it was begun");
  }

  // The last segment's frames ended with `state` at out_.end: a clean end, a torn tail, or damage.
  absl::Status judge_tail(SegmentReader* reader, std::uint32_t seed, FrameState state) {
    const std::uint64_t at = out_.end.offset;
    if (state == FrameState::kBadPayload) {
      if (absl::Status s = check_file_bytes(*reader); !s.ok()) return s;
      out_.torn_bytes = std::min(frame_.frame_bytes(), reader->file_bytes() - at);
    }
    absl::StatusOr<std::uint64_t> later =
        reader->find_header_after(seed, out_.end.segment, at, &frame_);
    if (!later.ok()) return later.status();
    if (*later != 0) {
      return damage(reader->path(), at,
                    "a frame is damaged (a later one begins at " + std::to_string(*later) + "),");
    }
    if ((segment_.flags & format::kSegmentFlagRecycled) == 0) {
      absl::StatusOr<std::uint64_t> end = reader->last_nonzero_end(at);
      if (!end.ok()) return end.status();
      out_.torn_bytes = std::max(out_.torn_bytes, *end - at);
    } else if (state == FrameState::kBadHeader) {
      out_.torn_bytes =
          std::min<std::uint64_t>(format::kFrameFixedBytes, reader->file_bytes() - at);
    }
    out_.report.torn_bytes_cut = out_.torn_bytes;
    return absl::OkStatus();
  }

  // The journal begins where its last frame says, or earlier.
  absl::Status check_start() const {
    const std::uint64_t first = out_.segments.front().number;
    if (out_.oldest_segment >= first) return absl::OkStatus();
    return damage(path_of(first - 1), 0,
                  "the segment is missing, the journal needs all from " +
                      segment_name(out_.oldest_segment) + " on; nothing is");
  }

  FileSystem& files_;
  const std::string directory_;
  StoreId store_id_;
  const std::uint32_t feature_level_;
  const std::vector<Rebuild>& rebuilds_;
  RecoverySink& sink_;
  PlaceIndex* const index_;
  Recovered out_;
  SegmentHeader segment_;
  FrameHeader frame_;
  FrameContents contents_;
  std::shared_ptr<const Dictionary> dictionary_;  // of the segment being read
  std::string buffer_;
};

}  // namespace

absl::StatusOr<Recovered> recover(FileSystem& files, const std::string& directory,
                                  const StoreId& store_id, std::uint32_t feature_level,
                                  const std::vector<Rebuild>& rebuilds, RecoverySink& sink,
                                  PlaceIndex* index) {
  return Recovery(files, directory, store_id, feature_level, rebuilds, sink, index).run();
}

}  // namespace pawl::log
