// What is damaged in a journal, and what of each group was in it: read when a start was refused.
// Nothing is changed; mending.h does what is to be done about it.
//
// A damaged frame whose header can be read is a stretch whose entries and hard states are known.
// Where no header can be read, the stretch goes up to the next frame, and may have held anything of
// any group: of a group nothing is missing there only if its next entry follows its last one, in
// the same term. A damaged header of a segment is no loss by itself: the frames say whose they are.
// A segment that is missing is a stretch from its begin to where the next one says that it ended.
//
// Bytes that the disk can't give back count as damaged ones (legible_files.h). Where the journal's
// end may stand in them, they are a stretch: what was there may have been acknowledged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "log/file_system.h"
#include "log/frame.h"
#include "log/rebuild_file.h"
#include "log/record.h"

namespace pawl::log {

// Bytes of a segment that can't be read.
struct LostStretch {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  bool legible = false;  // one frame, whose header follows
  FrameHeader header;
};

struct DamagedSegment {
  std::uint64_t number = 0;
  std::uint64_t file_bytes = 0;      // 0: it is missing
  std::uint64_t promised_bytes = 0;  // as its frames say
  bool headless = false;             // its header can't be read, or it is missing
  bool unreadable = false;           // the disk does not give all of it back
  std::uint64_t oldest = 0;          // the oldest segment needed, for frames that are put here
  Mark before;                       // the end of the segment before it
  std::vector<LostStretch> lost;
};

// Indexes after `from` through `through` that the journal does not hold, or not as they were at
// last.
struct IndexHole {
  Index from;
  Index through;
};

struct SurveyedGroup {
  LogEnd last;                   // what is known of the log's end: at least this was acknowledged
  std::vector<IndexHole> holes;  // ascending
  bool end_unknown = false;      // more may have followed what is known
  std::optional<HardState> state;
  bool state_unknown = false;        // a later one may be lost
  Index first;                       // of its first entry that can be read; 0: there is none
  LogEnd before_damage;              // its last entry before the first stretch
  Index first_behind;                // of its first entry behind it
  std::uint64_t entries_behind = 0;  // legible ones, behind the first stretch
  bool touched() const { return end_unknown || !holes.empty(); }
  // Whether a snapshot at `index` stands for all that is missing.
  bool covered_by(Index index) const {
    return !end_unknown && (holes.empty() || holes.back().through <= index);
  }
};

struct Survey {
  StoreId store_id{};
  std::vector<DamagedSegment> damaged;  // ascending
  std::vector<SurveyedGroup> groups;
  std::vector<std::uint64_t> given_up;  // segments that are there and not needed, ascending
  Mark first;                           // where the first stretch begins
  Mark end;                             // of the journal
  std::uint64_t segments_behind = 0;    // behind the first stretch's
  // Something is to be mended; and something is lost with it.
  bool damages() const { return !damaged.empty() || !given_up.empty(); }
  bool loses() const { return first.segment != 0; }
};

// `sink` hears what can be read, in order; null: nobody does. What `rebuilds` make void does not
// count and is not told. DataLoss: the journal is damaged in a way that can't be mended (its newest
// segment is lost or cut short, or a frame contradicts itself); else as Journal::open().
absl::StatusOr<Survey> survey(FileSystem& files, const std::string& directory,
                              const StoreId& store_id, std::uint32_t feature_level,
                              std::size_t group_count, const std::vector<Rebuild>& rebuilds,
                              RecoverySink* sink);

}  // namespace pawl::log
