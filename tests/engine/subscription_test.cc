// Durable subscriptions: what the catalog folds of them, and their bytes.
#include <boost/test/unit_test.hpp>

#include "base/limits_subscriptions.h"
#include "tests/engine/catalog_check.h"

namespace pawl::engine {
namespace {

EventPlace place(std::initializer_list<std::uint64_t> indexes) {
  EventPlace out;
  for (const std::uint64_t index : indexes) out.emplace_back(index);
  return out;
}

CatalogEvent put_of(const std::string& name, EventPlace next) {
  return SubscriptionEvent(
      SubscriptionPut{name, next, place({9, 9, 9}), 5'000, TimeMs(10), Actor{NodeId(1), 5, {6}}});
}
CatalogEvent ack_of(const std::string& name, EventPlace next, std::int64_t at = 20) {
  return SubscriptionEvent(SubscriptionAcked{name, std::move(next), TimeMs(at)});
}
CatalogEvent lost_of(const std::string& name) {
  return SubscriptionEvent(SubscriptionLost{name, TimeMs(30)});
}
CatalogEvent delete_of(const std::string& name) {
  return SubscriptionEvent(SubscriptionDeleted{name, TimeMs(40), Actor{NodeId(1), 5, {6}}});
}

BOOST_AUTO_TEST_SUITE(subscriptions)

BOOST_AUTO_TEST_CASE(it_goes_on_and_never_back) {
  Catalog catalog;
  const SubscriptionBook& book = catalog.subscriptions();
  BOOST_CHECK(!catalog.apply(ack_of("out", place({1, 1, 1}))));
  BOOST_CHECK(!catalog.apply(put_of("", place({1, 1, 1}))));
  BOOST_CHECK(!catalog.apply(put_of("out", place({1, 1}))));  // of other groups than `whole`
  BOOST_CHECK(!book.held_from(GroupId(1)));
  BOOST_CHECK(catalog.apply(put_of("out", place({1, 5, 7}))));
  BOOST_CHECK(book.held_from(GroupId(1)) == Index(5));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(ack_of("out", place({1, 8, 7}))));
  BOOST_CHECK(!catalog.apply(ack_of("out", place({1, 7, 9}))));  // back in a group
  BOOST_CHECK(!catalog.apply(ack_of("out", place({1, 9}))));
  BOOST_CHECK(catalog.apply(ack_of("out", place({1, 8, 7}), 25)));  // it is there still
  BOOST_CHECK(book.find("out")->acked_at == TimeMs(25));
  BOOST_CHECK(catalog.apply(put_of("other", place({1, 6, 100}))));
  BOOST_CHECK(book.held_from(GroupId(1)) == Index(6));
  BOOST_CHECK(book.held_from(GroupId(2)) == Index(7));
  BOOST_CHECK(!book.held_from(GroupId(3)));
  check_catalog(catalog);
  BOOST_CHECK(later_of(place({1, 9, 2}), place({3, 4, 5})) == place({3, 9, 5}));
}

BOOST_AUTO_TEST_CASE(a_lost_one_holds_nothing_until_it_begins_anew) {
  Catalog catalog;
  const SubscriptionBook& book = catalog.subscriptions();
  BOOST_CHECK(!catalog.apply(lost_of("out")));
  BOOST_CHECK(catalog.apply(put_of("out", place({1, 5, 7}))));
  BOOST_CHECK(catalog.apply(lost_of("out")));
  BOOST_CHECK(!catalog.apply(lost_of("out")));
  BOOST_CHECK(!catalog.apply(ack_of("out", place({1, 6, 7}))));
  BOOST_CHECK(!book.held_from(GroupId(1)));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(put_of("out", place({1, 50, 70}))));
  BOOST_CHECK(!book.find("out")->lost_at);
  BOOST_CHECK(book.held_from(GroupId(1)) == Index(50));
  check_catalog(catalog);
  BOOST_CHECK(catalog.apply(delete_of("out")));
  BOOST_CHECK(!catalog.apply(delete_of("out")));
  BOOST_CHECK(catalog == Catalog());
}

BOOST_AUTO_TEST_CASE(so_many_there_may_be) {
  Catalog catalog;
  for (std::size_t i = 0; i < limits::kSubscriptionsMax; ++i) {
    BOOST_REQUIRE(catalog.apply(put_of("s" + std::to_string(i), place({1, 1, 1}))));
  }
  BOOST_CHECK(!catalog.apply(put_of("one more", place({1, 1, 1}))));
  BOOST_CHECK(catalog.apply(put_of("s3", place({2, 2, 2}))));  // anew
}

BOOST_AUTO_TEST_CASE(events_have_one_form_and_damaged_ones_are_refused) {
  const std::vector<CatalogEvent> events = {
      put_of("a", place({1, 2, 3})), ack_of("a", place({1, 2, 300})), lost_of("a"), delete_of("a")};
  std::string bytes;
  encode_catalog_events(events, &bytes);
  std::vector<CatalogEvent> decoded;
  BOOST_REQUIRE(decode_catalog_events(bytes, &decoded));
  BOOST_CHECK(decoded == events);
  // The stored form: kind, name, place, time. It never changes.
  std::string one;
  encode_catalog_events({ack_of("a", place({1, 2, 300}))}, &one);
  BOOST_CHECK_EQUAL(one, std::string("\x1a\x01"
                                     "a\x03\x01\x02\xac\x02\x28"));
  for (const CatalogEvent& event : events) {
    std::string whole;
    encode_catalog_events({event}, &whole);
    for (std::size_t n = 1; n < whole.size(); ++n) {
      std::vector<CatalogEvent> none;
      BOOST_CHECK(!decode_catalog_events(whole.substr(0, n), &none));
    }
  }
  std::vector<CatalogEvent> none;
  BOOST_CHECK(!decode_catalog_events("\x1d", &none));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
