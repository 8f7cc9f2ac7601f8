// The cluster's boxes: the table of roster.h row by row, and their bytes.
#include <boost/test/unit_test.hpp>

#include "base/limits.h"
#include "engine/catalog.h"

namespace pawl::engine {
namespace {

Actor operator_on(std::uint64_t box) {
  Actor actor;
  actor.box = NodeId(box);
  actor.uid = 1000;
  actor.gids = {4, 27};
  return actor;
}

BoxesFounded founded(std::vector<std::uint64_t> boxes) {
  BoxesFounded e;
  for (const std::uint64_t box : boxes) e.boxes.push_back(NodeId(box));
  return e;
}
BoxAdded added(std::uint64_t box, bool promote = true) {
  return {NodeId(box), "10.0.0.9:7460", promote, TimeMs(10), operator_on(1)};
}
BoxPromoted promoted(std::uint64_t box) { return {NodeId(box), TimeMs(20), operator_on(2)}; }
BoxRemoved removed(std::uint64_t box) { return {NodeId(box), TimeMs(30), operator_on(3)}; }
BoxKnown known(std::uint64_t box, unsigned char first) {
  BoxKnown e;
  e.box = NodeId(box);
  e.store[0] = first;
  return e;
}

// By bytes and back, equal.
void check_bytes(const Catalog& catalog) {
  std::string bytes;
  catalog.encode(&bytes);
  Catalog again;
  BOOST_REQUIRE(again.decode(bytes));
  BOOST_CHECK(again == catalog);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    Catalog cut;
    if (cut.decode(bytes.substr(0, n))) BOOST_CHECK(!(cut == catalog));
  }
}

BOOST_AUTO_TEST_SUITE(roster)

BOOST_AUTO_TEST_CASE(founders_come_first_and_once) {
  Catalog catalog;
  BOOST_CHECK(!catalog.apply(added(4)));
  BOOST_CHECK(!catalog.apply(promoted(1)));
  BOOST_CHECK(!catalog.apply(known(1, 1)));
  for (const auto& bad : {founded({}), founded({0, 1}), founded({2, 1}), founded({1, 1}),
                          founded({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})}) {
    BOOST_CHECK(!catalog.apply(bad));
  }
  BOOST_CHECK(catalog.roster().boxes().empty());
  BOOST_CHECK(catalog.apply(founded({1, 2, 3})));
  BOOST_CHECK(!catalog.apply(founded({1, 2, 3})));
  BOOST_TEST(catalog.roster().with(BoxRole::voter).size() == 3U);
  BOOST_CHECK(catalog.roster().find(NodeId(2))->founder);
  BOOST_TEST(catalog.roster().changes() == 1U);
  check_bytes(catalog);
}

BOOST_AUTO_TEST_CASE(a_box_comes_gets_a_vote_and_goes_for_ever) {
  Catalog catalog;
  BOOST_REQUIRE(catalog.apply(founded({1, 2, 3})));
  BOOST_CHECK(!catalog.apply(added(2)));
  BOOST_CHECK(!catalog.apply(added(0)));
  BOOST_CHECK(catalog.apply(added(4)));
  BOOST_CHECK(!catalog.apply(added(4)));
  const RosterBox* box = catalog.roster().find(NodeId(4));
  BOOST_CHECK(box->role == BoxRole::learner && box->promote && !box->founder);
  BOOST_CHECK(catalog.apply(promoted(4)));
  BOOST_CHECK(!catalog.apply(promoted(4)));
  BOOST_CHECK(!catalog.apply(promoted(2)));
  BOOST_CHECK(catalog.roster().find(NodeId(4))->by == operator_on(2));
  BOOST_CHECK(catalog.apply(removed(1)));
  BOOST_CHECK(!catalog.apply(removed(1)));
  BOOST_CHECK(!catalog.apply(added(1)));
  BOOST_CHECK(!catalog.apply(promoted(1)));
  BOOST_CHECK(!catalog.apply(removed(7)));
  BOOST_CHECK(catalog.roster().with(BoxRole::voter) ==
              (std::vector<NodeId>{NodeId(2), NodeId(3), NodeId(4)}));
  check_bytes(catalog);
}

BOOST_AUTO_TEST_CASE(the_last_voter_stays) {
  Catalog catalog;
  BOOST_REQUIRE(catalog.apply(founded({1, 2})));
  BOOST_REQUIRE(catalog.apply(added(3)));
  BOOST_CHECK(catalog.apply(removed(1)));
  BOOST_CHECK(!catalog.apply(removed(2)));
  BOOST_CHECK(catalog.apply(promoted(3)));
  BOOST_CHECK(catalog.apply(removed(2)));
  check_bytes(catalog);
}

BOOST_AUTO_TEST_CASE(a_store_is_known_once) {
  Catalog catalog;
  BOOST_REQUIRE(catalog.apply(founded({1, 2})));
  BOOST_CHECK(catalog.apply(known(1, 7)));
  BOOST_CHECK(!catalog.apply(known(1, 7)));
  BOOST_CHECK(!catalog.apply(known(1, 8)));
  BOOST_CHECK(!catalog.apply(known(9, 8)));
  BOOST_CHECK(catalog.apply(removed(2)));
  BOOST_CHECK(!catalog.apply(known(2, 8)));
  BOOST_TEST(int{(*catalog.roster().find(NodeId(1))->store)[0]} == 7);
  check_bytes(catalog);
}

BOOST_AUTO_TEST_CASE(members_and_rows_are_bounded) {
  Catalog catalog;
  BOOST_REQUIRE(catalog.apply(founded({1, 2, 3, 4, 5, 6, 7, 8})));
  BOOST_CHECK(catalog.apply(added(9)));
  BOOST_CHECK(!catalog.apply(added(10)));
  BOOST_CHECK(catalog.apply(removed(9)));
  std::uint64_t next = 10;
  while (catalog.roster().boxes().size() < std::size_t{limits::kRosterBoxesMax}) {
    BOOST_REQUIRE(catalog.apply(added(next)));
    BOOST_REQUIRE(catalog.apply(removed(next)));
    ++next;
  }
  BOOST_CHECK(!catalog.apply(added(next)));
}

BOOST_AUTO_TEST_CASE(events_have_bytes) {
  const std::vector<CatalogEvent> events{founded({1, 5}), added(6, false), promoted(6), removed(5),
                                         known(6, 200)};
  std::string bytes;
  encode_catalog_events(events, &bytes);
  std::vector<CatalogEvent> again;
  BOOST_REQUIRE(decode_catalog_events(bytes, &again));
  BOOST_CHECK(again == events);
  for (std::size_t n = 1; n < bytes.size(); ++n) {
    std::vector<CatalogEvent> part;
    if (decode_catalog_events(bytes.substr(0, n), &part)) BOOST_TEST(part.size() < events.size());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
