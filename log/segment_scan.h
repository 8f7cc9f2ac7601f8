// One segment under the eye of a JournalScan: its reader, its dictionary, and the frame that was
// looked at last. Internal to journal_scan.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/format.h"
#include "log/frame_contents.h"
#include "log/journal_scan.h"
#include "log/segment_reader.h"

namespace pawl::log {

class SegmentScan {
 public:
  SegmentScan(FileSystem& files, std::string path, ScannedSegment* segment, std::uint32_t seed,
              std::string* buffer)
      : files_(files),
        segment_(*segment),
        seed_(seed),
        buffer_(buffer),
        reader_(std::in_place, files, std::move(path), segment->file_bytes, buffer) {}

  ScannedSegment& segment() { return segment_; }
  const ScannedSegment& segment() const { return segment_; }
  SegmentReader& reader() { return *reader_; }
  const std::string& path() const { return reader_->path(); }
  const FrameHeader& frame() const { return frame_; }
  FrameState state() const { return state_; }
  std::uint32_t at() const { return at_; }
  void move_to(std::uint32_t offset) { at_ = offset; }

  // Looks at the frame at at().
  absl::Status look() {
    stored_ = {};
    const absl::StatusOr<FrameState> state =
        reader_->frame_at(seed_, segment_.number, at_, &frame_, &stored_);
    if (!state.ok()) return state.status();
    state_ = *state;
    return absl::OkStatus();
  }

  // The entries' bytes of the whole frame that was looked at; a dictionary is taken over. Valid
  // until the next call. Errors as of FrameContents.
  absl::Status contents(std::string_view* payload);

  // Forgets what was read: a daemon may have written since.
  void forget(std::uint64_t file_bytes) {
    const std::string path = reader_->path();
    segment_.file_bytes = file_bytes;
    reader_.emplace(files_, path, file_bytes, buffer_);
  }

  absl::StatusOr<std::uint64_t> next_frame_after(std::uint32_t offset) {
    FrameHeader header;  // frame_ still says what the damaged one was
    return reader_->find_header_after(seed_, segment_.number, offset, &header);
  }

 private:
  FileSystem& files_;
  ScannedSegment& segment_;
  const std::uint32_t seed_;
  std::string* const buffer_;
  std::optional<SegmentReader> reader_;
  std::uint32_t at_ = static_cast<std::uint32_t>(format::kSegmentHeaderBytes);
  FrameHeader frame_;
  std::string_view stored_;
  FrameContents contents_;
  std::shared_ptr<const Dictionary> dictionary_;
  FrameState state_ = FrameState::kNone;
};

}  // namespace pawl::log
