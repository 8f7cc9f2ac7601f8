// Limits and their permits: what the rows hold of every limit, whatever is asked and given back, in
// whatever order.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <vector>

#include "base/limits_permits.h"
#include "base/random.h"
#include "engine/decide_limits.h"

namespace pawl::engine {
namespace {

using What = LimitChange::What;

PermitAsk ask_of(std::uint32_t number, std::uint32_t concurrency, std::uint32_t rate = 0,
                 std::int64_t window_ms = 0, std::int64_t priority = 3) {
  return {{RunUid{GroupId(1), Index(7)}, number}, concurrency, rate, window_ms, priority, "r"};
}

// A group's rows, changed as its leader changes them.
struct Keeper {
  LimitRows rows;
  TimeMs now{1'000'000};

  std::vector<LimitChange> apply(const LimitDecision& decision) {
    for (const LimitChange& change : decision.changes()) {
      BOOST_REQUIRE(rows.apply(change, now));
    }
    check();
    return decision.changes();
  }
  PermitState ask(const LimitName& limit, const PermitAsk& ask) {
    LimitDecision decision(rows, now);
    const PermitState state = decision.ask(limit, ask);
    apply(decision);
    return state;
  }
  // Whom it grants permits.
  std::vector<std::uint32_t> give_back(const LimitName& limit, std::uint32_t number) {
    LimitDecision decision(rows, now);
    decision.give_back(limit, ask_of(number, 0).permit);
    return granted(apply(decision));
  }
  std::vector<std::uint32_t> pass(std::int64_t ms) {
    now = TimeMs(now.v + ms);
    LimitDecision decision(rows, now);
    decision.grant_due(1000);
    return granted(apply(decision));
  }
  static std::vector<std::uint32_t> granted(const std::vector<LimitChange>& changes) {
    std::vector<std::uint32_t> numbers;
    for (const LimitChange& change : changes) {
      if (change.what == What::granted) numbers.push_back(change.ask.permit.number);
    }
    return numbers;
  }
  // A snapshot gives the same rows, indexes included.
  void check() {
    std::string bytes, again, changes;
    rows.encode(&bytes);
    LimitRows copy;
    BOOST_REQUIRE(copy.decode(bytes));
    copy.encode(&again);
    BOOST_REQUIRE(copy == rows && again == bytes);
    BOOST_REQUIRE_EQUAL(copy.permit_count(), rows.permit_count());
    BOOST_REQUIRE(copy.by_due() == rows.by_due());
  }
};

using Numbers = std::vector<std::uint32_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(limit_rows)

BOOST_AUTO_TEST_CASE(permits_are_granted_in_the_order_of_asking) {
  Keeper keeper;
  const LimitName limit{"a", ""};
  BOOST_TEST((keeper.ask(limit, ask_of(1, 2)) == PermitState::held));
  BOOST_TEST((keeper.ask(limit, ask_of(2, 2)) == PermitState::held));
  BOOST_TEST((keeper.ask(limit, ask_of(3, 2)) == PermitState::waits));
  BOOST_TEST((keeper.ask(limit, ask_of(4, 2)) == PermitState::waits));
  BOOST_TEST((keeper.ask(limit, ask_of(3, 2)) == PermitState::waits), "asked again it stays");
  BOOST_TEST((keeper.ask(limit, ask_of(1, 2)) == PermitState::held));
  BOOST_TEST(keeper.give_back(limit, 1) == Numbers{3}, boost::test_tools::per_element());
  BOOST_TEST(keeper.give_back(limit, 1).empty(), "given back twice");
  BOOST_TEST(keeper.give_back(limit, 4).empty(), "it waits no more");
  BOOST_TEST(keeper.give_back(limit, 2).empty());
  BOOST_TEST(keeper.give_back(limit, 3).empty());
  BOOST_TEST(keeper.rows.empty());
  BOOST_TEST(keeper.rows.permit_count() == 0u);
}

BOOST_AUTO_TEST_CASE(a_higher_priority_goes_first) {
  Keeper keeper;
  const LimitName limit{"a", "k"};
  keeper.ask(limit, ask_of(1, 1));
  keeper.ask(limit, ask_of(2, 1, 0, 0, 3));
  keeper.ask(limit, ask_of(3, 1, 0, 0, 5));
  keeper.ask(limit, ask_of(4, 1, 0, 0, 5));
  BOOST_TEST(keeper.give_back(limit, 1) == Numbers{3}, boost::test_tools::per_element());
  BOOST_TEST(keeper.give_back(limit, 3) == Numbers{4}, boost::test_tools::per_element());
  BOOST_TEST(keeper.give_back(limit, 4) == Numbers{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_rate_holds_in_every_window) {
  Keeper keeper;
  const LimitName limit{"a", ""};
  for (std::uint32_t n = 1; n <= 5; ++n) {
    const PermitState state = keeper.ask(limit, ask_of(n, 0, 2, 1000));
    BOOST_TEST((state == (n <= 2 ? PermitState::held : PermitState::waits)));
    keeper.pass(100);
  }
  // 1 at 0, 2 at 100; whoever gives back does not count less.
  BOOST_TEST(keeper.give_back(limit, 1).empty());
  BOOST_TEST(keeper.rows.by_due().begin()->first.v == 1'001'000);
  BOOST_TEST(keeper.pass(499).empty());
  BOOST_TEST(keeper.pass(1) == Numbers{3}, boost::test_tools::per_element());
  BOOST_TEST(keeper.pass(99).empty());
  BOOST_TEST(keeper.pass(1) == Numbers{4}, boost::test_tools::per_element());
  BOOST_TEST(keeper.pass(10'000) == Numbers{5}, boost::test_tools::per_element());
  for (std::uint32_t n = 2; n <= 5; ++n) keeper.give_back(limit, n);
  BOOST_TEST(!keeper.rows.empty(), "the last window is remembered");
  keeper.pass(1000);
  keeper.ask({"b", ""}, ask_of(6, 1));
  BOOST_TEST(keeper.rows.find(limit) == nullptr, "and forgotten behind it");
}

BOOST_AUTO_TEST_CASE(folds_refuse_what_does_not_fit) {
  Keeper keeper;
  const LimitName limit{"a", ""};
  keeper.ask(limit, ask_of(1, 1));
  keeper.ask(limit, ask_of(2, 1));
  keeper.ask(limit, ask_of(3, 1));
  LimitRows& rows = keeper.rows;
  const auto refused = [&](What what, const LimitName& name, std::uint32_t number) {
    const LimitRows before = rows;
    const bool taken = rows.apply({what, name, ask_of(number, 1)}, keeper.now);
    return !taken && rows == before && rows.by_due() == before.by_due();
  };
  BOOST_TEST(refused(What::granted, limit, 1));
  BOOST_TEST(refused(What::granted, limit, 2), "there is no room");
  BOOST_TEST(refused(What::granted, limit, 9), "there is no room");
  BOOST_TEST(refused(What::waits, limit, 1));
  BOOST_TEST(refused(What::waits, limit, 2));
  BOOST_TEST(refused(What::gone, limit, 4));
  BOOST_TEST(refused(What::gone, {"b", ""}, 1), "of another limit");
  BOOST_REQUIRE(rows.apply({What::gone, limit, ask_of(1, 0)}, keeper.now));
  BOOST_TEST(refused(What::granted, limit, 3), "another one is before it");
  BOOST_TEST(refused(What::granted, limit, 9), "others are before it");
  BOOST_TEST(rows.apply({What::granted, limit, ask_of(2, 0)}, keeper.now));
}

BOOST_AUTO_TEST_CASE(a_group_keeps_so_many_permits) {
  Keeper keeper;
  LimitDecision decision(keeper.rows, keeper.now);
  std::size_t held = 0;
  const auto most = static_cast<std::uint32_t>(limits::kLimitRowsMax);
  for (std::uint32_t n = 1; n <= most + 5; ++n) {
    held += decision.ask({"a", std::to_string(n)}, ask_of(n, 1)) == PermitState::held ? 1 : 0;
  }
  BOOST_TEST(held == limits::kLimitRowsMax);
  for (const LimitChange& change : decision.changes()) {
    BOOST_REQUIRE(keeper.rows.apply(change, keeper.now));
  }
  LimitDecision more(keeper.rows, keeper.now);
  BOOST_TEST((more.ask({"b", ""}, ask_of(most + 9, 1)) == PermitState::no_room));
  BOOST_TEST((more.ask({"a", "1"}, ask_of(most + 9, 1)) == PermitState::waits));
}

// Each asker's own numbers count, whatever others ask in between.
BOOST_AUTO_TEST_CASE(another_version_s_numbers_take_no_grant_out_of_a_window) {
  for (const auto& other : {ask_of(90, 5), ask_of(90, 0, 1, 10), ask_of(90, 0, 1000, 10)}) {
    Keeper keeper;
    const LimitName limit{"a", ""};
    for (std::uint32_t n = 1; n <= 5; ++n) keeper.ask(limit, ask_of(n, 0, 5, 60'000));
    for (std::uint32_t n = 6; n <= 20; ++n) {
      BOOST_TEST((keeper.ask(limit, ask_of(n, 0, 5, 60'000)) == PermitState::waits));
    }
    keeper.ask(limit, other);
    BOOST_TEST(keeper.pass(59'999).empty());
    BOOST_TEST(keeper.pass(1).size() == 5u);
    BOOST_TEST(keeper.pass(59'999).empty());
    BOOST_TEST(keeper.pass(1).size() == 5u);
  }
}

// What only remembers grants that count no more is as if it were not there.
BOOST_AUTO_TEST_CASE(limits_that_are_over_take_no_room) {
  Keeper keeper;
  const auto most = static_cast<std::uint32_t>(limits::kLimitRowsMax);
  const auto name = [](std::uint32_t n) { return LimitName{"a", std::to_string(n)}; };
  LimitDecision decision(keeper.rows, keeper.now);
  for (std::uint32_t n = 1; n <= most; ++n) {
    BOOST_REQUIRE((decision.ask(name(n), ask_of(n, 0, 1, 1000)) == PermitState::held));
    decision.give_back(name(n), ask_of(n, 0).permit);
  }
  for (const LimitChange& change : decision.changes()) {
    BOOST_REQUIRE(keeper.rows.apply(change, keeper.now));
  }
  BOOST_TEST(keeper.rows.count(keeper.now) == most);
  const auto ask = [&](std::uint32_t n) {
    return LimitDecision(keeper.rows, keeper.now).ask({"b", ""}, ask_of(n, 1));
  };
  BOOST_TEST((ask(most + 1) == PermitState::no_room));
  keeper.now = TimeMs(keeper.now.v + 999);
  BOOST_TEST((ask(most + 1) == PermitState::no_room));
  keeper.now = TimeMs(keeper.now.v + 1);
  BOOST_TEST(keeper.rows.count(keeper.now) == 0u);
  BOOST_TEST((keeper.ask({"b", ""}, ask_of(most + 1, 1)) == PermitState::held));
  BOOST_TEST(keeper.rows.all().size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_out_of_bounds_is_not_sound) {
  const LimitName limit{"a", "k"};
  BOOST_TEST(is_sound(limit, ask_of(1, 5, 3, 10), false));
  BOOST_TEST(is_sound(limit, ask_of(1, 5), false));
  BOOST_TEST(is_sound(limit, ask_of(1, 0), true), "to be given back it needs no numbers");
  const std::string much(10'000, 'x');
  PermitAsk long_run = ask_of(1, 5);
  long_run.run = much;
  for (const PermitAsk& ask :
       {ask_of(0, 5), ask_of(1, 0), ask_of(1, 0, 3), ask_of(1, 0, 0, 10), ask_of(1, 0, 1001, 10),
        ask_of(1, 0, 3, -1), ask_of(1, 0, 3, INT64_MAX), ask_of(1, 10'001),
        ask_of(1, 5, 0, 0, INT64_MIN), ask_of(1, 5, 0, 0, 6), long_run}) {
    BOOST_TEST(!is_sound(limit, ask, false));
  }
  BOOST_TEST(!is_sound({"", ""}, ask_of(1, 5), false));
  BOOST_TEST(!is_sound({much, ""}, ask_of(1, 5), true));
  BOOST_TEST(!is_sound({"a", much}, ask_of(1, 5), false));
  BOOST_TEST(!is_sound(limit, ask_of(0, 0), true));
}

BOOST_AUTO_TEST_CASE(changes_are_read_as_they_were_written) {
  const std::vector<LimitChange> changes = {
      {What::waits, {"a", "k"}, ask_of(1, 2, 3, 4000, -5)},
      {What::granted, {"b", ""}, ask_of(2, 0, 1000, 86'400'000)},
      {What::gone, {"c", "\xff"}, {{RunUid{GroupId(64), Index(1u << 30)}, 9}, 0, 0, 0, 0, ""}}};
  std::string bytes;
  encode_limit_changes(changes, &bytes);
  std::vector<LimitChange> read;
  BOOST_REQUIRE(decode_limit_changes(bytes, &read));
  BOOST_TEST((read == changes));
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    std::vector<LimitChange> part;
    if (decode_limit_changes(std::string_view(bytes).substr(0, length), &part)) {
      BOOST_TEST(part.size() < changes.size());
    }
  }
}

// Against what the definition of a limit says, counted anew each time: never more than
// `concurrency` at once, never more than `rate` in a window, nobody overtaken who has the same
// priority and may have one, and whoever can have one has it.
BOOST_AUTO_TEST_CASE(random_lives_keep_the_bounds) {
  std::size_t grants = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    Keeper keeper;
    const auto concurrency = static_cast<std::uint32_t>(random.below(4));
    const auto rate =
        static_cast<std::uint32_t>(concurrency == 0 ? 1 + random.below(4) : random.below(4));
    const auto window = static_cast<std::int64_t>(1 + random.below(1000));
    const LimitName limit{"a", random.below(2) == 0 ? "" : "k"};
    std::uint32_t last = 0;
    std::map<std::uint32_t, std::int64_t> waiting;  // number -> priority
    std::map<std::uint32_t, int> asked_in;          // number -> turn
    std::set<std::uint32_t> held;
    std::vector<TimeMs> granted_at;
    for (int turn = 0; turn < 60; ++turn) {
      keeper.now = TimeMs(keeper.now.v + static_cast<std::int64_t>(random.below(200)));
      LimitDecision decision(keeper.rows, keeper.now);
      for (std::uint64_t n = random.below(4); n > 0; --n) {
        if (random.below(2) == 0 || last == 0) {
          const auto priority = static_cast<std::int64_t>(1 + random.below(3));
          decision.ask(limit, ask_of(++last, concurrency, rate, window, priority));
          waiting[last] = priority;
          asked_in[last] = turn;
        } else {
          const auto number = static_cast<std::uint32_t>(1 + random.below(last));
          decision.give_back(limit, ask_of(number, 0).permit);
        }
      }
      decision.grant_due(10);
      for (const LimitChange& change : keeper.apply(decision)) {
        const std::uint32_t number = change.ask.permit.number;
        if (change.what == What::gone) waiting.erase(number), held.erase(number);
        if (change.what != What::granted) continue;
        const std::int64_t priority = waiting.at(number);
        waiting.erase(number);
        held.insert(number);
        granted_at.push_back(keeper.now);
        ++grants;
        BOOST_REQUIRE(concurrency == 0 || held.size() <= concurrency);
        const auto in_window = std::count_if(granted_at.begin(), granted_at.end(), [&](TimeMs at) {
          return at.v > keeper.now.v - window;
        });
        BOOST_REQUIRE(rate == 0 || in_window <= static_cast<std::int64_t>(rate));
        for (const auto& [other, its] : waiting) {
          const bool later = asked_in[other] == turn && other > number;  // perhaps after the grant
          BOOST_REQUIRE(later || its < priority || (its == priority && other > number));
        }
      }
      // Whoever waits has a reason to.
      if (waiting.empty()) continue;
      const auto in_window = std::count_if(granted_at.begin(), granted_at.end(),
                                           [&](TimeMs at) { return at.v > keeper.now.v - window; });
      BOOST_REQUIRE((concurrency > 0 && held.size() == concurrency) ||
                    (rate > 0 && in_window == static_cast<std::int64_t>(rate)));
    }
  }
  BOOST_TEST(grants > 3'000u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pawl::engine
