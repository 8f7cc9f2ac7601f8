// Schedules that fire while boxes crash, are cut off and hand their leaderships over
// (node/schedules.h): each firing is one run or none, as its schedule says, and where they must not
// overlap, none does.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

struct Policy {
  const char* overlap;
  bool alone;      // no two of its runs overlap
  bool all_start;  // no firing is passed over
};
constexpr Policy kPolicies[] = {
    {"skip", true, false},         {"buffer_one", true, false},      {"buffer_all", true, true},
    {"cancel_other", true, false}, {"terminate_other", true, false}, {"allow_all", false, true},
};

// Every four seconds a run that takes up to six.
std::string definition_of(const Policy& policy) {
  return absl::StrCat(R"toml(
dsl = 1
name = "job-)toml",
                      policy.overlap, R"toml("
start = "work"
[input]
at = "string"
s = "int"
[state.work]
sleep = "= duration(string(input.s % 7) + 's')"
next = "done"
[state.done]
end = "completed"
[schedule.tick]
every = "4s"
missed = "all"
overlap = ")toml",
                      policy.overlap, R"toml("
with = { at = "= string(schedule.at)", s = "= schedule.at.getSeconds() / 4" }
)toml");
}

class Firings {
 public:
  explicit Firings(std::uint64_t seed) : troubled_(troubled_options(seed)) {
    for (const Policy& policy : kPolicies) fleet_.deploy(1, definition_of(policy));
  }

  void run() {
    for (int i = 0; i < 80; ++i) troubled_.trouble();
    troubled_.mend();
    for (const Policy& policy : kPolicies) {
      troubled_.demand("pause-" + name(policy), [&](int) {
        return node::ChangeSchedule{
            name(policy), node::ChangeSchedule::What::pause, "over", {}, {}};
      });
    }
    // What waits when a schedule is paused goes on waiting.
    BOOST_REQUIRE(fleet_.run_until([&] { return over(); }, 600'000));
    for (const Policy& policy : kPolicies) check(policy);
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
  }

 private:
  static std::string workflow(const Policy& policy) { return absl::StrCat("job-", policy.overlap); }
  static std::string name(const Policy& policy) { return workflow(policy) + ".tick"; }

  const engine::ScheduleState* state(const Policy& policy) {
    const int leader = fleet_.leader(GroupId(0));
    return leader == 0
               ? nullptr
               : fleet_.box(leader).node->definitions().catalog().schedules().find(name(policy));
  }

  bool over() {
    for (const Policy& policy : kPolicies) {
      const auto* s = state(policy);
      if (s == nullptr || !s->starting.empty()) return false;
    }
    for (std::uint16_t g = 1; g <= 4; ++g) {
      const int leader = fleet_.leader(GroupId(g));
      if (leader == 0) return false;
      if (!fleet_.box(leader).node->group(GroupId(g)).tables().open_by_version().empty()) {
        return false;
      }
    }
    return true;
  }

  struct Lived {
    TimeMs from, to;
    std::string at;
  };
  std::vector<Lived> lived(const Policy& policy) {
    std::vector<Lived> out;
    for (std::uint16_t g = 1; g <= 4; ++g) {
      const int leader = fleet_.leader(GroupId(g));
      const auto& tables = fleet_.box(leader).node->group(GroupId(g)).tables();
      for (const auto& [index, run] : tables.runs()) {
        if (run->workflow() != workflow(policy)) continue;
        out.push_back({run->started_at, *run->closed_at, run->id()});
      }
    }
    std::sort(out.begin(), out.end(),
              [](const Lived& a, const Lived& b) { return a.from < b.from; });
    return out;
  }

  void check(const Policy& policy) {
    BOOST_TEST_CONTEXT(policy.overlap) {
      const engine::ScheduleState& s = *state(policy);
      const std::vector<Lived> runs = lived(policy);
      BOOST_TEST(runs.size() == s.started);
      BOOST_TEST(s.refused == 0u);
      BOOST_TEST(s.started > 3u);
      // Every moment up to now was decided on, once.
      const std::int64_t moments = s.until.v / 4'000 - s.since.v / 4'000;
      BOOST_TEST(static_cast<std::int64_t>(s.started + s.skipped + s.waiting.size()) == moments);
      if (policy.all_start) BOOST_TEST(s.skipped == 0u);
      for (std::size_t i = 1; policy.alone && i < runs.size(); ++i) {
        BOOST_TEST(runs[i].from.v >= runs[i - 1].to.v, runs[i - 1].at << " and " << runs[i].at);
      }
    }
  }

  Troubled troubled_;
  Fleet& fleet_ = troubled_.fleet;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 8 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(each_firing_is_one_run_or_none) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Firings(static_cast<std::uint64_t>(seed)).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
