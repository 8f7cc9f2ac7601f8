// What the journal hands to the disk thread: frames, rotation, room made ahead, recycling.
//
// Rotation, in one batch:
//   spare grows if it must -> header and first frame into the spare -> fdatasync -> rename to its
//   segment name -> directory fsync -> seal into the old segment -> fdatasync
// so a file with a segment's name always holds a whole first frame, and a seal is found only if the
// next segment is there. A crash before the rename leaves a spare, which is overwritten.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "log/format.h"
#include "log/journal.h"
#include "log/names.h"

namespace pawl::log {
namespace {

constexpr auto kSlice = static_cast<std::uint32_t>(limits::kAllocateSliceBytes);
// Files given up by one batch: a renamed file costs a directory fsync, which the frame waits for.
constexpr std::size_t kRecycledByFrame = 1;
constexpr std::size_t kRecycledInBackground = 8;

// `needed` rounded up to whole slices, but not past `nominal` unless a large frame needs it.
std::uint32_t grown(std::size_t needed, std::uint32_t nominal) {
  const std::size_t slices = (needed + kSlice - 1) / kSlice * kSlice;
  const std::size_t bytes = std::max(needed, std::min<std::size_t>(slices, nominal));
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace

std::string Journal::segment_path(std::uint64_t segment) const {
  return join(options_.directory, segment_name(segment));
}

std::string Journal::spare_path(std::uint64_t number) const {
  return join(options_.directory, spare_name(number));
}

void Journal::begin(UnderWay what) {
  under_way_ = what;
  ++batch_.id;
  batch_.background = what == UnderWay::kBackground;
  batch_.operations.clear();
  outcome_ = Outcome{};
  outcome_.oldest = oldest_;
  if (!files_.empty()) outcome_.allocated = files_.back().bytes;
}

const Batch* Journal::begin_batch() {
  if (under_way_ != UnderWay::kNothing || !pending()) return nullptr;
  if (queue_.empty()) {
    mark_wanted_ = false;
    building();
  }
  begin(UnderWay::kFrame);
  const bool rotating = rotates();
  // Under constant load there is never a quiet moment to make room: do it in step with use, and
  // before anything is written, so that a disk without room stops the batch before it did anything.
  if (!rotating && !growth_failed_ && spare_bytes() + kSlice < spare_bytes_wanted()) {
    add_spare_growth();
  }
  if (rotating) {
    std::deque<File> stale;
    outcome_.afresh = afresh_wanted_ && before_afresh_ == 0;
    if (outcome_.afresh) stale.swap(spares_);
    add_rotation();
    add_removals(stale);
  } else {
    add_frame();
  }
  add_recycling(kRecycledByFrame);
  return &batch_;
}

// The frame goes into the next segment.
bool Journal::rotates() const {
  const std::size_t room = end_ + queue_.front()->frame_bytes_max() + format::kSealBytes;
  return segment_ == 0 || room > options_.segment_bytes || rotation_due_ ||
         (afresh_wanted_ && before_afresh_ == 0);
}

const Batch* Journal::begin_background() {
  if (under_way_ != UnderWay::kNothing || pending()) return nullptr;
  begin(UnderWay::kBackground);
  add_recycling(kRecycledInBackground);
  if (batch_.operations.empty() && !growth_failed_) {
    const std::uint32_t allocated = files_.back().bytes;
    if (allocated < options_.segment_bytes && allocated < end_ + kSlice / 2) {
      add_segment_growth();
    } else if (spare_bytes() < spare_bytes_wanted()) {
      add_spare_growth();
    }
  }
  if (!batch_.operations.empty()) return &batch_;
  under_way_ = UnderWay::kNothing;
  return nullptr;
}

// Twice what the current segment has used: nothing for a store that never fills its first slice,
// all of it when the segment is half full.
std::uint32_t Journal::spare_bytes_wanted() const {
  if (end_ < kSlice / 2) return 0;
  return std::min(options_.segment_bytes,
                  end_ > options_.segment_bytes / 2 ? options_.segment_bytes : 2 * end_);
}

FrameHeader Journal::where(std::uint64_t segment, std::uint32_t offset,
                           std::uint32_t file_bytes) const {
  FrameHeader header;
  header.segment = segment;
  header.offset = offset;
  header.synced = Mark{segment_, end_};
  header.oldest_segment = oldest_;
  header.file_bytes = file_bytes;
  return header;
}

void Journal::add_sync(std::string path) {
  batch_.operations.emplace_back(SyncFile{std::move(path)});
}

void Journal::add_allocation(std::string path, std::uint32_t from, std::uint32_t to) {
  PAWL_CHECK(from < to);
  batch_.operations.emplace_back(
      AllocateFile{std::move(path), from, to - from, options_.preallocate});
}

void Journal::add_frame() {
  const std::string path = segment_path(segment_);
  const std::uint32_t allocated = files_.back().bytes;
  // What the frame may say of the file's size is what is durable before it is written.
  const std::string_view bytes =
      front().finish(where(segment_, end_, allocated), frame_seed(options_.store_id, segment_), {},
                     compressing_ ? &compressor_ : nullptr);
  const std::size_t needed = end_ + bytes.size();
  if (needed > allocated) {
    outcome_.allocated = grown(needed, options_.segment_bytes);
    add_allocation(path, allocated, outcome_.allocated);
  }
  batch_.operations.emplace_back(WriteFile{path, end_, bytes});
  add_sync(path);
}

void Journal::add_rotation() {
  const std::uint64_t next = segment_ + 1;
  PAWL_CHECK(next <= format::kSegmentNumberMax);
  if (spares_.empty()) spares_.push_back(File{++spare_names_, 0, false});
  const File& spare = spares_.front();
  if (segment_ == 0) oldest_ = outcome_.oldest = next;
  outcome_.rotated = true;
  outcome_.compressing = compression_allowed_;
  if (outcome_.afresh) {
    next_dictionary_ = nullptr;
    compressor_.use(nullptr);
  }
  if (next_dictionary_ != nullptr) compressor_.use(std::move(next_dictionary_));
  next_dictionary_ = nullptr;
  FrameBuilder& frame = front();
  if (!begins_with_dictionary()) repeat_hard_states(&frame);

  const std::string path = spare_path(spare.number);
  const std::size_t needed = format::kSegmentHeaderBytes + dictionary_frame_bytes_max() +
                             frame.frame_bytes_max() + format::kSealBytes;
  outcome_.allocated = spare.bytes;
  if (needed > spare.bytes) {
    const std::size_t least = std::max(needed, limits::kSegmentBytesFirst);
    outcome_.allocated =
        grown(std::min<std::size_t>(least, std::max<std::size_t>(needed, options_.segment_bytes)),
              options_.segment_bytes);
    add_allocation(path, spare.bytes, outcome_.allocated);
  }
  std::string head;
  encode(SegmentHeader{options_.store_id, next,
                       outcome_.compressing ? format::kCompressedLevel : format::kPlainLevel,
                       spare.recycled ? format::kSegmentFlagRecycled : 0, options_.segment_bytes},
         &head);
  if (begins_with_dictionary()) add_dictionary_frame(&head);
  const auto at = outcome_.first_frame = static_cast<std::uint32_t>(head.size());
  FrameHeader header = where(next, at, outcome_.allocated);
  // One write with what is before it: the mark of the two together is the first one's.
  if (segment_ == 0 || begins_with_dictionary()) header.synced = Mark{next, at};
  const std::string_view bytes = frame.finish(header, frame_seed(options_.store_id, next), head,
                                              outcome_.compressing ? &compressor_ : nullptr);
  batch_.operations.emplace_back(WriteFile{path, 0, bytes});
  add_sync(path);
  batch_.operations.emplace_back(RenameFile{path, segment_path(next)});
  batch_.operations.emplace_back(SyncDirectory{options_.directory});
  if (segment_ != 0) add_seal(Mark{next, at + frame.frame_bytes()});
}

bool Journal::begins_with_dictionary() const {
  return outcome_.compressing && compressor_.dictionary() != nullptr;
}

void Journal::repeat_hard_states(FrameBuilder* frame) const {
  for (std::size_t group = 0; group < states_.size(); ++group) {
    if (!states_[group]) continue;
    frame->repeat_hard_state(GroupId(static_cast<std::uint16_t>(group)), *states_[group]);
  }
}

std::size_t Journal::dictionary_frame_bytes_max() const {
  if (!begins_with_dictionary()) return 0;
  FrameBuilder states;
  repeat_hard_states(&states);
  return states.frame_bytes_max() + format::aligned(compressor_.dictionary()->bytes().size());
}

// The new segment's first frame: its dictionary, and the hard states that every head repeats.
void Journal::add_dictionary_frame(std::string* head) const {
  const std::uint64_t next = segment_ + 1;
  const std::uint32_t seed = frame_seed(options_.store_id, next);
  const std::string& dictionary = compressor_.dictionary()->bytes();
  std::string payload = dictionary;
  payload.resize(format::aligned(payload.size()));
  FrameHeader header = where(next, static_cast<std::uint32_t>(head->size()), outcome_.allocated);
  header.flags = format::kFrameFlagDictionary;
  header.dictionary = compressor_.dictionary()->id();
  header.raw_bytes = header.payload_bytes = static_cast<std::uint32_t>(dictionary.size());
  header.payload_crc = crc32c(payload, seed);
  for (std::size_t group = 0; group < states_.size(); ++group) {
    if (!states_[group]) continue;
    header.states.push_back({GroupId(static_cast<std::uint16_t>(group)), *states_[group]});
  }
  encode(header, seed, head);
  head->append(payload);
}

// The last frame of the segment that is left; its mark names the next one's first frame.
void Journal::add_seal(const Mark& head_end) {
  FrameHeader header = where(segment_, end_, files_.back().bytes);
  header.flags = format::kFrameFlagSeal;
  header.synced = head_end;
  const std::uint32_t seed = frame_seed(options_.store_id, segment_);
  header.payload_crc = seed;  // of no bytes
  seal_.clear();
  encode(header, seed, &seal_);
  const std::string path = segment_path(segment_);
  batch_.operations.emplace_back(WriteFile{path, end_, seal_});
  add_sync(path);
}

// They were the next ones, and may have been others before.
void Journal::add_removals(const std::deque<File>& spares) {
  for (const File& spare : spares) {
    if (spare.bytes > 0) batch_.operations.emplace_back(RemoveFile{spare_path(spare.number)});
  }
  if (!spares.empty()) batch_.operations.emplace_back(SyncDirectory{options_.directory});
}

// Only segments that a durable frame has declared unneeded: otherwise a crash would leave a journal
// that misses its first segments.
void Journal::add_recycling(std::size_t files_max) {
  std::size_t spares = spares_.size() - (outcome_.rotated ? 1 : 0);
  std::uint64_t name = spare_names_;
  for (const File& file : files_) {
    if (file.number >= recorded_oldest_ || outcome_.given_up == files_max) break;
    // What is there while a segment is to begin afresh, or does so in this batch, is of before it.
    const bool stale = afresh_wanted_ || file.number < afresh_from_;
    if (!stale && spares < static_cast<std::size_t>(limits::kSpareSegmentsMax)) {
      ++spares;
      outcome_.new_spares.push_back(File{++name, file.bytes, true});
      batch_.operations.emplace_back(RenameFile{segment_path(file.number), spare_path(name)});
    } else {
      batch_.operations.emplace_back(RemoveFile{segment_path(file.number)});
    }
    // One at a time, so that what is left after a crash has no gap but the one before it.
    batch_.operations.emplace_back(SyncDirectory{options_.directory});
    ++outcome_.given_up;
  }
}

void Journal::add_segment_growth() {
  const std::string path = segment_path(segment_);
  const std::uint32_t allocated = files_.back().bytes;
  outcome_.allocated = grown(allocated + std::size_t{1}, options_.segment_bytes);
  add_allocation(path, allocated, outcome_.allocated);
  add_sync(path);
}

void Journal::add_spare_growth() {
  const std::uint32_t bytes = spare_bytes();
  const std::string path = spare_path(spares_.empty() ? spare_names_ + 1 : spares_.front().number);
  outcome_.spare_allocated = grown(bytes + std::size_t{1}, options_.segment_bytes);
  add_allocation(path, bytes, outcome_.spare_allocated);
  add_sync(path);
}

}  // namespace pawl::log
