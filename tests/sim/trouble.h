// A fleet of three boxes, one of which is in trouble at a time: it crashes, is killed, is cut off,
// or hands a leadership over. A majority stays.
#pragma once

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "tests/sim/fleet.h"

namespace pawl::sim {

inline FleetOptions troubled_options(std::uint64_t seed, std::uint16_t run_groups = 4) {
  FleetOptions options;
  options.seed = seed;
  options.run_groups = run_groups;
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
  explicit Troubled(const FleetOptions& options) : chance(options.seed), fleet(options) {
    fleet.boot_all();
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }, 60'000));
    fleet.run(5'000);  // the boxes have told each other what they can read
  }

  // A box that is not down.
  int up() {
    for (;;) {
      const int b = static_cast<int>(chance.between(1, fleet.size()));
      if (!down_.contains(b)) return b;
    }
  }

  // Asks for what `operation` makes of the box, again under its key, until it is done; its body.
  template <class Make>
  std::string demand(const std::string& key, Make operation) {
    node::Asking asking;
    asking.key = asking.body = key;
    std::string last;
    for (int tries = 0; tries < 50; ++tries) {
      const int b = up();
      const auto& answer = fleet.ask(b, operation(b), asking);
      if (answer.status < 300) return answer.body;
      last = answer.body;
      fleet.run(200);
    }
    BOOST_FAIL("no answer to " + key + ": " + last);
    return "";
  }

  // Goes on for a moment; then something breaks, or what was broken is mended.
  void trouble(std::int64_t ms_max = 1'500) {
    fleet.run(chance.between(1, ms_max));
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
        const GroupId group(
            static_cast<std::uint16_t>(chance.between(0, fleet.options.run_groups)));
        const int leader = fleet.leader(group);
        if (leader != 0 && leader != b) fleet.transfer(group, leader, b);
      }
    }
  }

  // All boxes are there and reach one another, and groups have leaders.
  void mend() {
    fleet.heal();
    cut_ = false;
    for (const int b : down_) fleet.boot(b);
    down_.clear();
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }, 120'000));
  }

  Random chance;
  Fleet fleet;

 private:
  std::set<int> down_;
  bool cut_ = false;
};

}  // namespace pawl::sim
