// The journal shared by all groups of a box: the one place where anything becomes durable.
//
// Life cycle: open() reads every frame and tells the sink, cuts a torn tail, makes what it read
// durable (a tail left by a killed process may be only in the page cache), and returns the journal.
// Then the loop queues with append() and save_hard_state(), takes a batch with begin_batch(), has
// the disk thread execute() it, and calls completed(): what it returns is durable and may be
// acknowledged. All that queued meanwhile is the next batch: one frame, one pwrite, one fdatasync.
//
// Single-threaded, owned by the loop; it does no I/O itself after open(). At most one batch is
// under way, so a frame is written only after the one before it is on the disk: that is why at most
// the last frame of a journal can be torn, and why any later frame proves it was promised.
//
// Files: SEQUENCE.seg (16 hex digits) are the journal; spare-N.seg are the next segments, made
// ahead of their use or recycled. docs/log-format.md is the grammar.
// A crash leaves: a torn last frame (cut), a spare of any content (reused), or segments already
// given up but not yet renamed (recycled again).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/limits.h"
#include "log/compression.h"
#include "log/format.h"
#include "log/frame_builder.h"
#include "log/journal_stats.h"
#include "log/kept_files.h"
#include "log/operation.h"
#include "log/place_index.h"
#include "log/rebuild_file.h"
#include "log/record.h"
#include "log/source.h"
#include "log/training.h"

namespace pawl::log {

struct Recovered;

struct JournalOptions {
  std::string directory;  // must exist
  // Written into a new journal; an existing one must carry the same. All zeros: take what is there
  // (and refuse to make a new one).
  StoreId store_id{};
  // The highest that this build reads: a segment of a higher one is refused.
  std::uint32_t feature_level = format::kCompressedLevel;
  std::uint32_t segment_bytes = limits::kSegmentBytesDefault;
  Preallocate preallocate = Preallocate::kZero;
  // False: an empty directory is an error, because the caller knows that a store was here.
  bool create_if_empty = true;
  std::size_t training_bytes = limits::kTrainingBytes;  // of entries, before a dictionary is made
  // By group, the newest snapshot that is there: kept files that came with a later one are ignored.
  // Absent: it is not known.
  std::optional<std::vector<Index>> snapshots;
  std::vector<Rebuild> rebuilds;  // that the directory holds
};

// What one batch made durable for one group.
struct Durable {
  GroupId group;
  Index last;  // of the last entry of the group in the batch; 0 if it had none
  Term term;   // of that entry
  std::optional<HardState> hard_state;
};

class Journal {
 public:
  // Synchronous, at start. DataLoss if a byte that was promised is damaged or missing (the message
  // names file, offset and remedy); FailedPrecondition for another store's files or a newer format;
  // else what the disk or the sink said. `report` may be null.
  static absl::StatusOr<std::unique_ptr<Journal>> open(FileSystem& files,
                                                       const JournalOptions& options,
                                                       RecoverySink& sink, RecoveryReport* report);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // Queues an entry for the next batch; the bytes (at most kEntryBytesMax) are copied. An index at
  // or below the group's last one replaces that entry and all after it; one past the next (after an
  // installed snapshot) leaves a gap, which the sink will see too.
  void append(GroupId group, Term term, Index index, std::string_view payload);
  // Queues that the group's log begins anew behind `last`, which a durable snapshot from another
  // box stands for: nothing of it that was queued or written before belongs to it any more.
  void begin_log(GroupId group, LogEnd last);
  // Some of these are not on the disk yet.
  bool has_logs_to_begin() const { return logs_to_begin_ > 0; }
  // Queues a hard state; the last one queued for a group counts. Must be queued no later than
  // entries that depend on it (both in one batch is fine: a frame is all or nothing).
  void save_hard_state(GroupId group, const HardState& state);
  // Queues an empty frame if the last frame has no successor yet: it proves that the last one was
  // promised, so that later damage to it is refused instead of being taken for a torn tail. For
  // clean shutdowns and quiet moments.
  void mark_synced();

  // Something is queued.
  bool pending() const;
  // Bytes queued and under way. At kJournalQueuedBytesMax and above the caller takes on no new work
  // from clients (429).
  std::size_t queued_bytes() const;
  bool under_way() const { return under_way_ != UnderWay::kNothing; }

  // The next batch, or nullptr if nothing is queued or a batch is under way. Valid until
  // completed().
  const Batch* begin_batch();
  // Work that keeps rotation cheap: makes room ahead in slices, recycles. nullptr if there is none,
  // something is queued, or a batch is under way.
  const Batch* begin_background();
  // The batch was executed without error. Returns what is durable now, one element a group, valid
  // until the next call; empty for background work.
  std::span<const Durable> completed(std::uint64_t batch_id);
  // The batch under way failed with ResourceExhausted, and did nothing. Background work is over
  // with that: null. A frame is executed again when there may be room, without what it would have
  // made ahead: returns it; it stays under way. No room is made ahead until expect_room(). Any
  // other failure stops the process.
  const Batch* lacked_room(std::uint64_t batch_id);
  // There may be room again.
  void expect_room() { growth_failed_ = false; }

  // From the next segment on, what makes a frame shorter is compressed. For a store that no older
  // build will have to read (kJournalLevel); it stays so.
  void allow_compression() { compression_allowed_ = true; }
  // Entries to train a dictionary from, when the journal wants one: train_dictionary() has to make
  // it of them off the loop, and use_dictionary() takes what came of it ("": nothing). The next
  // segment begins with it; the first one is worth a new segment at once. nullopt until then.
  std::optional<TrainingSet> begin_training();
  void use_dictionary(std::string bytes);

  // Where a durable entry lies, in a segment or in a kept file; nullopt if it is not, or no longer,
  // in the journal. A kept file may turn out not to hold it: nobody needs it, then.
  std::optional<Place> place(GroupId group, Index index) const {
    const std::optional<Place> in_segment = index_.find(group, index);
    return in_segment ? in_segment : kept_.find(group, index);
  }
  // The first durable index of a group that is still in a segment; behind the last one if none.
  Index first_index(GroupId group) const { return index_.first(group); }
  // The last durable index of a group, 0 if none.
  Index last_index(GroupId group) const { return index_.last(group); }
  std::optional<HardState> hard_state(GroupId group) const;

  // The segment that holds `keep_from` of a group, or the current one if the group needs nothing
  // older: the minimum over all groups is what recycle_below() may get.
  std::uint64_t segment_of(GroupId group, Index keep_from) const;
  // Gives up all segments before `segment` (never the current one). Their files become spares, or
  // are removed once kSpareSegmentsMax are there, after the next frame has recorded the new start
  // durably; pending() is true until then.
  void recycle_below(std::uint64_t segment);
  std::uint64_t oldest_segment() const { return oldest_; }
  // What is queued from now on begins a segment in a file that was never another one, and its batch
  // removes all spares: no file that comes from then on has stale bytes of before, and the segments
  // before it are removed once they are given up, not recycled. Nor has it a dictionary that was
  // trained before.
  void begin_afresh();
  // The segment that begin_afresh() began last, once it is durable; 0: since the start none was.
  std::uint64_t afresh_from() const { return afresh_wanted_ ? 0 : afresh_from_; }
  // The first segment whose file is still there.
  std::uint64_t first_file() const { return files_.front().number; }

  // --- what is kept of segments that are given up (kept_file.h) ---
  const KeptFiles& kept() const { return kept_; }
  std::uint64_t take_kept_number() { return kept_.take_number(); }
  // The file is durable. Those it replaces are forgotten: the caller removes them.
  void add_kept(KeptFile file);
  void drop_kept(std::uint64_t number) { kept_.drop(number); }
  // The first durable index of a group in `segment` or behind it; behind the last one if none.
  Index first_index_in(GroupId group, std::uint64_t segment) const {
    return index_.first_in(group, segment);
  }
  // Where the last whole frame of a segment that is there ends.
  std::uint32_t segment_end(std::uint64_t segment) const;
  // Whether the entry that counts for this index may be the one in this frame, of a segment or of a
  // kept file. Of the frames of one place only the last that holds the index does.
  bool is_current(const Place& frame, GroupId group, Index index) const;

  std::uint64_t current_segment() const { return segment_; }

  // For readers of places. What they share belongs to one thread: that of the readers.
  const Source& source() const { return source_; }
  const StoreId& store_id() const { return options_.store_id; }
  const std::string& directory() const { return options_.directory; }
  const JournalStats& stats() const { return stats_; }

 private:
  enum class UnderWay : std::uint8_t { kNothing, kFrame, kBackground };
  // A segment's file or a spare's.
  struct File {
    std::uint64_t number = 0;
    std::uint32_t bytes = 0;  // durable size
    bool recycled = false;
    std::uint32_t end = 0;  // of a segment that is no longer the current one: of its last frame
  };
  // What the operations of the batch under way change once they are done.
  struct Outcome {
    bool rotated = false;
    bool compressing = false;       // the new segment
    bool afresh = false;            // it begins afresh
    std::uint32_t first_frame = 0;  // offset of the new segment's first frame with entries
    std::uint32_t allocated = 0;    // of the segment that the frame is in
    std::uint64_t oldest = 0;       // as recorded by the frame
    std::size_t given_up = 0;       // files taken off the front of files_
    std::vector<File> new_spares;
    std::uint32_t spare_allocated = 0;  // of the spare that grew; 0: none did
  };

  explicit Journal(const JournalOptions& options);

  // journal_open.cc
  absl::Status create(FileSystem& files);
  absl::Status adopt(FileSystem& files, const Recovered& recovered);
  absl::Status load_kept(FileSystem& files);

  FrameBuilder& building();
  FrameBuilder& front() { return *queue_.front(); }
  void begin(UnderWay what);
  // What a frame at (segment, offset) says besides its contents.
  FrameHeader where(std::uint64_t segment, std::uint32_t offset, std::uint32_t file_bytes) const;
  std::string segment_path(std::uint64_t segment) const;
  std::string spare_path(std::uint64_t number) const;
  void add_sync(std::string path);
  void add_allocation(std::string path, std::uint32_t from, std::uint32_t to);
  bool rotates() const;
  void add_frame();
  void add_rotation();
  bool begins_with_dictionary() const;  // the new segment of a batch that rotates
  void repeat_hard_states(FrameBuilder* frame) const;
  std::size_t dictionary_frame_bytes_max() const;
  void add_dictionary_frame(std::string* head) const;
  void add_seal(const Mark& head_end);
  void add_removals(const std::deque<File>& spares);
  void add_recycling(std::size_t files_max);
  void add_segment_growth();
  void add_spare_growth();
  // Bytes the next segment should have made ready by now.
  std::uint32_t spare_bytes_wanted() const;
  std::uint32_t spare_bytes() const { return spares_.empty() ? 0 : spares_.front().bytes; }
  void finish_frame();
  void finish_files();
  void note_durable(const Range& range);
  Durable& durable_of(GroupId group);
  void count(const Operation& operation);

  JournalOptions options_;
  JournalStats stats_;

  std::size_t logs_to_begin_ = 0;  // ranges of the queue that begin one
  std::deque<File> files_;     // segments whose files exist, ascending; the last is the current one
  std::uint64_t segment_ = 0;  // the current one
  std::uint32_t end_ = 0;      // where its next frame goes
  std::uint64_t oldest_ = 0;   // first segment still needed
  std::uint64_t recorded_oldest_ = 0;  // as the last durable frame says
  bool mark_wanted_ = false;
  bool tail_marked_ = false;  // the last frame is an empty one
  bool growth_failed_ = false;
  bool afresh_wanted_ = false;
  std::size_t before_afresh_ = 0;  // frames of the queue that were there before it was
  std::uint64_t afresh_from_ = 0;

  std::deque<File> spares_;        // the first is used next
  std::uint64_t spare_names_ = 0;  // the highest number in use

  bool compression_allowed_ = false;
  bool compressing_ = false;     // the current segment
  Compressor compressor_;        // with the current segment's dictionary
  bool training_ = false;        // samples are with whoever trains
  bool training_stale_ = false;  // and of before begin_afresh()
  bool trained_ = false;         // since the current segment began
  bool rotation_due_ = false;    // for the first dictionary
  std::shared_ptr<const Dictionary> next_dictionary_;
  Sampler sampler_;
  Source source_;

  std::deque<std::unique_ptr<FrameBuilder>> queue_;  // the front one may be under way
  std::vector<std::unique_ptr<FrameBuilder>> free_;
  std::vector<std::optional<HardState>> states_;  // by group, durable

  UnderWay under_way_ = UnderWay::kNothing;
  Batch batch_;
  Outcome outcome_;
  std::string seal_;
  std::vector<Durable> durable_;
  PlaceIndex index_;
  KeptFiles kept_;
};

}  // namespace pawl::log
