// Durable subscriptions on one box: acknowledgements are few entries, what is not acknowledged is
// held, and who lags for too long is lost (node/subscriptions.h).
#include <boost/test/unit_test.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits_subscriptions.h"
#include "tests/node/definitions.h"
#include "tests/node/small_host.h"

namespace pawl::node {
namespace {

constexpr std::int64_t kHour = 3'600'000;

struct FeedHost : Host {
  explicit FeedHost(std::uint64_t seed = 1) : Host(2, seed) {
    boot();
    deploy(kCounter);
    deploy(with_id("short", "[retention]\nclosed = \"100s\"\n"));
  }
  engine::EventPlace here() const {
    engine::EventPlace place;
    for (std::uint16_t g = 0; g < node->group_count(); ++g) {
      place.push_back(node->group(GroupId(g)).applied().next());
    }
    return place;
  }
  RequestId change(std::variant<PutSubscription, AckSubscription, DeleteSubscription> wanted,
                   const Asking& asking = {}) {
    const RequestId id = ask(ChangeSubscription{std::move(wanted)}, asking);
    drain();
    return id;
  }
  PutSubscription put_of(std::optional<std::int64_t> max_lag_ms = {}) const {
    return {"out", false, {}, here(), max_lag_ms};
  }
  const engine::Subscription* known() const { return node->catalog().subscriptions().find("out"); }
  bool is_there(const std::string& id) const {
    GroupId group;
    return node->find(RunRef{id, std::nullopt}, &group) != nullptr;
  }
};

BOOST_AUTO_TEST_SUITE(subscriptions)

BOOST_AUTO_TEST_CASE(it_is_made_acknowledged_and_deleted) {
  FeedHost host;
  BOOST_TEST(host.type(host.change(AckSubscription{"out", host.here()})) == "subscription-unknown");
  const RequestId made = host.change(host.put_of());
  BOOST_TEST(host.status(made) == 201);
  BOOST_TEST(host.member(made, "status").as_string() == "kept");
  BOOST_TEST(host.member(made, "max_lag").as_string() == "604800s");
  const engine::EventPlace begun = host.known()->next;
  BOOST_TEST(host.status(host.change(host.put_of())) == 200);
  host.start("r");
  BOOST_TEST(host.status(host.change(host.put_of())) == 200);
  BOOST_CHECK(host.known()->next == begun);  // it stays where it is
  const engine::EventPlace next = host.here();
  const RequestId acked = host.change(AckSubscription{"out", next});
  BOOST_TEST(host.status(acked) == 200);
  BOOST_CHECK(host.known()->next == next);
  BOOST_TEST(host.status(host.change(AckSubscription{"out", begun})) == 200);  // an old one
  BOOST_CHECK(host.known()->next == next);
  host.crash();
  host.boot();
  BOOST_CHECK(host.known()->next == next);
  BOOST_TEST(host.type(host.change(AckSubscription{"out", {Index(1)}})) == "bad-field");
  BOOST_TEST(host.status(host.change(DeleteSubscription{"out"})) == 200);
  BOOST_TEST(host.status(host.change(DeleteSubscription{"out"})) == 404);
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(acknowledgements_that_come_close_are_one_entry) {
  FeedHost host;
  host.change(host.put_of());
  for (int i = 50; i < 60; ++i) host.start(absl::StrCat("r", i));  // group 0 hears of the versions
  std::vector<RequestId> acks;
  const Index before = host.node->group(GroupId(0)).applied();
  engine::EventPlace last;
  for (int i = 0; i < 50; ++i) {
    host.start(absl::StrCat("r", i));
    last = host.here();
    acks.push_back(
        host.ask(ChangeSubscription{AckSubscription{"out", last}}, {.key = absl::StrCat("k", i)}));
    host.drain();
    host.advance(20);
  }
  host.advance(2 * limits::kAcksMs);
  for (const RequestId id : acks) BOOST_TEST(host.status(id) == 200);
  BOOST_TEST(host.node->group(GroupId(0)).applied().v - before.v <= 3u);
  BOOST_CHECK(host.known()->next == last);
  // Each is known by its key all the same.
  const RequestId again = host.change(AckSubscription{"out", last}, {.key = "k7"});
  BOOST_TEST(host.answer(again).body == host.answer(acks[7]).body);
}

BOOST_AUTO_TEST_CASE(what_is_not_acknowledged_is_not_forgotten) {
  FeedHost host;
  host.start("before", "short");
  host.signal("before", "stop");
  host.change(host.put_of());
  host.start("after", "short");
  host.signal("after", "stop");
  host.advance(600'000);
  BOOST_TEST(!host.is_there("before"));
  BOOST_TEST(host.is_there("after"));
  host.change(AckSubscription{"out", host.here()});
  host.advance(2 * limits::kHeldAgainMs);
  BOOST_TEST(!host.is_there("after"));
  host.start("last", "short");
  host.signal("last", "stop");
  host.advance(600'000);
  BOOST_TEST(host.is_there("last"));
  host.change(DeleteSubscription{"out"});
  host.advance(2 * limits::kHeldAgainMs);
  BOOST_TEST(!host.is_there("last"));
}

BOOST_AUTO_TEST_CASE(who_lags_for_too_long_is_lost) {
  FeedHost host;
  host.change(host.put_of(8 * kHour));
  host.start("r", "short");
  host.signal("r", "stop");
  host.advance(7 * kHour);
  BOOST_REQUIRE(host.known() != nullptr);
  BOOST_TEST(!host.known()->lost_at.has_value());
  BOOST_TEST(host.is_there("r"));
  host.advance(2 * kHour);
  BOOST_TEST(host.known()->lost_at.has_value());
  BOOST_TEST(!host.is_there("r"));
  const RequestId refused = host.change(AckSubscription{"out", host.here()});
  BOOST_TEST(host.status(refused) == 410);
  BOOST_TEST(host.type(refused) == "subscription-lost");
  BOOST_TEST(host.status(host.change(host.put_of())) == 409);
  PutSubscription anew{"out", true, host.here(), host.here(), {}};
  BOOST_TEST(host.status(host.change(anew)) == 200);
  BOOST_TEST(!host.known()->lost_at.has_value());
  BOOST_TEST(host.known()->begun.max_lag_ms == 8 * kHour);
}

BOOST_AUTO_TEST_CASE(who_is_at_the_end_is_never_lost) {
  FeedHost host;
  host.change(host.put_of(8 * kHour));
  host.start("r");
  host.change(AckSubscription{"out", host.here()});
  const Index before = host.node->group(GroupId(0)).applied();
  host.advance(50 * kHour);
  BOOST_TEST(!host.known()->lost_at.has_value());
  BOOST_TEST(host.node->group(GroupId(0)).applied().v - before.v <= 55u);
  // From the last time that is known of: an eighth of max_lag is given away at most.
  host.signal("r", "stop");
  host.advance(6 * kHour);
  BOOST_TEST(!host.known()->lost_at.has_value());
  host.advance(3 * kHour);
  BOOST_TEST(host.known()->lost_at.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_not_acknowledged_stays_in_the_journal) {
  SmallHost host;
  engine::EventPlace place;
  for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
    place.push_back(host.node->group(GroupId(g)).applied().next());
  }
  host.ask(ChangeSubscription{PutSubscription{"out", false, {}, place, {}}});
  host.drain();
  const std::uint64_t begun = host.journal->current_segment();
  for (int i = 0; i < 12; ++i) host.fill(absl::StrCat("r", i), "short");
  for (int i = 0; i < 12; ++i) host.signal(absl::StrCat("r", i), "stop");
  host.advance(60'000);
  host.take_snapshots();
  BOOST_TEST(host.journal->current_segment() > begun + 3);
  BOOST_TEST(host.needed() <= begun);
  for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
    place[g] = host.node->group(GroupId(g)).applied().next();
  }
  host.ask(ChangeSubscription{AckSubscription{"out", place}});
  host.drain();
  host.advance(3 * limits::kHeldAgainMs);
  host.take_snapshots();
  BOOST_TEST(host.needed() > begun + 3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
