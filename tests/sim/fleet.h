// Several boxes in one process and virtual time: a node::Host each (node, journal, a disk in
// memory), and a network between them that delays, reorders, loses, repeats and cuts. All chance
// comes from one seed: the same calls give the same trace.
//
// Time goes in steps of a millisecond. In each: packets that are due arrive, disks finish what they
// began long enough ago and begin what queued, nodes whose time has come are woken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/random.h"
#include "node/node.h"
#include "tests/node/host.h"

namespace pawl::sim {

struct FleetOptions {
  int boxes = 3;
  std::uint16_t run_groups = 3;
  std::uint64_t seed = 1;
  // Of every packet.
  double loss = 0;
  double repeat = 0;
  int delay_ms_max = 1;
  int disk_ms_max = 1;  // of every batch
};

class Fleet {
 public:
  explicit Fleet(const FleetOptions& options);

  // Boxes are numbered from 1, as their NodeIds.
  node::Host& box(int b) { return *boxes_[static_cast<std::size_t>(b - 1)]; }
  int size() const { return static_cast<int>(boxes_.size()); }

  void boot(int b);
  void boot_all();
  // Power loss.
  void crash(int b);
  // Packets from one to the other are lost from now on, or no longer.
  void cut(int from, int to, bool is_cut = true);
  void cut_off(int b);
  void heal();
  // The disk of a box finishes nothing until it is released.
  void stall_disk(int b, bool stalled);

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
  // A read of the run through box b: its tables, after a barrier.
  const engine::Run* read(int b, const std::string& run);
  void deploy(int b, std::string_view toml);

  // "" if all boxes that are up agree on every run of every group as far as both have applied it:
  // equal hashes at equal indexes. Call when all have caught up.
  std::string differences();
  // Chained over everything that was delivered and answered: equal seeds give equal traces.
  const Digest& trace() const { return trace_; }

  FleetOptions options;
  std::int64_t now_ms = 0;

 private:
  struct Packet {
    int from = 0, to = 0;
    codecs::FrameKind kind = codecs::FrameKind::kNone;
    std::string payload;
  };
  struct Disk {
    std::int64_t done_ms = 0;
    bool stalled = false;
  };

  void step();
  void collect(int b);
  void deliver();
  void update_links();
  bool reachable(int a, int b);

  Random chance_;
  std::vector<std::unique_ptr<node::Host>> boxes_;
  std::vector<Disk> disks_;
  std::set<std::pair<int, int>> cuts_;
  std::multimap<std::int64_t, Packet> packets_;  // by when they arrive
  Digest trace_{};
};

}  // namespace pawl::sim
