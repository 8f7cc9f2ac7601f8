// Carries out what node/compaction.h finds to be done, a step at a time: the cold thread reads a
// part of an old segment, the loop says what of it is needed, the cold thread writes that.
//
//   idle --(there is work)--> read, judged --> [write] --> read, judged ...
//     ^                                            |
//     +--- [remove what was replaced] <--- [commit] <--(all was read)
//
// A crash leaves a file that was never finished (removed by the next start), or a finished one
// beside what it replaces (likewise). A failure gives the work up: nothing has been taken away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "log/journal.h"
#include "log/old_entries.h"
#include "node/compaction.h"
#include "node/node.h"
#include "node/scrubbing.h"

namespace pawl::daemon {

struct CompactionMetrics {
  std::uint64_t read_bytes = 0;     // of segments and kept files
  std::uint64_t written_bytes = 0;  // of kept files
  std::uint64_t freed_bytes = 0;    // of segments and kept files that these replace
  std::uint64_t files = 0;          // made
  std::uint64_t failures = 0;
};

class Compactor {
 public:
  struct Options {
    node::Node* node = nullptr;  // outlive it, as `cold` does not
    log::Journal* journal = nullptr;
    ColdThread* cold = nullptr;
    log::FileSystem* files = nullptr;            // the cold thread's
    const node::Scrubbing* scrubbing = nullptr;  // outlives it; its work comes first
  };
  Compactor(Options options, Logger* logger) : options_(options), logger_(*logger) {}

  // At the end of each turn. `covered` as node::first_segment_needed().
  void turn(std::int64_t now_ns, const std::vector<Index>& covered);
  bool under_way() const { return work_.has_value(); }
  const CompactionMetrics& metrics() const { return metrics_; }

 private:
  struct Writing;
  using Work = node::Compaction::Work;

  // What is to be done next; each is one job of the cold thread.
  enum class Step : std::uint8_t { read, write, commit, remove, discard };
  using Job = std::function<ColdThread::Completion()>;

  void begin(Work work);
  Job next_job();
  Job read();
  Job write();
  Job commit();
  Job remove();
  void take_in(log::OldEntries looked);
  void take_over(log::KeptFile file);
  void input_done();
  void end();
  void give_up(const absl::Status& why);

  Options options_;
  Logger& logger_;
  node::Compaction compaction_;
  CompactionMetrics metrics_;
  std::int64_t look_at_ns_ = 0;

  // Of the work under way.
  std::optional<Work> work_;
  Step step_ = Step::read;
  std::size_t input_ = 0;                          // being read
  std::uint32_t offset_ = 0;                       // in it
  std::size_t part_begin_ = 0;                     // the first input of the file being written
  std::uint64_t bytes_ = 0;                        // of the input's entries
  std::uint64_t needed_ = 0;                       // of them
  std::uint64_t runs_ = 0;                         // that begin in the file being written
  std::shared_ptr<const log::OldEntries> looked_;  // and judged
  std::shared_ptr<Writing> writing_;
  std::vector<std::uint64_t> useless_;  // kept files to be removed
  bool busy_ = false;                   // the cold thread has a job of it
};

void append_compaction_metrics(const CompactionMetrics& metrics, const log::Journal& journal,
                               std::string* out);

}  // namespace pawl::daemon
