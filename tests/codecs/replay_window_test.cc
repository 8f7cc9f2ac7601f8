// The window against a plain set of what was seen.
#include "codecs/replay_window.h"

#include <boost/test/unit_test.hpp>
#include <set>

#include "base/random.h"

namespace pawl::codecs {
namespace {

constexpr std::uint64_t kWindow = limits::kReplayWindowDatagrams;

BOOST_AUTO_TEST_SUITE(replay_window)

BOOST_AUTO_TEST_CASE(each_counter_once) {
  ReplayWindow window;
  BOOST_TEST(!window.take(0));
  BOOST_TEST(window.take(1));
  BOOST_TEST(!window.take(1));
  BOOST_TEST(window.take(kWindow));
  BOOST_TEST(window.take(2));
  BOOST_TEST(!window.take(2));
  BOOST_TEST(window.highest() == kWindow);
}

BOOST_AUTO_TEST_CASE(a_thousand_and_twenty_four_late) {
  for (const std::uint64_t top : {kWindow, kWindow + 1, kWindow + 63, kWindow + 64, 5 * kWindow}) {
    ReplayWindow window;
    BOOST_TEST(window.take(top));
    for (std::uint64_t late = 1; late < kWindow; ++late) {
      BOOST_REQUIRE_MESSAGE(top <= late || window.take(top - late), late << " late");
      BOOST_REQUIRE_MESSAGE(!window.take(top - late), late << " late, twice");
    }
    BOOST_TEST(!window.take(top - kWindow));
  }
}

BOOST_AUTO_TEST_CASE(the_largest_counters) {
  ReplayWindow window;
  BOOST_TEST(window.take(1));
  BOOST_TEST(window.take(UINT64_MAX));
  BOOST_TEST(!window.take(UINT64_MAX));
  BOOST_TEST(window.take(UINT64_MAX - 1));
  BOOST_TEST(!window.take(1));
}

BOOST_AUTO_TEST_CASE(as_a_set_would) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 0;
    for (int i = 0; i < 20'000; ++i) {
      // Mostly near the top, at times far ahead or far behind.
      const std::uint64_t ahead = random.chance(0.01) ? random.below(3 * kWindow) : random.below(8);
      const std::uint64_t behind = random.below(random.chance(0.1) ? 2 * kWindow : 100);
      const std::uint64_t counter = highest + ahead - std::min(behind, highest + ahead);
      const bool late = counter <= highest && highest - counter >= kWindow;
      const bool expected = counter > 0 && !late && seen.count(counter) == 0;
      BOOST_REQUIRE_MESSAGE(window.take(counter) == expected,
                            "seed " << seed << ", counter " << counter << " of " << highest);
      if (expected) seen.insert(counter);
      if (expected) highest = std::max(highest, counter);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::codecs
