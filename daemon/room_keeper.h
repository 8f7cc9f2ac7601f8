// Sees to it that a full disk stops nobody for good: batches that found no room wait here and are
// tried again, the reserve is given up and made again, and the node is told what it may take on
// (node/disk_room.h decides). While there is plenty nothing is looked at, but once at the start.
//
// Owned by the loop. Looks, and what is done to the reserve, are jobs of the cold thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "log/journal.h"
#include "node/disk_room.h"

namespace pawl::daemon {

class RoomKeeper {
 public:
  struct Options {
    std::string directory;  // of the store
    std::uint64_t segment_bytes = 0;
    log::Journal* journal = nullptr;  // both outlive it, and it the jobs that it has submitted
    ColdThread* cold = nullptr;
    std::function<void(const node::RoomChanged&)> tell;
  };
  RoomKeeper(Options options, Logger* logger);

  // Before the store is opened: on a disk that is full already the reserve is given up, so that
  // what a start writes has room.
  static absl::Status prepare(const std::string& directory, Logger* logger);

  // A batch failed with ResourceExhausted: it waits here if it is to be done again.
  void lacked(std::uint64_t batch_id, const absl::Status& why);
  // At the end of each turn: looks, if that is due.
  void turn(std::int64_t now_ns);
  // A batch waits for room.
  bool waits() const { return waiting_ != nullptr; }
  // There is little room, or was: what can wait for more does.
  bool scarce() const { return room_.watches(); }
  // The batch that waits, once after each look: it is to be executed again. Else null.
  const log::Batch* again();
  // When a turn is wanted though nothing happens.
  std::int64_t deadline_ns() const;
  void append_metrics(std::string* out) const;

 private:
  // What a job of the cold thread found.
  struct Found {
    absl::Status status;  // of the look
    absl::Status made;    // of making the reserve
    node::DiskRoom::Look look;
  };
  static Found carry_out(const std::string& directory, node::DiskRoom::Reserve wish,
                         std::uint64_t reserve_bytes);
  void looked(Found found);
  void expect_room();
  bool watches() const { return due_ || room_.watches(); }
  void report(node::RoomLevel before) const;

  Options options_;
  Logger& logger_;
  node::DiskRoom room_;
  node::DiskRoom::Reserve wish_ = node::DiskRoom::Reserve::keep;  // for the next look
  const log::Batch* waiting_ = nullptr;
  bool try_again_ = false;
  bool looking_ = false;
  bool due_ = true;              // a look, whatever the level
  std::int64_t look_at_ns_ = 0;  // the next one, if looks are wanted
};

}  // namespace pawl::daemon
