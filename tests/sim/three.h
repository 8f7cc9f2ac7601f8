// Three boxes that are up and agree, for the tests of named stories.
#pragma once

#include <boost/test/unit_test.hpp>

#include "tests/sim/fleet.h"

namespace pawl::sim {

struct Three : Fleet {
  explicit Three(FleetOptions fleet = {}) : Fleet(fleet) {
    boot_all();
    BOOST_REQUIRE(run_until([&] { return settled(); }));
  }
  void lead(GroupId group, int b) {
    if (leader(group) != b) transfer(group, leader(group), b);
    BOOST_REQUIRE(run_until([&] { return leader(group) == b && settled(); }));
  }
  // Nothing reaches box b any more, and its clock stands still: what it leads it leads for ever, as
  // far as it knows. Others follow it up meanwhile.
  void stop_time(int b) {
    for (int other = 1; other <= size(); ++other) {
      if (other == b) continue;
      mute(other, b);
      mute(b, other);
    }
    freeze(b, true);
    stopped_ = b;
    stopped_mono_ms_ = box(b).now.mono_ms;
  }
  // The stopped box is asked something now, while it knows of nothing that came after.
  void wake_in_the_past() { box(stopped_).now.mono_ms = stopped_mono_ms_; }
  void resume_time() {
    freeze(stopped_, false);
    heal();
  }

 private:
  int stopped_ = 0;
  std::int64_t stopped_mono_ms_ = 0;
};

}  // namespace pawl::sim
