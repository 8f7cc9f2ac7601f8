// Runs are reset to what they were and moved to and fro between versions, by requests to any box,
// while boxes crash, are cut off and hand their leaderships over: each request has its effect once,
// and the run is just what its answers say.
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

// Two that differ in the names of their revision and their state, each taking runs of the other.
std::string tally(const std::string& own, const std::string& other, const std::string& state,
                  const std::string& old) {
  return absl::StrCat("dsl = 1\nname = \"tally\"\nrevision = \"", own, "\"\n[migrate]\nfrom = [\"",
                      other, "\"]\n[migrate.state]\n", old, " = \"", state,
                      "\"\n[vars]\nn = 0\n[signal.add]\n[state.", state,
                      "]\nafter.\"30d\" = { next = \"end\" }\non.add = { save.n = \"= vars.n + "
                      "1\" }\n");
}

constexpr int kRuns = 6;
constexpr int kRounds = 60;

struct Known {
  std::int64_t n = 0, version = 1;
};

class Renewals {
 public:
  explicit Renewals(std::uint64_t seed) : troubled_(troubled_options(seed, 3)) {
    fleet_.deploy(1, tally("one", "two", "wait", "idle"));
    fleet_.deploy(1, tally("two", "one", "idle", "wait"));
    for (int i = 0; i < kRuns; ++i) {
      node::StartRun start = node::start_of(id(i), "tally");
      start.version = 1;
      learn(i, demand(start, 201), {0, 1});
    }
  }

  void run() {
    for (int round = 0; round < kRounds; ++round) {
      do_something(static_cast<int>(chance_.below(kRuns)));
      if (chance_.chance(0.3)) troubled_.trouble(500);
    }
    troubled_.mend();
    for (int i = 0; i < kRuns; ++i) {
      const engine::Run* run = fleet_.read(1, id(i));
      BOOST_REQUIRE(run != nullptr);
      BOOST_TEST(run->version() == static_cast<std::uint32_t>(now_[i].version));
      BOOST_TEST(run->variable(0, "n")->value.value.as_int() == now_[i].n);
      BOOST_TEST(run->state() == (now_[i].version == 1 ? "wait" : "idle"));
    }
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
    BOOST_TEST(moves_ > 0);
    BOOST_TEST(resets_ > 0);
  }

 private:
  static std::string id(int i) { return absl::StrCat("t", i); }

  // As Troubled has it, and nothing but this answer may come, or that it is not known yet.
  dsl::Value demand(const node::Operation& operation, int status) {
    node::Asking asking;
    asking.key = asking.body = absl::StrCat("key-", ++keys_);
    std::string last;
    for (int tries = 0; tries < 100; ++tries) {
      const auto& answer = fleet_.ask(troubled_.up(), operation, asking);
      if (answer.status == status) return node::json(answer.body);
      last = answer.body;
      BOOST_REQUIRE_MESSAGE(answer.status >= 429, last);
      fleet_.run(200);
    }
    BOOST_FAIL("no answer: " + last);
    return {};
  }

  void learn(int i, const dsl::Value& envelope, const Known& expected) {
    BOOST_REQUIRE_EQUAL(envelope.field("vars")->field("n")->as_int(), expected.n);
    BOOST_REQUIRE_EQUAL(envelope.field("version")->as_int(), expected.version);
    now_[i] = expected;
    known_[i][Seq(static_cast<std::uint64_t>(envelope.field("seq")->as_int()))] = expected;
  }

  void do_something(int i) {
    const double what = chance_.unit();
    Known next = now_[i];
    if (what < 0.5) {
      ++next.n;
      return learn(i, demand(node::signal_of(id(i), "add"), 200), next);
    }
    if (what < 0.75) {
      next.version = 3 - next.version;
      ++moves_;
      engine::Migrate migrate;
      migrate.version = static_cast<std::uint32_t>(next.version);
      return learn(i, demand(node::command_of(id(i), migrate), 200), next);
    }
    auto then = known_[i].begin();
    std::advance(then, chance_.below(known_[i].size()));
    next = then->second;
    ++resets_;
    const engine::Reset reset{then->first, "sim", nullptr};
    learn(i, demand(node::command_of(id(i), reset), 200), next);
  }

  Troubled troubled_;
  Random& chance_ = troubled_.chance;
  Fleet& fleet_ = troubled_.fleet;
  int keys_ = 0, moves_ = 0, resets_ = 0;
  std::map<int, Known> now_;
  std::map<int, std::map<Seq, Known>> known_;  // by run: what it was after which event
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 12 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(renewals)

BOOST_AUTO_TEST_CASE(resets_and_moves_count_once) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Renewals(static_cast<std::uint64_t>(seed)).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
