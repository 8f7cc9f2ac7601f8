// When this box's snapshots are written, and the writing: one group after the other, in slices.
//
//   idle --(due)--> copying: slice, encoded and written by the cold thread, slice, ... --> closing
//        <--------- the next group, if it has changed since its last one, or idle <--------+
//
// In a turn the loop takes one slice of a group (node/freeze.h) and hands it over as one job; what
// the cold thread has to do for others comes in between. At most two snapshots of a group are kept.
//
// Due, since a start folds what the last round does not cover: once that is 64 MiB of journal, or
// as much as the last round's snapshots were if that is more (so that no more is written for
// snapshots than for the journal); an hour after the last round, if a quarter of that has come (and
// 1 MiB); at a clean stop, if a sixteenth has.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/cold_thread.h"
#include "daemon/logging.h"
#include "daemon/snapshots.h"
#include "log/snapshot_file.h"
#include "node/node.h"

namespace pawl::daemon {

// Whether a round is due.
struct SnapshotPolicy {
  std::uint64_t last_bytes = 0;       // of the last round's snapshots
  std::uint64_t uncovered_bytes = 0;  // of the journal, since then
  bool due() const;
  // If it is not due, but will be by time alone.
  bool due_after_hour() const;
  bool due_at_stop() const;
};

class SnapshotKeeper {
 public:
  struct Options {
    node::Node* node = nullptr;  // outlives it, as `cold` does not
    ColdThread* cold = nullptr;
    log::FileSystem* files = nullptr;  // the cold thread's
    std::string directory;
    log::StoreId store{};
    LoadedSnapshots loaded;
    std::uint64_t uncovered_bytes = 0;  // as it was when the journal was read
    std::int64_t now_ns = 0;
  };
  SnapshotKeeper(Options options, Logger* logger);

  // At the end of each turn. `journal_bytes`: of entries written since the start, uncompressed.
  void turn(std::int64_t now_ns, std::uint64_t journal_bytes);
  // The process is to end: a last round begins, if it spares the next start much.
  void stop(std::int64_t now_ns, std::uint64_t journal_bytes);
  // By group: up to where snapshots stand for the log, so that it can be given up. What both of a
  // group's snapshots hold; or its only one, once a round has found nothing new to put into
  // another.
  const std::vector<Index>& held() const { return held_; }
  // Makes held() reach `through`: of each group that has none as far one is written, and read
  // again, so that the older one is not needed any more. One at a time.
  void cover(std::vector<Index> through) { cover_ = std::move(through); }
  bool covering() const { return !cover_.empty(); }
  // The newest of a group that is durable; 0: there is none.
  Index newest(GroupId group) const { return covered_[group.v]; }
  // One that came from another box is durable.
  void installed(GroupId group, Index index, std::uint64_t content_bytes);
  bool under_way() const { return group_ < options_.node->group_count(); }
  // When a turn is wanted though nothing happens.
  std::int64_t deadline_ns() const;
  void append_metrics(std::string* out) const;

 private:
  struct Writing;
  enum class Doing : std::uint8_t { nothing, copying, closing, giving_up, verifying };

  void begin_round(std::int64_t now_ns, std::uint64_t journal_bytes);
  void step();
  bool begin_group();
  void take_slice();
  void close_group();
  void give_up_group();
  void end_group();
  bool is_covered(std::size_t group) const;
  void go_on_covering(std::int64_t now_ns, std::uint64_t journal_bytes);
  void verify(std::size_t group);
  void submit(Doing doing, std::function<absl::Status(Writing&)> job);
  void done(const absl::Status& status);
  SnapshotPolicy policy(std::uint64_t journal_bytes) const;

  Options options_;
  Logger& logger_;
  std::vector<Index> covered_;  // by group: of its last snapshot
  std::vector<Index> held_;
  std::vector<std::uint64_t> bytes_;  // by group: of that one's content
  std::vector<Index> cover_;          // empty: nobody asked for it
  bool cover_written_ = false;        // its round is over
  std::uint64_t round_at_bytes_ = 0;  // of the journal
  std::int64_t round_at_ns_ = 0;
  std::uint64_t journal_bytes_ = 0;  // as of the last turn
  // Since the start.
  std::uint64_t written_ = 0, written_bytes_ = 0, failures_ = 0;

  // Of the round.
  std::size_t group_;  // being written; past the last one: no round
  std::unique_ptr<node::Freeze> freeze_;
  std::shared_ptr<Writing> writing_;
  std::unique_ptr<engine::FrozenSlice> slice_;  // not yet all encoded
  bool more_slices_ = false;
  bool failed_ = false;
  Doing doing_ = Doing::nothing;  // by the cold thread
};

}  // namespace pawl::daemon
