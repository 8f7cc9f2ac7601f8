// Carries out what node/scrubbing.h finds to be done: deleted data is taken off this box's disk.
// Snapshots are the keeper's, rewriting is the compactor's work; the rest are jobs of the cold
// thread. A crash at any point leaves the mark as it was: the pass is made again.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "daemon/snapshot_keeper.h"
#include "daemon/transfers.h"
#include "log/journal.h"
#include "node/node.h"
#include "node/scrubbing.h"

namespace pawl::daemon {

class Scrubber {
 public:
  struct Options {
    node::Node* node = nullptr;  // these outlive it, but for `cold` and `transfers`
    log::Journal* journal = nullptr;
    SnapshotKeeper* keeper = nullptr;
    ColdThread* cold = nullptr;
    log::FileSystem* files = nullptr;  // the cold thread's
    std::int64_t pause_ms = 0;
  };
  Scrubber(Options options, Logger* logger);

  // At a start, before anything is asked: tells the node what the disk says. A log that ends before
  // the mark has lost entries since, which may come again as they were.
  static void load(log::FileSystem& files, const log::Journal& journal, node::Node* node);

  // At the end of each turn. `transfers`: null of one box.
  void turn(std::int64_t now_ns, bool compacting, Transfers* transfers);
  // When a turn is wanted though nothing happens.
  std::int64_t deadline_ns(std::int64_t now_ns) const;
  void set_pause(std::int64_t ms) { scrubbing_.set_pause(ms); }
  const node::Scrubbing& scrubbing() const { return scrubbing_; }
  void append_metrics(std::string* out) const;

 private:
  void cover(std::int64_t now_ms);
  void sweep(std::int64_t now_ms, Transfers* transfers);
  void swept(std::int64_t now_ms, const std::vector<Index>& through, const absl::Status& status);

  Options options_;
  Logger& logger_;
  node::Scrubbing scrubbing_;
  bool asked_ = false;  // the keeper was, to cover
  bool busy_ = false;   // the cold thread has a job of it
  std::uint64_t passes_ = 0, failures_ = 0;
};

}  // namespace pawl::daemon
