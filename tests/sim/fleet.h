// Several boxes in one process and virtual time: a node::Host each (node, journal, a disk in
// memory), and a network between them that delays, reorders, loses, repeats and cuts. All chance
// comes from one seed: the same calls give the same trace.
//
// Time goes in steps of a millisecond. In each: packets that are due arrive, disks finish what they
// began long enough ago and begin what queued, nodes whose time has come are woken. Each box has
// its own clocks, which may run fast or slow and jump; a frozen box does nothing while its clocks
// go on, and finds its packets when it thaws.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "node/node.h"
#include "tests/node/host.h"

namespace pawl::sim {

inline constexpr std::int64_t kStartMs = 1'000'000;  // virtual time begins here

struct FleetOptions {
  int boxes = 3;
  std::uint16_t run_groups = 3;
  std::uint64_t seed = 1;
  std::optional<std::int64_t> keep_closed_ms;  // absent: nothing is forgotten
  // Of every packet.
  double loss = 0;
  double repeat = 0;
  int delay_ms_max = 1;
  double late = 0;  // chance of a packet to come much later
  int late_ms_max = 0;
  int disk_ms_max = 1;  // of every batch
  int cold_ms_max = 0;  // of what is read back from the journal
};

// A group's tables as bytes, without what is each box's own affair: values of large closed runs may
// be in memory or not.
std::string tables_of(const node::Group& group);

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options);

  // Boxes are numbered from 1, as their NodeIds.
  node::Host& box(int b) { return *boxes_[static_cast<std::size_t>(b - 1)]; }
  int size() const { return static_cast<int>(boxes_.size()); }

  // One more box, which is not a member yet; returns its number. `founders`: other than those of
  // this cluster.
  int add_box(std::vector<NodeId> founders = {});
  // The box loses its disk and comes back with an empty one; not booted.
  void wipe(int b);
  void boot(int b);
  void boot_all();
  // Power loss.
  void crash(int b);
  // The process ends; what it wrote stays in the page cache.
  void kill(int b);
  // Packets from one to the other are lost from now on, or no longer.
  void cut(int from, int to, bool is_cut = true);
  void cut_off(int b);
  // The same, and neither box is told: the link seems up.
  void mute(int from, int to) { mutes_.insert({from, to}); }
  // Every pair can talk again.
  void heal();
  // The disk of a box finishes nothing until it is released.
  void stall_disk(int b, bool stalled);
  // The next batch of the box fails at its operation number `n`, if it has so many: the process
  // ends, as it must.
  void fail_disk(int b, std::uint64_t n);
  // The disk of a box takes so many bytes more; then what it writes waits until it is mended.
  void fill_disk(int b, std::uint64_t bytes_left);
  // No operation of it is going to fail, and it has space again.
  void mend_disk(int b);
  void freeze(int b, bool frozen);
  // How often it has started.
  std::uint64_t boots(int b) const { return faults(b).boots; }
  bool frozen(int b) const { return faults(b).frozen; }
  // How much faster its clocks run, in millionths; negative: slower.
  void drift(int b, std::int64_t ppm) { faults(b).drift_ppm = ppm; }

  // Box `from` is asked to hand the group's leadership over.
  void transfer(GroupId group, int from, int to);

  // One millisecond.
  void step();
  void run(std::int64_t ms);
  // Until it holds; false if it does not within so long.
  bool run_until(const std::function<bool()>& holds, std::int64_t ms_max = 20'000);

  // --- shorthands ---
  // Every group has one leader that decides, and every box that is up knows it.
  bool settled();
  // The box that decides for the group; 0 if none does.
  int leader(GroupId group);
  // Asks box b and runs until the answer is there; throws after its deadline and 1 s.
  const node::Answer& ask(int b, node::Operation operation, const node::Asking& asking = {});
  // Gives the box an input and takes what it has to send.
  void give(int b, node::Input input);
  node::RequestId request(int b, node::Operation operation, const node::Asking& asking = {});
  // A read of the run through box b: its tables, after a barrier.
  const engine::Run* read(int b, const std::string& run);
  void deploy(int b, std::string_view toml);

  // "" if all boxes that are up agree on every run of every group as far as both have applied it:
  // equal hashes at equal indexes. Call when all have caught up.
  std::string differences();
  // Chained over everything that was delivered and answered: equal seeds give equal traces.
  std::uint64_t trace() const { return trace_; }

  // Hears of every frame a box sends, before the network has it. May be empty.
  std::function<void(int from, const node::OutgoingFrame& frame)> tap;
  // Frames it says no to are lost. May be empty.
  std::function<bool(int from, const node::OutgoingFrame& frame)> filter;
  FleetOptions options;
  std::int64_t now_ms = 0;

 private:
  struct Packet {
    int from = 0, to = 0;
    codecs::FrameKind kind = codecs::FrameKind::kNone;
    std::string payload;
  };
  struct Faults {
    std::int64_t disk_done_ms = 0;
    bool disk_stalled = false;
    bool frozen = false;
    std::int64_t drift_ppm = 0;
    std::int64_t drift_rest = 0;  // millionths of a millisecond
    std::uint64_t boots = 0;
    std::vector<Packet> inbox;  // what came while it was frozen
  };
  // What a cold thread is about to read.
  struct ColdRead {
    int box = 0;
    std::uint64_t boot = 0;
    std::variant<node::LoadRun, node::ReadEntries, node::SnapshotWork> wanted;
  };

  Faults& faults(int b) { return faults_[static_cast<std::size_t>(b - 1)]; }
  const Faults& faults(int b) const { return faults_[static_cast<std::size_t>(b - 1)]; }
  void arrive(const Packet& packet);
  void read_cold(int b);
  void disk_turn(int b);
  void clock_turn(int b);
  void tell_round_trips();
  void collect(int b);
  void deliver();
  void update_links();
  bool reachable(int a, int b);
  bool knows(int a, int b);
  std::unique_ptr<node::Host> make_box(int b, const std::vector<NodeId>& founders);

  Random chance_;
  Random stores_{options.seed + 1};  // the ids of stores
  std::vector<NodeId> founders_;
  std::vector<std::unique_ptr<node::Host>> boxes_;
  std::vector<Faults> faults_;
  std::set<std::pair<int, int>> cuts_, mutes_;
  std::multimap<std::int64_t, ColdRead> cold_;   // by when they are done
  std::multimap<std::int64_t, Packet> packets_;  // by when they arrive
  std::uint64_t trace_ = 0;
};

}  // namespace pawl::sim
