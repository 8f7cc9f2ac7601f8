// Runs that call one another and send one another signals, while boxes crash, are cut off and hand
// their leaderships over: every call ends, and each has its effect once (node/errands.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/sim/trouble.h"

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
  explicit Calls(std::uint64_t seed) : troubled_(troubled_options(seed)) {
    fleet_.deploy(1, kCallee);
    fleet_.deploy(1, kCaller);
  }

  void run() {
    for (int i = 0; i < kRuns; ++i) {
      start(i);
      troubled_.trouble();
    }
    for (int i = 0; i < 30; ++i) troubled_.trouble();
    troubled_.mend();
    BOOST_REQUIRE(fleet_.run_until([&] { return over(); }, 1'200'000));
    for (int i = 0; i < kRuns; ++i) check(i);
    BOOST_TEST(children() == kRuns);
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
  }

 private:
  static std::string id(int i) { return absl::StrCat("p", i); }

  void start(int i) {
    const std::string input = absl::StrCat(R"({"n": )", i, "}");
    troubled_.demand(absl::StrCat("start-", i),
                     [&](int) { return node::start_of(id(i), "caller", input); });
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

  Troubled troubled_;
  Fleet& fleet_ = troubled_.fleet;
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
