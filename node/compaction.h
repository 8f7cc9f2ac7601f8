// Which old segments and kept files are made into new kept files, so that one old run that is kept
// does not hold all that came after it (log/kept_file.h). Only local storage: what a box compacts
// no other box sees, and no event says.
//
//   survey    a segment that starts need no more, or a kept file, is read, to know how much of it
//             histories still need; again once a quarter of the runs has been forgotten since
//   rewrite   of the oldest segments together at most half is needed; or of a kept file: what is
//             needed goes into a new one, the rest is given up
//   drop      nothing of a kept file is needed
//
// So no more than a byte is written for a byte that is given up, and a byte that stays is written
// again only when as much has come or gone. The steps of both, with the I/O, are the driver's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "log/journal.h"
#include "log/kept_file.h"
#include "log/old_entries.h"
#include "node/node.h"

namespace pawl::node {

class Compaction {
 public:
  struct Input {
    std::uint64_t number = 0;  // of a segment or a kept file
    std::uint32_t from = 0;    // its frames
    std::uint32_t until = 0;
    std::vector<log::KeptSpan> spans;  // what it speaks for, ascending by group
  };
  struct Work {
    enum class Kind : std::uint8_t { survey, rewrite, drop };
    Kind kind = Kind::survey;  // a survey and a drop are of one input
    std::vector<Input> inputs;
  };

  // So many segments are given up together at least.
  explicit Compaction(std::size_t segments_min = limits::kCompactionSegmentsMin)
      : segments_min_(segments_min) {}

  // What is to be done now, if anything. `covered` as first_segment_needed().
  std::optional<Work> next(const Node& node, const log::Journal& journal,
                           const std::vector<Index>& covered);
  // An input was read to its end: of so many bytes of entries, so many are needed.
  void surveyed(const Node& node, std::uint64_t number, std::uint64_t bytes, std::uint64_t needed);
  // All that is needed of the segments in [first, end), which starts need no more, however much it
  // is; and of a kept file.
  static Work segments_from(const Node& node, const log::Journal& journal, std::uint64_t first,
                            std::uint64_t end);
  static Work rewrite(const log::Journal& journal, const log::KeptFile& file);
  // A new kept file: all of it is needed.
  void made(const Node& node, const log::KeptFile& file);

  // Says of each entry of the input whether it is needed, and whether its run's data is deleted: of
  // such a run no copy has payloads. Needed is only what the input speaks for: of what a segment
  // has besides a kept file a copy would never be read, and no pass over deleted data would find
  // it.
  static void judge(const Node& node, const log::Journal& journal, const Input& input,
                    log::OldEntries* looked);
  // Where the entries of a group through `through` are, for a transfer (log/transfer_file.h), in
  // the order of its log; and which of these it needs.
  static std::vector<Input> inputs_of(const Node& node, const log::Journal& journal, GroupId group,
                                      Index through);
  static void judge_for_transfer(const Node& node, const log::Journal& journal, GroupId group,
                                 Index through, log::OldEntries* looked);
  // What a kept file made of these inputs speaks for.
  static std::vector<log::KeptSpan> joined(const std::vector<Input>& inputs);

 private:
  struct Survey {
    std::uint64_t file_bytes = 0;
    std::uint64_t needed_bytes = 0;  // about: the same share of it as of the entries
    std::uint64_t runs = 0;          // kept when it was made
    std::uint64_t forgotten = 0;     // runs, in all, by then
  };

  bool is_due(const Node& node, std::uint64_t number) const;
  // The first of them that is to be surveyed.
  std::optional<Work> survey(const Node& node, const log::Journal& journal, std::uint64_t first,
                             std::uint64_t end) const;
  void forget_what_is_gone(const log::Journal& journal, std::uint64_t first, std::uint64_t end);
  static Input segment(const Node& node, const log::Journal& journal, std::uint64_t number);
  static Input kept(const log::KeptFile& file);
  // Of the segments in [first, end), which are surveyed.
  std::optional<Work> segments_to_rewrite(const Node& node, const log::Journal& journal,
                                          std::uint64_t first, std::uint64_t end) const;
  std::optional<Work> kept_to_give_up(const log::Journal& journal) const;

  std::size_t segments_min_;
  std::map<std::uint64_t, Survey> surveys_;  // by number
};

}  // namespace pawl::node
