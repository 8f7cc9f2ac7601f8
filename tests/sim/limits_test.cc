// Tasks with limits while boxes crash, are cut off and hand their leaderships over, and runs are
// cancelled, paused, reset and forgotten: whoever works has the permits, no limit is ever passed,
// and at the end every permit is back (node/permits.h, engine/permit.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "engine/run_id.h"
#include "tests/node/definitions.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

constexpr char kLimited[] = R"toml(
dsl = 1
name = "limited"
start = "first"
[input]
n = "int"
[limit.gate]
concurrency = 2
[limit.keyed]
concurrency = 1
rate = "3/2s"
key = "= 'k' + string(input.n % 3)"
[retry.default]
attempts = 3
initial = "200ms"
exhausted = "fail"
[signal.skip]
[signal.poke]
[on.poke]
task = { task = "extra", limits = ["gate"], timeout = { heartbeat = "3s", total = "5m" } }
[state.first]
task = "work"
limits = ["gate", "keyed"]
timeout = { heartbeat = "3s" }
on.skip = { next = "second" }
next = "second"
catch = { next = "second" }
[state.second]
task = "work"
limits = ["keyed"]
priority = 4
timeout = { heartbeat = "3s", queue = "30s" }
catch = { next = "done" }
next = "third"
[state.third]
map = "= [1, 2, 3]"
do = { task = "work", limits = ["gate"], timeout = { heartbeat = "3s" } }
tolerate = 3
next = "done"
[state.done]
end = "completed"
[history]
max_events = 15
)toml";

constexpr int kRuns = 12;
constexpr std::uint16_t kGroups = 4;

class Limits {
 public:
  explicit Limits(std::uint64_t seed) : troubled_(options(seed)) {
    fleet_.deploy(1, kLimited);
    fleet_.tap = [this](int, const node::OutgoingFrame&) { see(); };
  }

  void run() {
    for (int i = 0; i < kRuns; ++i) {
      troubled_.demand(absl::StrCat("start-", i), [&](int) {
        return node::start_of(id(i), "limited", absl::StrCat(R"({"n": )", i, "}"));
      });
    }
    for (int i = 0; i < 60; ++i) {
      work();
      meddle();
      troubled_.trouble(600);
      check();
    }
    troubled_.mend();
    BOOST_REQUIRE(fleet_.run_until(
        [&] {
          if (fleet_.now_ms % 20 == 0) work();
          return over();
        },
        1'200'000));
    check();
    BOOST_TEST(most_held_ == 2u);
    BOOST_TEST(granted_ > 0u);
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
  }

 private:
  static FleetOptions options(std::uint64_t seed) {
    FleetOptions options = troubled_options(seed, kGroups);
    // Some are forgotten before what they held is given back.
    if (seed % 2 == 0) options.keep_closed_ms = 1;
    return options;
  }
  static std::string id(int i) { return absl::StrCat("r", i); }

  // Workers poll the boxes that are up; some answer, some fail, some are never heard of again.
  void work() {
    for (int b = 1; b <= fleet_.size(); ++b) {
      node::Host& box = fleet_.box(b);
      if (!box.up()) {
        polls_.erase(b);
        continue;
      }
      auto& polls = polls_[b];
      while (!polls.empty() && box.answered(polls.front())) {
        for (const std::string& token : box.answer(polls.front()).tokens) tokens_.push_back(token);
        polls.pop_front();
      }
      if (polls.size() > 2) polls.clear();
      polls.push_back(fleet_.request(b, node::poll_of(2, 500)));
    }
    for (std::size_t n = tokens_.size(); n > 0; --n) {
      const std::string token = tokens_.front();
      tokens_.pop_front();
      const int b = troubled_.up();
      switch (troubled_.chance.below(8)) {
        case 0:
          break;  // lost
        case 1:
          fleet_.request(b, node::fail_of(token));
          break;
        case 2:
        case 3:
          tokens_.push_back(token);  // later
          break;
        default:
          fleet_.request(b, node::complete_of(token));
      }
    }
  }

  void meddle() {
    const std::string run = id(static_cast<int>(troubled_.chance.below(kRuns)));
    const int b = troubled_.up();
    const auto send = [&](engine::Command command) {
      fleet_.request(b, node::command_of(run, std::move(command)));
    };
    switch (troubled_.chance.below(8)) {
      case 0:
        return send(engine::Signal{"skip", {}, "", {}, {}});
      case 1:
        return send(engine::Signal{"poke", {}, "", {}, {}});
      case 2:
        return send(engine::Pause{"wait"});
      case 3:
      case 4:
        return send(engine::Resume{"go on"});
      case 5:
        return send(engine::Reset{Seq(troubled_.chance.between(3, 12)), "again", nullptr});
      case 6:
        if (troubled_.chance.below(3) == 0) send(engine::Cancel{"enough"});
        return;
      default:
        return;
    }
  }

  // How far each group ever was on any box.
  void see() {
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (!fleet_.box(b).up()) continue;
      for (std::uint16_t g = 1; g <= kGroups; ++g) {
        Index& seen = seen_[g];
        seen = std::max(seen, fleet_.box(b).node->group(GroupId(g)).applied());
      }
    }
  }

  // The tables of the box that is furthest in the group; null: whoever was further is down.
  const engine::Tables* newest(std::uint16_t g) {
    const engine::Tables* tables = nullptr;
    for (int b = 1; b <= fleet_.size() && tables == nullptr; ++b) {
      if (!fleet_.box(b).up()) continue;
      const node::Group& group = fleet_.box(b).node->group(GroupId(g));
      if (group.applied() >= seen_[g]) tables = &group.tables();
    }
    return tables;
  }

  // Whoever may work holds its permits; no limit is passed.
  void check() {
    see();
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      const engine::Tables* limits = newest(g);
      if (limits == nullptr) continue;
      for (const auto& [name, row] : limits->limits().all()) {
        most_held_ = std::max(most_held_, row.held.size());
        BOOST_REQUIRE(row.held.size() <= row.concurrency);
      }
    }
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      const engine::Tables* tables = newest(g);
      if (tables == nullptr) continue;
      for (const auto& [index, run] : tables->runs()) {
        for (const auto& task : run->tree->permits->tasks) {
          for (std::uint32_t n = 0; task->first > 0 && n < task->granted; ++n) {
            BOOST_REQUIRE(holds(*run, task->limits[n], task->first + n));
          }
        }
      }
    }
  }
  bool holds(const engine::Run& run, const engine::TaskLimit& limit, std::uint32_t permit) {
    const engine::Tables* tables =
        newest(engine::group_of_limit(limit.limit, limit.key, kGroups).v);
    if (tables == nullptr) return true;
    ++granted_;
    const engine::LimitRow* row = tables->limits().find({limit.limit, limit.key});
    return row != nullptr && row->held.contains({run.uid(), permit});
  }

  // Every run has ended, and nothing is held, waited for or to be given back.
  bool over() {
    if (fleet_.now_ms % 500 == 0) resume_all();
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      const int leader = fleet_.leader(GroupId(g));
      if (leader == 0) return false;
      const auto& tables = fleet_.box(leader).node->group(GroupId(g)).tables();
      if (!tables.open_by_version().empty() || !tables.runs_with_errands().empty()) return false;
      if (tables.limits().permit_count() > 0) return false;
    }
    return true;
  }
  void resume_all() {
    for (int i = 0; i < kRuns; ++i) {
      const engine::Run* run = nullptr;
      for (std::uint16_t g = 1; g <= kGroups; ++g) {
        const auto& tables = fleet_.box(1).node->group(GroupId(g)).tables();
        if (run == nullptr) run = tables.find_id(id(i));
      }
      if (run == nullptr || run->closed()) continue;
      if (run->status == engine::RunStatus::paused) {
        fleet_.request(1, node::command_of(id(i), engine::Resume{"over"}));
      } else if (!run->incidents.empty()) {
        fleet_.request(1, node::command_of(id(i), engine::Terminate{"over"}));
      }
    }
  }

  Troubled troubled_;
  Fleet& fleet_ = troubled_.fleet;
  std::map<int, std::deque<node::RequestId>> polls_;
  std::deque<std::string> tokens_;
  std::map<std::uint16_t, Index> seen_;
  std::size_t most_held_ = 0, granted_ = 0;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 8 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(permits)

BOOST_AUTO_TEST_CASE(no_limit_is_passed_and_no_permit_lost) {
  const char* only = std::getenv("PAWL_SEED");
  const int first = only == nullptr ? 1 : std::atoi(only);
  for (int seed = first; seed < first + seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Limits(static_cast<std::uint64_t>(seed)).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
