// A durable subscription while boxes crash, are cut off and hand their leaderships over, runs are
// forgotten as soon as may be and journals given up: who reads behind what is acknowledged, on any
// box, finds every event, or is told that the subscription is lost (node/subscriptions.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/limits_subscriptions.h"
#include "codecs/entry.h"
#include "tests/node/definitions.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

constexpr std::uint16_t kGroups = 3;
constexpr char kName[] = "out";

class Reading {
 public:
  Reading(std::uint64_t seed, std::int64_t max_lag_ms)
      : troubled_(options(seed)), max_lag_ms_(max_lag_ms) {
    fleet_.deploy(1, node::with_id("w", "[retention]\nclosed = \"2s\"\n"));
    work(3);
    ask("put", [&](int b) {
      BOOST_REQUIRE(read_all(b));
      return node::PutSubscription{kName, false, {}, here(b), max_lag_ms_};
    });
    BOOST_REQUIRE(read_all(1));
    acked_ = known(1)->next;
  }

  // Reads with every box in turn; acknowledges what it has read, if at all.
  void run(bool acks) {
    for (int i = 0; i < 30; ++i) {
      if (chance_.chance(0.2)) give_up(troubled_.up());
      troubled_.trouble(2'500);
      work(static_cast<int>(chance_.between(0, 2)));
      if (chance_.chance(0.5)) read(troubled_.up());
      if (acks && chance_.chance(0.3)) ack();
    }
    troubled_.mend();
    for (int b = 1; b <= fleet_.size(); ++b) read(b);
    if (!acks) {
      fleet_.run(2 * max_lag_ms_);
      BOOST_TEST(lost());
      return;
    }
    BOOST_TEST(!lost());
    ack();
    // Nothing is held any more: what is over is forgotten.
    fleet_.run(3 * limits::kHeldAgainMs);
    BOOST_TEST(runs() == 0u);
    BOOST_TEST(seen_.size() > 20u);
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
  }
  std::size_t reads() const { return reads_; }

 private:
  static FleetOptions options(std::uint64_t seed) {
    FleetOptions options = troubled_options(seed, kGroups);
    options.keep_closed_ms = 2'000;
    return options;
  }
  template <class Change>
  void ask(const std::string& name, Change change) {
    troubled_.demand(absl::StrCat(name, ++asked_), [&](int b) -> node::Operation {
      if constexpr (std::is_convertible_v<decltype(change(b)), node::Operation>) {
        return change(b);
      } else {
        return node::ChangeSubscription{change(b)};
      }
    });
  }
  bool read_all(int b) {
    const node::RequestId id = fleet_.request(b, node::Barrier{});
    return fleet_.run_until([&] { return fleet_.box(b).reads.contains(id); }, 5'000);
  }
  engine::EventPlace here(int b) {
    engine::EventPlace place;
    for (std::uint16_t g = 0; g <= kGroups; ++g) {
      place.push_back(fleet_.box(b).node->group(GroupId(g)).applied().next());
    }
    return place;
  }
  const engine::Subscription* known(int b) {
    return fleet_.box(b).node->catalog().subscriptions().find(kName);
  }
  bool lost() {
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (fleet_.box(b).up() && known(b) != nullptr && known(b)->lost_at) return true;
    }
    return false;
  }
  std::size_t runs() {
    std::size_t count = 0;
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      count += fleet_.box(1).node->group(GroupId(g)).tables().run_count();
    }
    return count;
  }

  // Runs that begin and end, and are soon to be forgotten.
  void work(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string run = absl::StrCat("r", ++started_);
      ask("start", [&](int) { return node::start_of(run); });
      ask("stop", [&](int) { return node::signal_of(run, "stop"); });
    }
  }

  // What the daemon does (daemon/feed_events): from the acknowledged place to what is applied.
  void read(int b) {
    if (!read_all(b)) return;
    const engine::Subscription* subscription = known(b);
    BOOST_REQUIRE(subscription != nullptr);
    if (subscription->lost_at) return;
    ++reads_;
    const engine::EventPlace begun = subscription->begun.whole;
    engine::EventPlace next = subscription->next;
    node::Host& box = fleet_.box(b);
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      const node::Group& group = box.node->group(GroupId(g));
      const Index through = std::min(group.applied(), group.raft().durable());
      if (through < next[g]) continue;
      const node::EntriesLoaded loaded = box.load(node::ReadEntries{GroupId(g), next[g], through});
      BOOST_TEST(loaded.payloads.size() == through.v - next[g].v + 1, "given up too early");
      for (const std::string& payload : loaded.payloads) {
        take(group, next[g], payload, begun[g]);
        next[g] = next[g].next();
      }
    }
    next[0] = group_zero(b);
    // Each box has its own idea of how far it is; what was read is what may be acknowledged.
    read_ = read_.empty() ? next : engine::later_of(read_, next);
    acked_ = engine::later_of(acked_, known(b)->next);
  }
  Index group_zero(int b) { return fleet_.box(b).node->group(GroupId(0)).applied().next(); }
  void take(const node::Group& group, Index index, const std::string& payload, Index whole) {
    if (payload.empty()) return;
    codecs::Entry entry;
    std::string error;
    BOOST_REQUIRE(codecs::decode_entry(payload, &entry, &error));
    if (entry.run.v == 0 || entry.events.empty()) return;
    const bool kept = group.tables().runs().contains(entry.run) &&
                      index >= group.tables().generations().oldest_entry(entry.run);
    if (index >= whole) BOOST_TEST(kept, "forgotten too early");
    seen_.insert({group.id(), index});
  }
  void ack() {
    if (read_.empty()) return;
    ask("ack", [&](int) { return node::AckSubscription{kName, read_}; });
    acked_ = engine::later_of(acked_, read_);
    BOOST_REQUIRE(fleet_.run_until([&] { return known_somewhere(); }, 60'000));
  }
  // An answer was given, so the place is committed; and it never goes back.
  bool known_somewhere() {
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (!fleet_.box(b).up() || known(b) == nullptr) continue;
      const auto& next = known(b)->next;
      bool there = true;
      for (std::uint16_t g = 1; g <= kGroups; ++g) there = there && next[g] >= acked_[g];
      if (there) return true;
    }
    return false;
  }

  // Snapshots, and away with what nothing needs.
  void give_up(int b) {
    node::Host& box = fleet_.box(b);
    for (std::uint16_t g = 0; g <= kGroups; ++g) {
      const auto& group = box.node->group(GroupId(g));
      if (group.raft().durable() < group.applied()) continue;
      box.keep_snapshot(node::snapshot_of(box.node.get(), GroupId(g)));
    }
    box.give_up_segments();
  }
  Troubled troubled_;
  Random& chance_ = troubled_.chance;
  Fleet& fleet_ = troubled_.fleet;
  std::int64_t max_lag_ms_;
  int started_ = 0, asked_ = 0;
  std::size_t reads_ = 0;
  engine::EventPlace read_, acked_;
  std::set<std::pair<GroupId, Index>> seen_;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 10 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(subscriptions)

BOOST_AUTO_TEST_CASE(nothing_is_missed) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Reading reading(static_cast<std::uint64_t>(seed), limits::kSubscriptionLagMsDefault);
      reading.run(/*acks=*/true);
      BOOST_TEST(reading.reads() > 3u);
    }
  }
}

BOOST_AUTO_TEST_CASE(who_never_acknowledges_is_lost_and_not_before) {
  for (int seed = 1; seed <= seeds() / 2; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Reading(static_cast<std::uint64_t>(seed), 600'000).run(/*acks=*/false);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
