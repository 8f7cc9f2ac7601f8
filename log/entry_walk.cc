#include "log/entry_walk.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/check.h"
#include "log/format.h"
#include "log/frame.h"
#include "log/frame_contents.h"
#include "log/names.h"
#include "log/segment_reader.h"

namespace pawl::log {
namespace {

class Walk {
 public:
  Walk(FileSystem& files, const Source& source, const WalkStep& step)
      : files_(files),
        source_(source),
        step_(step),
        path_(join(source.directory, segment_name(step.segment))),
        seed_(frame_seed(source.store_id, step.segment)),
        at_(step.from) {}

  // `step.until` need not be a frame's end.
  void may_end_within() { may_end_within_ = true; }

  absl::StatusOr<std::uint32_t> run(const WalkVisitor& visit) {
    std::size_t entries = 0, bytes = 0;
    while (at_ < step_.until && entries < step_.entries_max && bytes < step_.bytes_max) {
      std::string_view stored, payload;
      if (absl::Status s = look(&stored); !s.ok()) return s;
      if (absl::Status s = contents(stored, &payload); !s.ok()) return s;
      if (absl::Status s = visit_all(payload, visit); !s.ok()) return s;
      for (const Range& range : frame_.ranges) entries += range.count;
      bytes += frame_.raw_bytes;
      used_ += static_cast<std::size_t>(frame_.frame_bytes());
      at_ += static_cast<std::uint32_t>(frame_.frame_bytes());
    }
    return at_;
  }

 private:
  absl::Status noted(absl::Status status) const {
    source_.damage->leave(step_.segment,
                          std::string_view(status.message().data(), status.message().size()));
    return status;
  }
  absl::Status damaged(std::uint64_t offset, std::string_view what) const {
    return noted(damage(path_, offset, what));
  }

  absl::Status fill(std::size_t bytes) {
    bytes = std::min<std::size_t>(bytes, step_.until - at_);
    buffer_.resize(bytes);
    used_ = 0;
    const absl::StatusOr<std::size_t> got = files_.read(path_, at_, buffer_.data(), bytes);
    if (absl::IsDataLoss(got.status())) return noted(got.status());
    if (!got.ok()) return got.status();
    if (*got < bytes) return damaged(at_ + *got, "the file became shorter");
    return absl::OkStatus();
  }

  // The frame at at_, whole; reads on as far as it needs.
  absl::Status look(std::string_view* stored) {
    for (;;) {
      const std::string_view rest = std::string_view(buffer_).substr(used_);
      const FrameState state = frame_in(rest, seed_, step_.segment, at_, &frame_, stored);
      if (state == FrameState::kWhole) return absl::OkStatus();
      std::size_t needed = format::kFrameFixedBytes;
      if (state == FrameState::kBadHeader) needed = format::kFrameHeaderBytesMax;
      if (state == FrameState::kBadPayload) needed = static_cast<std::size_t>(frame_.frame_bytes());
      if (rest.size() >= std::min<std::size_t>(needed, step_.until - at_)) {
        if (rest.size() < needed && may_end_within_) return absl::OutOfRangeError("");
        return damaged(at_, "a frame is damaged");
      }
      if (absl::Status s = fill(std::max(needed, step_.bytes_max)); !s.ok()) return s;
    }
  }

  absl::Status contents(std::string_view stored, std::string_view* payload) {
    constexpr std::uint8_t kNoEntries = format::kFrameFlagDictionary | format::kFrameFlagLost;
    if ((frame_.flags & kNoEntries) != 0) return absl::OkStatus();
    if (frame_.dictionary != 0 && dictionary_ == nullptr) {
      auto found = source_.dictionaries->of_segment(files_, source_.directory, source_.store_id,
                                                    step_.segment);
      if (absl::IsDataLoss(found.status())) return noted(found.status());
      if (!found.ok()) return found.status();
      dictionary_ = *std::move(found);
    }
    absl::Status read = contents_.read(frame_, stored, dictionary_.get(), payload);
    if (read.ok()) return read;
    return damaged(at_, std::string_view(read.message().data(), read.message().size()));
  }

  absl::Status visit_all(std::string_view payload, const WalkVisitor& visit) {
    if (frame_.ranges.empty()) return absl::OkStatus();
    const Place place{step_.segment, at_, static_cast<std::uint32_t>(frame_.frame_bytes())};
    bool refused = false;
    absl::Status status =
        walk_entries(frame_, payload, [&](const Range& range, Index index, std::string_view bytes) {
          absl::Status heard = visit({place, range.group, range.term, index, bytes});
          refused = !heard.ok();
          return heard;
        });
    if (status.ok() || refused) return status;
    return damaged(at_, std::string_view(status.message().data(), status.message().size()));
  }

  FileSystem& files_;
  const Source& source_;
  const WalkStep step_;
  const std::string path_;
  const std::uint32_t seed_;
  std::uint32_t at_;
  bool may_end_within_ = false;
  std::string buffer_;
  std::size_t used_ = 0;
  FrameHeader frame_;
  FrameContents contents_;
  std::shared_ptr<const Dictionary> dictionary_;
};

}  // namespace

absl::StatusOr<std::uint32_t> walk(FileSystem& files, const Source& source, const WalkStep& step,
                                   const WalkVisitor& visit) {
  PAWL_CHECK(step.from <= step.until);
  return Walk(files, source, step).run(visit);
}

absl::Status walk_whole_frames(FileSystem& files, const Source& source, const WalkStep& step,
                               const WalkVisitor& visit) {
  if (step.from >= step.until) return absl::OkStatus();
  Walk walk(files, source, step);
  walk.may_end_within();
  const absl::Status status = walk.run(visit).status();
  return absl::IsOutOfRange(status) ? absl::OkStatus() : status;
}

}  // namespace pawl::log
