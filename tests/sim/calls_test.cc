// Runs that call one another and send one another signals, while boxes crash, are cut off and hand
// their leaderships over: every call ends, and each has its effect once (node/errands.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/sim/fleet.h"

namespace pawl::sim {
namespace {

constexpr char kCaller[] = R"(
dsl = 1
name = "caller"
start = "call"
[input]
n = "int"
[vars]
told = 0
[signal.told]
[on.told]
save.told = "= vars.told + 1"
[state.call]
call = "callee"
id = "= 'child-of-' + run.id"
with = { to = "= run.id", n = "= input.n" }
save.got = "= result"
next = "heard"
[state.heard]
choose = [ { if = "vars.told > 0", next = "late" }, { next = "wait" } ]
[state.wait]
on.told = { next = "late", save.told = "= vars.told + 1" }
[state.late]
sleep = "5m"
next = "done"
[state.done]
end = "completed"
output = { told = "= vars.told", got = "= vars.got" }
)";

constexpr char kCallee[] = R"toml(
dsl = 1
name = "callee"
start = "tell"
[input]
to = "string"
n = "int"
[state.tell]
send = { to = "= input.to", signal = "told" }
next = "nap"
[state.nap]
sleep = "= duration(string(input.n % 4) + 's')"
next = "done"
[state.done]
end = "completed"
output = "= input.n * 2"
)toml";

constexpr int kRuns = 12;

class Calls {
 public:
  explicit Calls(std::uint64_t seed) : chance_(seed), fleet_(options(seed)) {
    fleet_.boot_all();
    BOOST_REQUIRE(fleet_.run_until([&] { return fleet_.settled(); }, 60'000));
    fleet_.run(5'000);  // the boxes have told each other what they can read
    fleet_.deploy(1, kCallee);
    fleet_.deploy(1, kCaller);
  }

  void run() {
    for (int i = 0; i < kRuns; ++i) {
      start(i);
      trouble();
    }
    for (int i = 0; i < 30; ++i) trouble();
    fleet_.heal();
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (down_.contains(b)) fleet_.boot(b);
    }
    BOOST_REQUIRE(fleet_.run_until([&] { return fleet_.settled(); }, 120'000));
    BOOST_REQUIRE(fleet_.run_until([&] { return over(); }, 1'200'000));
    for (int i = 0; i < kRuns; ++i) check(i);
    BOOST_TEST(children() == kRuns);
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
  }

 private:
  static FleetOptions options(std::uint64_t seed) {
    FleetOptions options;
    options.seed = seed;
    options.run_groups = 4;
    options.loss = 0.03;
    options.repeat = 0.03;
    options.delay_ms_max = 10;
    options.late = 0.02;
    options.late_ms_max = 500;
    options.disk_ms_max = 5;
    return options;
  }
  static std::string id(int i) { return absl::StrCat("p", i); }

  int up() {
    for (;;) {
      const int b = static_cast<int>(chance_.between(1, fleet_.size()));
      if (!down_.contains(b)) return b;
    }
  }

  // Asked again, under its key, until there is an answer.
  void start(int i) {
    const std::string input = absl::StrCat(R"({"n": )", i, "}");
    node::Asking asking;
    asking.key = absl::StrCat("start-", i);
    std::string last;
    for (int tries = 0; tries < 50; ++tries) {
      const auto& answer = fleet_.ask(up(), node::start_of(id(i), "caller", input), asking);
      if (answer.status == 201) return;
      last = answer.body;
      fleet_.run(200);
    }
    BOOST_FAIL("no start: " + last);
  }

  // A majority stays: one box is in trouble at a time.
  void trouble() {
    fleet_.run(chance_.between(1, 1'500));
    const int b = static_cast<int>(chance_.between(1, fleet_.size()));
    if (!down_.empty()) {
      if (chance_.chance(0.7)) fleet_.boot(*down_.begin());
      if (fleet_.box(*down_.begin()).up()) down_.clear();
      return;
    }
    if (cut_) {
      fleet_.heal();
      cut_ = false;
      return;
    }
    switch (chance_.below(4)) {
      case 0:
        fleet_.crash(b);
        down_.insert(b);
        return;
      case 1:
        fleet_.kill(b);
        down_.insert(b);
        return;
      case 2:
        fleet_.cut_off(b);
        cut_ = true;
        return;
      default: {
        const GroupId group(static_cast<std::uint16_t>(chance_.between(1, 4)));
        const int leader = fleet_.leader(group);
        if (leader != 0 && leader != b) fleet_.transfer(group, leader, b);
      }
    }
  }

  // Every call is over, and every caller knows.
  bool over() {
    for (std::uint16_t g = 1; g <= 4; ++g) {
      const int leader = fleet_.leader(GroupId(g));
      if (leader == 0) return false;
      const auto& tables = fleet_.box(leader).node->group(GroupId(g)).tables();
      if (!tables.runs_with_errands().empty() || !tables.open_by_version().empty()) return false;
    }
    return true;
  }

  void check(int i) {
    const engine::Run* run = fleet_.read(1, id(i));
    BOOST_REQUIRE(run != nullptr);
    BOOST_TEST(engine::enum_name(run->status) == std::string("completed"));
    BOOST_TEST(run->output->value.debug_string() ==
               absl::StrCat("{\"got\": ", 2 * i, ", \"told\": 1}"));
    const engine::Run* child = fleet_.read(1, "child-of-" + id(i));
    BOOST_REQUIRE(child != nullptr);
    BOOST_TEST(child->tree->caller->told);
  }

  int children() {
    int count = 0;
    for (std::uint16_t g = 1; g <= 4; ++g) {
      const auto& tables = fleet_.box(1).node->group(GroupId(g)).tables();
      for (const auto& [index, run] : tables.runs()) count += run->workflow() == "callee" ? 1 : 0;
    }
    return count;
  }

  Random chance_;
  Fleet fleet_;
  std::set<int> down_;
  bool cut_ = false;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 12 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(calls)

BOOST_AUTO_TEST_CASE(every_call_ends_and_counts_once) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Calls(static_cast<std::uint64_t>(seed)).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
