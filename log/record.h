// The few values the log speaks of. It knows groups, indexes and terms; payloads are opaque bytes.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/ids.h"

namespace pawl::log {

// Random bytes that name one box's store; every segment and snapshot carries them, so that files of
// two stores can't be mixed up unnoticed. All zeros means "not known".
using StoreId = std::array<unsigned char, 16>;
inline bool is_known(const StoreId& id) { return id != StoreId{}; }

// What Raft must remember besides entries (dissertation, figure 3.1).
struct HardState {
  Term term;
  NodeId vote;  // 0: nobody
  friend bool operator==(const HardState&, const HardState&) = default;
};

// The last entry of a group's log, or of a part of it.
struct LogEnd {
  Term term;
  Index index;
  // A log that ends here is at least as far as one that ends there (Raft paper, 5.4.1).
  friend auto operator<=>(const LogEnd&, const LogEnd&) = default;
};

// Where in the journal an entry lies: one or a few whole frames of one segment, at most
// kIndexExtentBytes unless a single frame is larger.
struct Place {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;  // of the first frame
  std::uint32_t bytes = 0;   // up to the end of the last frame
  friend bool operator==(const Place&, const Place&) = default;
};

// Hears the whole journal in order, at start. Views are valid during the call only. A status that
// is not ok ends the recovery and is returned from it.
class RecoverySink {
 public:
  virtual ~RecoverySink() = default;
  virtual absl::Status on_hard_state(GroupId group, const HardState& state) = 0;
  // An index at or below the group's last one replaces that entry and all after it. The first
  // entry heard of a group may have any index: what lay before it was recycled.
  virtual absl::Status on_entry(GroupId group, Term term, Index index,
                                std::string_view payload) = 0;
  // The group's log begins anew behind `last`, which a snapshot from another box stands for: no
  // entry heard before belongs to it. Who keeps no log has nothing to do.
  virtual absl::Status on_begin(GroupId /*group*/, LogEnd /*last*/) { return absl::OkStatus(); }
};

struct RecoveryReport {
  std::uint64_t segments = 0;
  std::uint64_t frames = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;           // of frames and segment headers
  std::uint64_t torn_bytes_cut = 0;  // written but never promised, now gone
  std::uint64_t lost_frames = 0;     // stand for what was damaged (mending.h)
  std::uint64_t void_entries = 0;    // of groups that were begun anew since (rebuild_file.h)
  bool created = false;              // the directory held no journal
};

}  // namespace pawl::log
