// The I/O of snapshots between boxes (node/installs.h), for the cold thread: making a group's
// transfer file, sending chunks of it, taking one in.
//
//   making, one group at a time: opened --> snapshot, piece by piece --> entries: read, judged by
//                                the loop, written --> finished
//
// The loop submits a step when the one before is done; chunks and transfers that come in go between
// them, in order. A crash leaves transfer-*.tmp and incoming-*.tmp, which the next start removes; a
// transfer nobody has read of for ten minutes is removed, and made anew if it is asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "daemon/snapshot_keeper.h"
#include "log/journal.h"
#include "log/old_entries.h"
#include "log/transfer_file.h"
#include "node/compaction.h"
#include "node/inputs.h"
#include "node/node.h"
#include "node/outputs.h"

namespace pawl::daemon {

struct TransferMetrics {
  std::uint64_t made = 0;
  std::uint64_t made_bytes = 0;
  std::uint64_t taken = 0;
  std::uint64_t taken_bytes = 0;
  std::uint64_t failures = 0;
};

class Transfers {
 public:
  struct Options {
    node::Node* node = nullptr;  // these outlive the object, and `cold` does not
    log::Journal* journal = nullptr;
    SnapshotKeeper* keeper = nullptr;
    ColdThread* cold = nullptr;
    log::FileSystem* files = nullptr;  // the cold thread's
    std::uint16_t run_groups = 0;
    std::function<void(node::SnapshotReport)>
        report;  // on the loop, from within deliver() or turn()
  };
  Transfers(Options options, Logger* logger);
  ~Transfers();

  void take(node::SnapshotWork work);
  // At the end of each turn.
  void turn(std::int64_t now_ns);
  // Gives up those that are ready and hold an older snapshot of their group than this. The names of
  // the files that stay.
  std::vector<std::string> keep_from(const std::vector<Index>& through);
  // One is being made of an older snapshot, or taken in: its files are not to be removed yet.
  bool holds_up(const std::vector<Index>& through) const;
  const TransferMetrics& metrics() const { return metrics_; }

 private:
  struct Making;
  using Job = std::function<ColdThread::Completion()>;
  // One that is ready to be sent.
  struct Ready {
    raft::Snapshot snapshot;
    std::int64_t read_ns = 0;
  };

  void begin(const node::MakeTransfer& wanted);
  Job next_step();
  Job open_snapshot();
  Job copy_pieces();
  Job look();
  Job add_entries();
  Job finish();
  void made(const absl::StatusOr<log::TransferSeal>& seal);
  void give_up(const absl::Status& why);
  void read_chunk(const node::ReadChunk& wanted);
  void write_chunk(node::WriteChunk chunk);
  void take_in(const node::TakeTransfer& wanted);
  void remove_unread();
  std::string path_of(const std::string& name) const;

  Options options_;
  Logger& logger_;
  TransferMetrics metrics_;
  std::deque<node::MakeTransfer> wanted_;
  std::unique_ptr<Making> making_;
  std::map<GroupId, Ready> ready_;
  int taking_ = 0;        // transfers that came in, not yet reported
  std::deque<Job> jobs_;  // to be submitted, in order
  std::int64_t now_ns_ = 0;
  std::int64_t look_at_ns_ = 0;
};

void append_transfer_metrics(const TransferMetrics& metrics, std::string* out);

}  // namespace pawl::daemon
