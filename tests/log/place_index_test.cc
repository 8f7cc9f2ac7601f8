// The sparse index against a plain map, under random appends and truncations.
#include "log/place_index.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "base/limits.h"
#include "base/random.h"

namespace pawl::log {
namespace {

struct Frame {
  Place place;
  std::uint16_t group;
  std::uint64_t first;
  std::uint64_t count;
};

bool inside(const Place& frame, const Place& extent) {
  return frame.segment == extent.segment && frame.offset >= extent.offset &&
         frame.offset + frame.bytes <= extent.offset + extent.bytes;
}

BOOST_AUTO_TEST_CASE(agrees_with_a_map) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    PlaceIndex index;
    std::map<std::uint16_t, std::map<std::uint64_t, Place>> model;
    std::uint64_t segment = 1;
    std::uint32_t offset = 64;
    for (int i = 0; i < 2000; ++i) {
      const auto group = static_cast<std::uint16_t>(random.below(3));
      auto& entries = model[group];
      const std::uint64_t last = entries.empty() ? 0 : entries.rbegin()->first;
      std::uint64_t first = last + 1;
      if (last > 30 && random.chance(0.1)) first = last - random.below(30);
      const std::uint64_t count = 1 + random.below(4);
      const Place frame{segment, offset, static_cast<std::uint32_t>(100 + random.below(9000))};
      index.note(GroupId(group), Index(first), count, frame, frame.bytes);
      entries.erase(entries.lower_bound(first), entries.end());
      for (std::uint64_t k = 0; k < count; ++k) entries[first + k] = frame;
      offset += frame.bytes;
      if (offset > 200'000) {
        ++segment;
        offset = 64;
      }
    }
    const std::uint64_t dropped = seed % 2 == 0 ? 0 : segment / 2;
    index.drop_before(dropped);
    for (const auto& [group, entries] : model) {
      BOOST_TEST(index.last(GroupId(group)).v == entries.rbegin()->first);
      BOOST_TEST(!index.find(GroupId(group), Index(entries.rbegin()->first + 1)).has_value());
      for (const auto& [number, frame] : entries) {
        const auto found = index.find(GroupId(group), Index(number));
        if (frame.segment < dropped) {
          BOOST_REQUIRE(!found.has_value());
          continue;
        }
        BOOST_REQUIRE(found.has_value());
        BOOST_REQUIRE(inside(frame, *found));
        BOOST_REQUIRE(found->bytes <= limits::kIndexExtentBytes);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_that_is_left) {
  PlaceIndex index;
  BOOST_TEST((index.first(GroupId(1)) == Index(1)));
  index.note(GroupId(1), Index(1), 10, Place{1, 64, 400}, 100);
  index.note(GroupId(1), Index(11), 5, Place{2, 64, 400}, 100);
  BOOST_TEST((index.first(GroupId(1)) == Index(1)));
  BOOST_TEST((index.first(GroupId(9)) == Index(1)));
  index.drop_before(2);
  BOOST_TEST((index.first(GroupId(1)) == Index(11)));
  index.drop_before(3);
  BOOST_TEST((index.first(GroupId(1)) == Index(16)));
}

BOOST_AUTO_TEST_CASE(is_small) {
  PlaceIndex index;
  std::uint32_t offset = 64;
  for (std::uint64_t i = 1; i <= 40'000; ++i) {
    index.note(GroupId(static_cast<std::uint16_t>(i % 8)), Index(1 + i / 8), 1,
               Place{1, offset, 400}, 400);
    offset += 400;
  }
  BOOST_TEST(index.bytes() < offset / 100);
  BOOST_TEST(!index.find(GroupId(60), Index(1)).has_value());
}

BOOST_AUTO_TEST_CASE(a_large_frame_is_an_extent_of_its_own) {
  PlaceIndex index;
  index.note(GroupId(1), Index(1), 10, Place{1, 64, 1'000'000}, 1'000'000);
  index.note(GroupId(1), Index(11), 1, Place{1, 1'000'064, 100}, 100);
  BOOST_TEST((index.find(GroupId(1), Index(10)) == Place{1, 64, 1'000'000}));
  BOOST_TEST((index.find(GroupId(1), Index(11)) == Place{1, 1'000'064, 100}));
}

}  // namespace
}  // namespace pawl::log
