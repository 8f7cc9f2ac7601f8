// A journal looked at from outside: nothing is changed, no damage ends the reading, and a daemon
// may go on writing to it meanwhile. What `pawl journal` stands on; recovery.h is what opens one.
//
//   read()     walks all frames: what is there, what is wrong, which entries were replaced later
//   entries()  walks them once more, up to where read() came, and hands out what they hold
//
// Beside a daemon: the frames that were there when the directory was listed are seen, and perhaps a
// few later ones. A frame half written at the end is no damage, as after a crash; a frame that
// looks damaged is read again, since the window may have been read while it was written; a segment
// that is given up meanwhile is left out with a note.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/frame.h"
#include "log/kept_scan.h"
#include "log/record.h"

namespace pawl::log {

// Something that is wrong, or that ought to be known.
struct Finding {
  std::string path;
  std::uint64_t offset = 0;
  std::string what;
  std::string remedy;  // what to do; "" of a note
  bool damage = true;  // false: a note
  // Of a note: what was read has changed meanwhile, and another look may see all of it.
  bool passing = false;
};

// Damage to bytes that were promised, in the words of every such refusal.
Finding damage_finding(std::string path, std::uint64_t offset, std::string what);

// A note: the daemon has removed the file since its name was read.
Finding given_up(std::string path);

struct GroupSpan {
  GroupId group;
  Index first;  // the lowest and the highest index that stand in the segment
  Index last;
  std::uint64_t entries = 0;
};

// Bytes of a segment in which no frame can be read, though a later one can.
struct DamagedExtent {
  std::uint32_t from = 0;
  std::uint32_t to = 0;  // the next frame
};

struct ScannedSegment {
  std::uint64_t number = 0;
  std::uint64_t file_bytes = 0;
  std::uint32_t used_bytes = 0;  // up to the end of the last whole frame
  std::uint32_t feature_level = 0;
  std::uint32_t dictionary = 0;  // the id of the one that it begins with; 0: none
  bool headed = false;           // its header can be read
  bool recycled = false;
  bool sealed = false;
  bool gone = false;              // given up by a daemon while it was read
  bool foreign = false;           // of another store, or no segment at all: not read
  std::uint64_t frames = 0;       // the seal not counted
  std::uint64_t ranges = 0;       // of its frames together
  std::uint64_t lost_frames = 0;  // that stand for what was damaged
  std::uint64_t entries = 0;
  std::uint64_t stored_bytes = 0;  // of its entries
  std::uint64_t raw_bytes = 0;     // the same before compression
  std::vector<GroupSpan> groups;   // ascending
  std::vector<DamagedExtent> damaged;
};

// Indexes that the journal does not hold between two that it does, before its first, or before a
// log that begins anew: legal where a snapshot of the group is at `before` - 1 or later.
struct IndexGap {
  GroupId group;
  Index after;  // 0: the journal begins later than the group
  Index before;
  std::string path;  // of the frame that goes on
  std::uint32_t offset = 0;
};

struct ScannedFile {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
};

// An entry as it stands in the journal.
struct ScannedEntry {
  GroupId group;
  Term term;
  Index index;
  Mark frame;
  bool replaced = false;  // a later one of this index, or of one before it, made it void
};

class SegmentScan;

class JournalScan {
 public:
  using OnFinding = std::function<void(Finding)>;
  // Bytes read, of how many.
  using OnProgress = std::function<void(std::uint64_t, std::uint64_t)>;
  using OnEntry = std::function<absl::Status(const ScannedEntry&, std::string_view payload)>;

  // `store_id` all zeros: what the first readable segment says. Both functions may be null.
  JournalScan(FileSystem& files, std::string directory, const StoreId& store_id,
              std::uint32_t feature_level, OnFinding on_finding, OnProgress on_progress);
  JournalScan(const JournalScan&) = delete;
  JournalScan& operator=(const JournalScan&) = delete;

  // Errors are what ends it: the directory can't be read, or a newer pawl wrote a segment.
  absl::Status read();
  // Groups that are, or were, begun anew: what is void of them counts as replaced.
  const std::vector<Rebuild>& rebuilds() const { return rebuilds_; }
  // After read(). What is in kept files, then the rest, each in the order of the journal; a status
  // that is not ok ends it.
  absl::Status entries(const OnEntry& on_entry);

  const StoreId& store_id() const { return store_id_; }
  const std::vector<ScannedSegment>& segments() const { return segments_; }
  // Before a gap in the numbers: given up, and not read.
  const std::vector<ScannedFile>& leftovers() const { return leftovers_; }
  const std::vector<ScannedFile>& spares() const { return spares_; }
  // By group, of the last frame that says it.
  const std::vector<std::optional<HardState>>& states() const { return states_; }
  const std::vector<IndexGap>& gaps() const { return gaps_; }
  // What is kept of segments that were given up.
  const KeptFiles& kept() const { return kept_.kept(); }
  // The journal begins here, says the last frame; 0: there is none.
  std::uint64_t oldest_segment() const { return oldest_segment_; }
  // At the end of the highest segment: never promised, or being written now.
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  std::uint64_t bytes() const { return bytes_total_; }

 private:
  // From this range on (counted over the whole journal) the group's entries from `first` on are
  // others.
  struct Replacement {
    std::uint64_t range = 0;
    Index first;
  };
  struct GroupTrail {
    Index last;
    std::vector<Replacement> replaced;  // ascending by range; `first` is the least of it and after
  };

  absl::Status list();
  // The number is among the names of the directory now.
  bool is_listed(std::uint64_t segment);
  absl::Status find_store_id();
  absl::Status scan(ScannedSegment* segment, bool first);
  absl::Status take_header(SegmentScan* scan);
  absl::Status take_frame(SegmentScan* scan, bool head, bool first);
  absl::Status take_contents(SegmentScan* scan);
  void take_ranges(SegmentScan* scan);
  void take_lost(SegmentScan* scan);
  void begin_log(const SegmentScan& scan, const Range& range, std::uint64_t number);
  void take_states(bool head, const SegmentScan& scan);
  absl::Status pass_over(SegmentScan* scan, bool* go_on);
  void judge_end(SegmentScan* scan);
  void check_start();
  absl::Status kept_entries(const OnEntry& on_entry);
  Index& passed(GroupId group);
  absl::Status read_entries(const ScannedSegment& segment, std::uint64_t* range,
                            const OnEntry& on_entry);
  bool is_replaced(GroupId group, Index index, std::uint64_t range) const;
  void settle_replacements();
  GroupTrail& trail(GroupId group);
  std::string path_of(std::uint64_t segment) const;
  void find(Finding finding) const;
  void progress(std::uint64_t bytes) const;

  FileSystem& files_;
  const std::string directory_;
  StoreId store_id_;
  const std::uint32_t feature_level_;
  const OnFinding on_finding_;
  const OnProgress on_progress_;

  std::vector<ScannedSegment> segments_;
  std::vector<ScannedFile> leftovers_;
  std::vector<ScannedFile> spares_;
  std::vector<std::optional<HardState>> states_;
  std::vector<GroupTrail> trails_;
  std::vector<IndexGap> gaps_;
  std::vector<Rebuild> rebuilds_;
  KeptScan kept_;
  std::vector<Index> passed_;  // by group: the last index that entries() has handed out
  std::uint64_t oldest_segment_ = 0;
  std::uint64_t torn_bytes_ = 0;
  std::uint64_t bytes_before_ = 0;  // of the segments that are done
  std::uint64_t bytes_total_ = 0;
  std::uint64_t ranges_ = 0;
  std::optional<Mark> end_;  // of the segment before, unless its end was not to be seen
  std::string buffer_;
};

}  // namespace pawl::log
