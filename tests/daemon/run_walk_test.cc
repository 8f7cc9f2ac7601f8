// Lists over runs of which some rest: the same runs in the same order as if all were awake, and
// nobody is woken.
#include <boost/test/unit_test.hpp>

#include "daemon/run_filter.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::daemon {
namespace {

constexpr int kRuns = 120;

struct Listed : node::Host {
  explicit Listed(bool rests) : Host(options_of(rests)) {
    boot();
    deploy(node::kCounter);
    deploy(node::kTask);
    for (int i = 0; i < kRuns; ++i) {
      start("run-" + std::to_string(i), i % 4 == 3 ? "job" : "w");
      if (i % 4 == 1) signal("run-" + std::to_string(i), "nap");
      if (i % 4 == 2) signal("run-" + std::to_string(i), "stop");
      if (i % 3 == 0) stall(7);
    }
    for (int i = 0; i < 4; ++i) {
      stall(1'000);
      tick();
    }
  }
  static node::NodeOptions options_of(bool rests) {
    node::NodeOptions options;
    options.run_groups = 3;
    options.seed = 1;
    if (!rests) return options;
    options.runs_awake_max = 0;
    options.run_rest_ms = 0;
    return options;
  }
  std::size_t awake() const {
    std::size_t count = 0;
    for (std::uint16_t g = 1; g <= 3; ++g) {
      count += node->group(GroupId(g)).tables().runs().awake_count();
    }
    return count;
  }
  // Ids with what lists go by, in order.
  std::vector<std::string> list(const RunFilter& filter, std::optional<RunPosition> after = {}) {
    std::vector<std::string> found;
    RunWalk walk(*node, after);
    while (walk.next()) {
      const engine::RunSummary& run = walk.summary();
      if (!filter.fits(run)) continue;
      BOOST_TEST((walk.position().uid == walk.run()->uid()));
      found.push_back(walk.run()->id() + " " + std::string(run.workflow) + " " +
                      std::string(run.state) + " " + std::to_string(run.started_at.v) +
                      (run.closed_at ? " closed" : ""));
    }
    return found;
  }
};

RunFilter filter(std::optional<std::string> workflow, std::optional<std::string> status,
                 std::optional<std::string> state) {
  RunFilter filter;
  filter.workflow = std::move(workflow);
  filter.status = std::move(status);
  filter.state = std::move(state);
  return filter;
}

BOOST_AUTO_TEST_SUITE(run_walk)

BOOST_AUTO_TEST_CASE(resting_runs_are_listed_like_others) {
  Listed awake(false), resting(true);
  BOOST_TEST(awake.awake() == static_cast<std::size_t>(kRuns));
  const std::size_t before = resting.awake();
  BOOST_TEST(before == static_cast<std::size_t>(kRuns) / 4);  // those with a task
  const auto none = std::nullopt;
  for (const RunFilter& each :
       {filter(none, none, none), filter("w", none, none), filter("job", none, none),
        filter(none, "open", none), filter(none, "closed", none), filter(none, "completed", none),
        filter("w", "running", none), filter(none, none, "nap"), filter("w", "open", "idle")}) {
    const std::vector<std::string> wanted = awake.list(each);
    BOOST_TEST(!wanted.empty());
    BOOST_TEST(resting.list(each) == wanted, boost::test_tools::per_element());
  }
  BOOST_TEST(resting.list(filter("other", none, none)).empty());
  BOOST_TEST(resting.awake() == before);
}

BOOST_AUTO_TEST_CASE(a_page_goes_on_where_the_last_one_ended) {
  Listed resting(true);
  const std::vector<std::string> all = resting.list({});
  BOOST_REQUIRE(all.size() == static_cast<std::size_t>(kRuns));
  RunWalk walk(*resting.node, std::nullopt);
  for (std::size_t n = 0; walk.next(); ++n) {
    const std::vector<std::string> rest = resting.list({}, walk.position());
    BOOST_REQUIRE(rest == std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(n) + 1,
                                                   all.end()));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::daemon
