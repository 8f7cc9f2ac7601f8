// How a box takes data that was deleted off its own disk. Deleting is an event, and from it on no
// answer and nothing that is written has the run's payloads; but what was written before has. What
// is pending each box derives by itself: entries that delete data (Tables::deletions) behind its
// mark. The mark says, by group, up to which entry no file of the box holds anything any more that
// was deleted; it is on the disk (log/scrub_mark.h), and rises only once all of a pass is done:
//
//   begin      the next segment begins afresh, all spares are removed (Journal::begin_afresh)
//   cover      snapshots stand for all entries of the segments before it; older ones are removed
//   rewrite    what histories need of these segments goes into kept files, scrubbed; then each kept
//              file of before that may hold entries of such a run is made into another one
//   sweep      nothing of before is left in the directory; the mark is written
//
// All segments of before go, not only those with entries of the run: entries that were voided,
// answers and other boxes' requests may hold the same data. A pass that a crash interrupts begins
// anew. Passes have a pause between them: however many runs are emptied meanwhile, the next one
// does for all. Single-threaded, no I/O: the steps are the driver's (daemon/scrubber.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "codecs/run_json.h"
#include "log/journal.h"
#include "node/compaction.h"
#include "node/node.h"

namespace pawl::node {

// Of a run whose data the entry deletes: which members of its group have that off their disks, as
// far as this box has heard.
std::vector<codecs::BoxScrubbed> boxes_scrubbed(const Node& node, GroupId group, Index deletion);

class Scrubbing {
 public:
  enum class Step : std::uint8_t {
    nothing,  // or what was begun goes on by itself
    cover,    // covered() once it is done
    rewrite,  // work(), by whoever compacts
    sweep,    // swept() once the mark is durable
  };

  explicit Scrubbing(std::int64_t pause_ms = limits::kScrubPauseMs) : pause_ms_(pause_ms) {}
  void set_pause(std::int64_t ms) { pause_ms_ = ms; }

  // What is to be done now. `held` as first_segment_needed(); `compacting`: work is under way whose
  // entries may have been judged already.
  Step next(std::int64_t now_ms, const Node& node, log::Journal* journal,
            const std::vector<Index>& held, bool compacting);

  // cover: how far the snapshots of each group have to go; no older one may stay.
  const std::vector<Index>& cover() const { return cover_; }
  void covered() { covered_ = true; }
  // rewrite: what is next; absent if it has to wait for segments to be given up.
  std::optional<Compaction::Work> work(const Node& node, const log::Journal& journal,
                                       const std::vector<Index>& held) const;
  // sweep: the segments that are left begin with this one; the mark is to say so much.
  std::uint64_t first_segment() const { return fresh_from_; }
  std::uint64_t kept_through() const { return kept_through_; }  // kept files of before end here
  const std::vector<Index>& through() const { return through_; }
  void swept() { under_way_ = false; }
  // The step could not be done: it is taken up again later.
  void failed(std::int64_t now_ms) { not_before_ms_ = now_ms + limits::kScrubAgainMs; }

  bool under_way() const { return under_way_; }
  // When next() may have something to do though nothing else happens; INT64_MAX: not before then.
  std::int64_t deadline_ms(const Node& node) const;
  // Data was deleted behind the mark.
  static bool pending(const Node& node);

 private:
  bool begin(std::int64_t now_ms, const Node& node, log::Journal* journal);
  // False until all entries of the segments of before are applied.
  bool find_cover(const Node& node, const log::Journal& journal);
  bool may_hold(const Node& node, const log::KeptFile& file) const;

  std::int64_t pause_ms_;
  std::int64_t not_before_ms_ = 0;
  std::int64_t next_pass_ms_ = 0;

  // Of the pass.
  bool under_way_ = false;
  bool covered_ = false;
  std::vector<Index> through_, cover_;  // by group
  std::uint64_t fresh_from_ = 0;        // segments before it are to go; 0: not known yet
  std::uint64_t kept_through_ = 0;      // kept files up to this number may have to go
};

}  // namespace pawl::node
