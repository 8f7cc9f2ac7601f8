// Namespaces with quotas while boxes crash, are cut off and hand their leaderships over: whatever
// is asked of whom, a namespace never has more open runs than its quota, all of it can be used, and
// who floods one keeps nobody from another (node/quotas.h, node/shares.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>

#include "absl/strings/str_cat.h"
#include "engine/namespace.h"
#include "tests/node/definitions.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

constexpr std::uint16_t kGroups = 3;
constexpr std::int64_t kFlooded = 9;  // max_runs
constexpr std::int64_t kSmall = 4;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : troubled_(troubled_options(seed, kGroups)) {
    fleet_.tap = [this](int from, const node::OutgoingFrame&) { observe(from); };
    make("flood", kFlooded);
    make("small", kSmall);
  }

  void run() {
    for (int i = 0; i < 40; ++i) {
      for (int n = 0; n < 4; ++n) start("flood", absl::StrCat("r", next_++));
      if (next_ > 20) stop("flood", absl::StrCat("r", troubled_.chance.below(next_)));
      if (i % 8 == 3) small(i);
      if (i == 20) put("flood", kFlooded - 3);  // those that are open stay
      if (i == 30) put("flood", kFlooded);
      troubled_.trouble(400);
    }
    troubled_.mend();
    // What one group does not use another gets, to the last one.
    BOOST_TEST(fleet_.run_until(
        [&] {
          if (fleet_.now_ms % 100 == 0) start("flood", absl::StrCat("r", next_++));
          return open("flood") == kFlooded;
        },
        120'000));
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }, 60'000));
    BOOST_TEST(started_ > 10u);
    for (int b = 1; b <= fleet_.size(); ++b) {
      for (std::uint16_t g = 0; g <= kGroups; ++g) {
        BOOST_TEST(fleet_.box(b).node->group(GroupId(g)).tables().check_invariants() == "");
      }
    }
  }

 private:
  struct Seen {
    Index applied;
    std::map<std::string, std::int64_t> open;
  };

  void make(const std::string& name, std::int64_t max_runs) {
    put(name, max_runs);
    troubled_.demand("deploy-" + name, [&](int) {
      return node::DeployWorkflow{engine::qualified(name, "w"), node::kCounter, true};
    });
  }
  void put(const std::string& name, std::int64_t max_runs) {
    troubled_.demand(absl::StrCat("put-", name, max_runs, "-", next_), [&](int) {
      return node::ChangeNamespace{node::PutNamespace{name, {max_runs, {}, {}}, ""}};
    });
    // One that is lowered ends no run.
    quotas_[name] = std::max(quotas_[name], max_runs);
  }
  static node::StartRun start_of(const std::string& name, const std::string& run) {
    node::StartRun start;
    start.workflow = engine::qualified(name, "w");
    start.id = engine::qualified(name, run);
    start.input = dsl::Value::map({});
    return start;
  }
  void start(const std::string& name, const std::string& run) {
    fleet_.request(troubled_.up(), start_of(name, run));
  }
  void stop(const std::string& name, const std::string& run) {
    engine::Signal signal;
    signal.name = "stop";
    fleet_.request(troubled_.up(),
                   node::CommandRun{{engine::qualified(name, run), {}}, std::move(signal)});
  }
  // Its tenant gets on as if there were no other.
  void small(int i) {
    const std::string run = absl::StrCat("s", i);
    troubled_.demand("start-" + run, [&](int) { return start_of("small", run); });
    troubled_.demand("stop-" + run, [&](int) {
      engine::Signal signal;
      signal.name = "stop";
      return node::CommandRun{{engine::qualified("small", run), {}}, std::move(signal)};
    });
    ++started_;
  }

  // What is applied anywhere is committed, so that what was seen of a group once is never undone.
  void observe(int b) {
    if (!fleet_.box(b).up()) return;
    for (std::uint16_t g = 1; g <= kGroups; ++g) {
      const node::Group& group = fleet_.box(b).node->group(GroupId(g));
      Seen& seen = seen_[g];
      if (group.applied() <= seen.applied) continue;
      seen.applied = group.applied();
      for (const auto& [name, quota] : quotas_) {
        const auto open = static_cast<std::int64_t>(group.tables().usage_of(name).open_runs);
        if (open > seen.open[name]) ++started_;
        seen.open[name] = open;
      }
    }
    for (const auto& [name, quota] : quotas_) {
      if (open(name) > quota) BOOST_FAIL(name << " has " << open(name) << " of " << quota);
    }
  }
  std::int64_t open(const std::string& name) {
    std::int64_t sum = 0;
    for (auto& [group, seen] : seen_) sum += seen.open[name];
    return sum;
  }

  Troubled troubled_;
  Fleet& fleet_ = troubled_.fleet;
  std::map<std::string, std::int64_t> quotas_;
  std::map<std::uint16_t, Seen> seen_;
  std::uint64_t next_ = 0;
  std::size_t started_ = 0;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 15 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(namespaces)

BOOST_AUTO_TEST_CASE(a_quota_holds_whatever_happens) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Storm(static_cast<std::uint64_t>(seed)).run(); }
  }
}

// One that goes leaves nothing behind, and nothing starts in it meanwhile.
BOOST_AUTO_TEST_CASE(one_is_deleted_while_runs_are_asked_for) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Troubled troubled(troubled_options(static_cast<std::uint64_t>(seed), kGroups));
      Fleet& fleet = troubled.fleet;
      for (int round = 0; round < 4; ++round) {
        troubled.demand(absl::StrCat("put", round), [&](int) {
          return node::ChangeNamespace{node::PutNamespace{"a", {}, ""}};
        });
        troubled.demand(absl::StrCat("deploy", round), [&](int) {
          return node::DeployWorkflow{"a!w", node::kCounter, true};
        });
        for (int n = 0; n < 3; ++n) {
          node::StartRun start;
          start.workflow = "a!w";
          start.id = absl::StrCat("a!r", round, "-", n);
          start.input = dsl::Value::map({});
          fleet.request(troubled.up(), std::move(start));
        }
        node::Asking asking;
        asking.key = asking.body = absl::StrCat("delete", round);
        fleet.request(troubled.up(), node::ChangeNamespace{node::DeleteNamespace{"a"}}, asking);
        troubled.trouble(800);
      }
      troubled.mend();
      fleet.run(20'000);
      BOOST_TEST(fleet.run_until([&] { return fleet.differences().empty(); }, 60'000));
      std::uint64_t runs = 0;
      for (std::uint16_t g = 1; g <= kGroups; ++g) {
        runs += fleet.box(1).node->group(GroupId(g)).tables().usage_of("a").runs;
      }
      const engine::Namespace* known = fleet.box(1).node->catalog().namespaces().find("a");
      // Either it is there, or nothing of it is.
      if (known == nullptr) BOOST_TEST(runs == 0u);
      if (known == nullptr) BOOST_TEST(fleet.box(1).node->catalog().find("a!w") == nullptr);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
