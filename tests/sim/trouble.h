// A fleet of three boxes, one of which is in trouble at a time: it crashes, is killed, is cut off,
// or hands a leadership over. A majority stays.
#pragma once

#include <set>
#include <string>

#include "tests/sim/fleet.h"

namespace pawl::sim {

inline FleetOptions troubled_options(std::uint64_t seed) {
  FleetOptions options;
  options.seed = seed;
  options.run_groups = 4;
  options.loss = 0.03;
  options.repeat = 0.03;
  options.delay_ms_max = 10;
  options.late = 0.02;
  options.late_ms_max = 500;
  options.disk_ms_max = 5;
  return options;
}

class Troubled {
 public:
  explicit Troubled(std::uint64_t seed) : chance(seed), fleet(troubled_options(seed)) {
    fleet.boot_all();
    fleet.run_until([&] { return fleet.settled(); }, 60'000);
    fleet.run(5'000);  // the boxes have told each other what they can read
  }

  // A box that is not down.
  int up() {
    for (;;) {
      const int b = static_cast<int>(chance.between(1, fleet.size()));
      if (!down_.contains(b)) return b;
    }
  }

  // Goes on for a moment; then something breaks, or what was broken is mended.
  void trouble() {
    fleet.run(chance.between(1, 1'500));
    const int b = static_cast<int>(chance.between(1, fleet.size()));
    if (!down_.empty()) {
      if (chance.chance(0.7)) fleet.boot(*down_.begin());
      if (fleet.box(*down_.begin()).up()) down_.clear();
      return;
    }
    if (cut_) {
      fleet.heal();
      cut_ = false;
      return;
    }
    switch (chance.below(4)) {
      case 0:
        fleet.crash(b);
        down_.insert(b);
        return;
      case 1:
        fleet.kill(b);
        down_.insert(b);
        return;
      case 2:
        fleet.cut_off(b);
        cut_ = true;
        return;
      default: {
        const GroupId group(static_cast<std::uint16_t>(chance.between(0, 4)));
        const int leader = fleet.leader(group);
        if (leader != 0 && leader != b) fleet.transfer(group, leader, b);
      }
    }
  }

  // All boxes are there and reach one another; false if no leaders come of it.
  bool mend() {
    fleet.heal();
    cut_ = false;
    for (const int b : down_) fleet.boot(b);
    down_.clear();
    return fleet.run_until([&] { return fleet.settled(); }, 120'000);
  }

  Random chance;
  Fleet fleet;

 private:
  std::set<int> down_;
  bool cut_ = false;
};

}  // namespace pawl::sim
