// One box without a box: node::Node over log::Journal over a disk in memory, in virtual time. The
// host does what the daemon's loop and disk thread do, one step at a time, so that a test can stop
// between any two of them: a request is decided (ask), a batch begins (begin), reaches the disk and
// is completed (finish), the machine loses its power (crash), starts again (boot).
//
// Every answer is kept. What must never be (a second answer to one request, a fatal output, a store
// that does not open) is thrown as std::runtime_error.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/random.h"
#include "log/journal.h"
#include "node/compaction.h"
#include "node/disk_room.h"
#include "node/node.h"
#include "node/scrubbing.h"
#include "tests/log/memory_file_system.h"
#include "tests/node/remnants.h"

namespace pawl::node {

// 2026-01-01T00:00:00Z
inline constexpr std::int64_t kEpochMs = 1'767'225'600'000;

// A value written as JSON; throws if it is none.
dsl::Value json(std::string_view text);

// The parts of a request beside its operation.
struct Asking {
  std::string key;
  std::string body;  // stands for method, path and body: what the key's digest covers
  std::optional<IfMatch> if_match;
  std::int64_t deadline_ms = 15'000;  // from now
};

// The options with runs that go to rest at once, or soon, or as they do in a box; by the seed.
NodeOptions with_rest(NodeOptions options);

// A group's snapshot, kept in memory.
struct GroupSnapshot {
  GroupId group;
  Index index;
  Term term;
  std::string bytes;
};

// A copy of a group that is taken while the node goes on: a few runs, or answers, at a time. What
// comes of it must be what a copy in one go was when it began; else it throws.
class Copying {
 public:
  Copying(Node* node, GroupId group);
  // False if it is whole now.
  bool go_on(std::size_t runs_max, std::size_t bytes_max);
  bool done() const { return freeze_ == nullptr; }
  const GroupSnapshot& whole() const { return expected_; }

 private:
  GroupSnapshot expected_;
  std::unique_ptr<Freeze> freeze_;
  std::string bytes_;
};

// All of it in one go.
GroupSnapshot snapshot_of(Node* node, GroupId group);

// What a snapshot's bytes hold, fed in pieces of so many; throws if they are none.
Thawed thawed(GroupId group, std::string_view bytes, std::size_t piece = 4096);

class Host {
 public:
  static constexpr std::uint64_t kReserveBytes = 32 * limits::KiB;
  // Bugs of the driver or the disk, which the storm must find.
  struct Planted {
    bool completes_before_disk = false;  // a batch is completed, then written
    bool drops_syncs = false;            // after the first few, a sync says ok and does nothing
    bool keeps_files = false;            // files that a pass is to remove are kept aside
  };

  explicit Host(std::uint16_t run_groups = 3, std::uint64_t seed = 1);
  // One box of several: its seed is that of the options.
  explicit Host(const NodeOptions& options);

  // NodeOptions::keep_closed_ms, from the next boot on.
  void keep_closed(std::optional<std::int64_t> ms) { options_.keep_closed_ms = ms; }
  // Opens the journal and makes a node of it; then, unless `only_open`, runs until it is ready.
  void boot(bool only_open = false);
  // The same, expecting the store to be refused; returns why.
  std::string boot_refused();
  // What a start of one of several boxes does about damage: begins anew what lost something. False
  // if the box can't come back as it is.
  bool mend();
  // Power loss: the node is gone, and of the disk what was not synced, by chance.
  void crash();
  // The process ends; the page cache stays.
  void kill();
  bool up() const { return node != nullptr; }
  // By group, what `snapshots` stand for.
  std::vector<Index> covered() const;
  // Durable, and newer than what there is of the group.
  void keep_snapshot(const GroupSnapshot& taken);
  // The driver's part of snapshots between boxes.
  SnapshotReport carry_out(const SnapshotWork& work);
  // What nothing needs is given up (node/needed), as the daemon does once a second.
  void give_up_segments();
  // What the daemon's compactor does, until nothing is left to do; how many files it made. If the
  // disk fails it ends there.
  int compact();
  // What the daemon's scrubber does, as far as it goes now; whether a pass came to its end. Throws
  // if the disk then has anything left of what it is to be rid of.
  bool scrub();
  // The cold thread's turn: the run as its history in the journal folds, for a RunLoaded.
  RunLoaded load(const LoadRun& wanted);
  // The same for entries that another box lacks.
  EntriesLoaded load(const ReadEntries& wanted);

  // --- inputs ---
  RequestId ask(Operation operation, const Asking& asking = {});
  void give(Input input);
  // The disk thread's turn. begin: false if there is nothing to do or a batch is under way. finish:
  // what queued meanwhile is under way then.
  bool begin();
  bool under_way() const { return batch_ != nullptr; }
  void finish();
  // The same, but if the disk fails the process ends: false. If it has no room, the batch waits.
  bool finish_or_end();
  // As the daemon does: while there is no room on the disk, and at first, looks at what is free,
  // and tells the node.
  void see_to_room();
  // Executes the first `operations` of the batch under way, then the machine is gone.
  void crash_within_batch(std::uint64_t operations);
  // Batches until nothing is left to do.
  void drain();
  // Time goes on to every wake-up in turn, with batches in between.
  void advance(std::int64_t ms);
  // Time goes on and nobody is told.
  void stall(std::int64_t ms);
  void tick() { give(Tick{}); }

  // --- answers ---
  bool answered(RequestId id) const { return answers.count(id) > 0; }
  // Throws if there is none.
  const Answer& answer(RequestId id) const;
  int status(RequestId id) const { return answer(id).status; }
  // A member of the answer's body.
  dsl::Value member(RequestId id, std::string_view name) const;
  std::string type(RequestId id) const { return member(id, "type").as_string(); }

  // --- the usual requests, each drained ---
  void deploy(std::string_view toml, bool activate = true);
  RequestId start(std::string id, std::string workflow = "w", const Asking& asking = {});
  RequestId signal(const std::string& id, std::string name, std::string_view payload = "null",
                   const Asking& asking = {});
  RequestId poll(std::uint32_t max = 1, std::int64_t wait_ms = 0, const Asking& asking = {});

  // --- what is there ---
  const engine::Run& run(const std::string& id) const;
  dsl::Value var(const std::string& id, std::string_view name) const;
  // How often an event of this name is in the journal for the run.
  int count_events(const std::string& id, std::string_view name) const;
  // The disk, with the segments that were given up back in their places.
  log::MemoryFileSystem whole() const;
  // Folds the journal anew, by itself: "" if every run's hash and event count is that of the
  // node's tables, and the tables keep their invariants; else the first difference.
  std::string audit();
  // A node that has folded the journal alone, and was not started; null with a reason.
  std::unique_ptr<Node> replayed(std::string* error) const;

  Now now{1'000'000, kEpochMs, true};
  Random chance;
  Planted planted;
  std::unique_ptr<log::FileSystem> lying;  // in front of files, if a fault is planted
  log::MemoryFileSystem files;
  DiskRoom room{kReserveBytes / 2};
  std::unique_ptr<log::Journal> journal;
  std::unique_ptr<Node> node;
  std::map<RequestId, Answer> answers;
  std::set<RequestId> reads;
  std::vector<LoadRun> loads;         // asked for since the last boot; taken out by who loads them
  std::vector<RequestId> unheeded;    // answers and reads in order of arrival, for who wants that
  std::vector<OutgoingFrame> frames;  // to other boxes, since the last boot; likewise
  std::vector<ReadEntries> entry_reads;
  std::vector<SnapshotWork> snapshot_work;
  Outputs outputs;  // of the last input
  // Given to the next boot, by group; empty: none. With their places. What comes from another box
  // is added.
  std::vector<std::string> snapshots;
  std::vector<std::pair<Index, Term>> snapshot_places;
  std::map<GroupId, Copying> copies;  // under way; they end with the process
  Compaction compaction{1};           // likewise
  Scrubbing scrubbing{0};             // likewise
  Remnants remnants;
  std::uint64_t taken = 0;             // snapshots of other boxes, made its own
  std::vector<log::Rebuild> rebuilds;  // in force since the last boot

 private:
  log::FileSystem& disk() { return lying != nullptr ? *lying : files; }
  void take_outputs();
  void restore_snapshots(Node* to) const;
  void complete(std::uint64_t id);
  log::JournalOptions journal_options() const;
  absl::Status try_open(std::vector<GroupId>* lacking);
  absl::Status execute(const log::Batch& batch);
  absl::Status compact(const Compaction::Work& work, int* made);
  bool cover_all();
  absl::Status sweep();
  TransferReady make(const MakeTransfer& wanted);
  TransferTaken take(const TakeTransfer& wanted);
  absl::Status read_through(const Compaction::Input& input, log::KeptWriter* writer);

  NodeOptions options_;
  std::uint64_t next_request_ = 1;
  std::uint64_t boots_ = 0;
  const log::Batch* batch_ = nullptr;
  std::uint64_t reserve_bytes_ = 0;  // on the disk: its capacity is so much less
  std::int64_t look_at_ms_ = 0;
  std::map<std::string, std::string> given_up_;  // segments by path, as they were at last
};

// --- operations, written short ---
StartRun start_of(std::string id, std::string workflow = "w", std::string_view input = "{}");
CommandRun command_of(std::string id, engine::Command command);
CommandRun signal_of(std::string id, std::string name, std::string_view payload = "null");
PollTasks poll_of(std::uint32_t max = 1, std::int64_t wait_ms = 0, std::string queue = "default");
ReportTask complete_of(std::string token, std::string_view result = "null");
ReportTask fail_of(std::string token, std::string type = "broken");
// A run id of the given group, told apart by `n`.
std::string id_in_group(const Node& node, std::uint16_t group, int n);

}  // namespace pawl::node
