#include "log/journal.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "log/format.h"
#include "log/names.h"

namespace pawl::log {
namespace {

// Builders kept for reuse: one under way, one being filled.
constexpr std::size_t kFreeBuildersMax = 2;
// Dictionary ids below and above are reserved (RFC 8878, 5).
constexpr std::uint32_t kDictionaryIdMin = 32'768;
constexpr std::uint64_t kDictionaryIds = (std::uint64_t{1} << 31) - kDictionaryIdMin;

}  // namespace

Journal::Journal(const JournalOptions& options)
    : options_(options), sampler_(options.training_bytes) {
  source_.directory = options.directory;
  source_.store_id = options.store_id;
  PAWL_CHECK(options.segment_bytes >= limits::kSegmentBytesMin);
  PAWL_CHECK(options.segment_bytes <= limits::kSegmentBytesMax);
}

Journal::~Journal() = default;

// The builder that takes what is queued now: never the one under way, nor one of before it.
FrameBuilder& Journal::building() {
  const std::size_t begun = under_way_ == UnderWay::kFrame ? 1 : 0;
  if (queue_.size() > std::max(begun, before_afresh_)) return *queue_.back();
  if (free_.empty()) {
    queue_.push_back(std::make_unique<FrameBuilder>());
  } else {
    queue_.push_back(std::move(free_.back()));
    free_.pop_back();
  }
  return *queue_.back();
}

void Journal::append(GroupId group, Term term, Index index, std::string_view payload) {
  FrameBuilder* frame = &building();
  if (!frame->has_room(payload.size())) {
    queue_.push_back(std::make_unique<FrameBuilder>());
    frame = queue_.back().get();
  }
  frame->append(group, term, index, payload);
  if (compression_allowed_) sampler_.note(payload);
}

void Journal::begin_log(GroupId group, LogEnd last) {
  FrameBuilder* frame = &building();
  if (frame->has_log_of(group) || !frame->has_room(0)) {
    queue_.push_back(std::make_unique<FrameBuilder>());
    frame = queue_.back().get();
  }
  frame->begin_log(group, last);
  ++logs_to_begin_;
}

void Journal::save_hard_state(GroupId group, const HardState& state) {
  building().save_hard_state(group, state);
}

void Journal::mark_synced() {
  if (!tail_marked_) mark_wanted_ = true;
}

bool Journal::pending() const {
  const std::size_t begun = under_way_ == UnderWay::kFrame ? 1 : 0;
  if (queue_.size() > begun) return true;
  return mark_wanted_ || (afresh_wanted_ && (begun == 0 || !outcome_.afresh)) ||
         (recorded_oldest_ != oldest_ && (begun == 0 || outcome_.oldest != oldest_));
}

std::size_t Journal::queued_bytes() const {
  std::size_t sum = 0;
  for (const auto& frame : queue_) sum += frame->payload_bytes();
  return sum;
}

std::optional<TrainingSet> Journal::begin_training() {
  if (!compression_allowed_ || training_ || trained_ || !sampler_.full()) return std::nullopt;
  const bool first = compressor_.dictionary() == nullptr;
  if (!first && end_ < options_.segment_bytes / 4 * 3) return std::nullopt;
  training_ = true;
  TrainingSet samples = sampler_.take();
  samples.dictionary_id =
      kDictionaryIdMin + static_cast<std::uint32_t>((segment_ + 1) % kDictionaryIds);
  // Every segment repeats it: at most a 64th of one, as long as that is enough to be of use.
  samples.dictionary_bytes = std::clamp<std::size_t>(
      options_.segment_bytes / 64, limits::kDictionaryBytesMin, limits::kDictionaryBytesMax);
  return samples;
}

void Journal::use_dictionary(std::string bytes) {
  PAWL_CHECK(training_);
  training_ = false;
  if (std::exchange(training_stale_, false)) return;
  trained_ = true;
  next_dictionary_ = Dictionary::make(std::move(bytes));
  if (next_dictionary_ != nullptr && compressor_.dictionary() == nullptr) rotation_due_ = true;
}

void Journal::begin_afresh() {
  afresh_wanted_ = true;
  before_afresh_ = queue_.size();
  training_stale_ = training_;
  (void)sampler_.take();
}

std::optional<HardState> Journal::hard_state(GroupId group) const {
  return group.v < states_.size() ? states_[group.v] : std::nullopt;
}

std::uint64_t Journal::segment_of(GroupId group, Index keep_from) const {
  if (keep_from > index_.last(group)) return segment_;
  const std::optional<Place> found = index_.find(group, keep_from);
  return found ? found->segment : oldest_;
}

// Nobody is sent there from now on: the files go before the loop hears of it.
void Journal::recycle_below(std::uint64_t segment) {
  oldest_ = std::max(oldest_, std::min(segment, segment_));
  index_.drop_before(oldest_);
}

void Journal::add_kept(KeptFile file) {
  for (const KeptSpan& span : file.spans) {
    if (span.installed) index_.forget_through(span.group, span.through);
  }
  kept_.add(std::move(file));
}

std::uint32_t Journal::segment_end(std::uint64_t segment) const {
  const auto file = std::find_if(files_.begin(), files_.end(),
                                 [segment](const File& f) { return f.number == segment; });
  PAWL_CHECK(file != files_.end());
  return segment == segment_ ? end_ : file->end;
}

bool Journal::is_current(const Place& frame, GroupId group, Index index) const {
  if (frame.segment > format::kKeptNumberBase) return kept_.holder(group, index) == frame.segment;
  const std::optional<Place> known = index_.find(group, index);
  return known && known->segment == frame.segment && known->offset <= frame.offset &&
         frame.offset < known->offset + known->bytes;
}

std::span<const Durable> Journal::completed(std::uint64_t batch_id) {
  PAWL_CHECK(under_way_ != UnderWay::kNothing);
  PAWL_CHECK(batch_.id == batch_id);
  for (const Operation& operation : batch_.operations) count(operation);
  durable_.clear();
  const bool frame = under_way_ == UnderWay::kFrame;
  under_way_ = UnderWay::kNothing;
  if (frame) finish_frame();
  finish_files();
  stats_.segments = files_.size();
  stats_.spares = spares_.size();
  return durable_;
}

const Batch* Journal::lacked_room(std::uint64_t batch_id) {
  PAWL_CHECK(under_way_ != UnderWay::kNothing);
  PAWL_CHECK(batch_.id == batch_id);
  growth_failed_ = true;
  if (under_way_ == UnderWay::kBackground) {
    under_way_ = UnderWay::kNothing;
    return nullptr;
  }
  if (std::exchange(outcome_.spare_allocated, 0) > 0) {
    auto& operations = batch_.operations;  // the first two make the spare grow
    operations.erase(operations.begin(), operations.begin() + 2);
  }
  return &batch_;
}

void Journal::finish_frame() {
  FrameBuilder& frame = front();
  if (outcome_.rotated) {
    if (!files_.empty()) files_.back().end = end_;
    files_.push_back(File{segment_ + 1, outcome_.allocated, spares_.front().recycled});
    spares_.pop_front();
    ++segment_;
    end_ = outcome_.first_frame;
    compressing_ = outcome_.compressing;
    trained_ = rotation_due_ = false;
    if (outcome_.afresh) {
      afresh_wanted_ = false;
      afresh_from_ = segment_;
    }
    ++stats_.rotations;
  }
  const Place place{segment_, end_, frame.frame_bytes()};
  end_ += frame.frame_bytes();
  recorded_oldest_ = outcome_.oldest;
  ++stats_.frames;
  stats_.entries += frame.entries();
  stats_.payload_bytes += frame.raw_bytes();
  stats_.stored_bytes += frame.stored_bytes();

  tail_marked_ = frame.empty();
  for (const Range& range : frame.ranges()) {
    if (range.begins()) {
      index_.begin_log(range.group, range.end().index);
      --logs_to_begin_;
      continue;
    }
    index_.note(range.group, range.first, range.count, place, frame.raw_bytes());
    note_durable(range);
  }
  for (const GroupHardState& saved : frame.states()) {
    if (states_.size() <= saved.group.v) states_.resize(saved.group.v + std::size_t{1});
    if (states_[saved.group.v] == saved.state) continue;
    states_[saved.group.v] = saved.state;
    durable_of(saved.group).hard_state = saved.state;
  }
  frame.reset();
  if (free_.size() < kFreeBuildersMax) free_.push_back(std::move(queue_.front()));
  queue_.pop_front();
  if (before_afresh_ > 0) --before_afresh_;
}

// Takes over what the batch did to files besides the frame.
void Journal::finish_files() {
  for (std::size_t i = 0; i < outcome_.given_up; ++i) files_.pop_front();
  stats_.segments_recycled += outcome_.given_up;
  if (outcome_.given_up > 0) index_.drop_before(files_.front().number);
  files_.back().bytes = outcome_.allocated;
  if (outcome_.spare_allocated > 0) {
    if (spares_.empty()) spares_.push_back(File{++spare_names_, 0, false});
    spares_.front().bytes = outcome_.spare_allocated;
  }
  for (const File& spare : outcome_.new_spares) {
    spare_names_ = std::max(spare_names_, spare.number);
    spares_.push_back(spare);
  }
}

Durable& Journal::durable_of(GroupId group) {
  for (Durable& known : durable_) {
    if (known.group == group) return known;
  }
  durable_.push_back(Durable{group, Index(), Term(), std::nullopt});
  return durable_.back();
}

// Ranges come in the order of appending: the last one of a group is its end.
void Journal::note_durable(const Range& range) {
  Durable& durable = durable_of(range.group);
  durable.last = range.end().index;
  durable.term = range.term;
}

void Journal::count(const Operation& operation) {
  if (const auto* write = std::get_if<WriteFile>(&operation)) {
    stats_.data_bytes += write->bytes.size();
  } else if (const auto* room = std::get_if<AllocateFile>(&operation)) {
    (room->how == Preallocate::kZero ? stats_.zero_fill_bytes : stats_.allocated_bytes) +=
        room->bytes;
  } else if (std::holds_alternative<SyncFile>(operation)) {
    ++stats_.syncs;
  } else if (std::holds_alternative<SyncDirectory>(operation)) {
    ++stats_.directory_syncs;
  }
}

}  // namespace pawl::log
