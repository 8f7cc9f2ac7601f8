// Batches while boxes crash, are cut off and hand their leaderships over: every run that fits and
// existed when it began is asked once, and no other (node/batches.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/limits_batches.h"
#include "tests/node/definitions.h"
#include "tests/sim/fleet.h"

namespace pawl::sim {
namespace {

using engine::BatchId;

constexpr int kRuns = 40;
constexpr std::uint16_t kGroups = 3;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : chance_(seed), fleet_(options(seed)) {
    fleet_.boot_all();
    BOOST_REQUIRE(fleet_.run_until([&] { return fleet_.settled(); }, 60'000));
    fleet_.run(5'000);  // the boxes have told each other what they can read
    fleet_.deploy(1, node::kCounter);
    for (int i = 0; i < kRuns; ++i) start(id(i));
    // One of them is stopped, one ends before its turn has come.
    begin(1, {}, static_cast<std::uint32_t>(chance_.between(10, 60)));
    for (int i = 0; i < 10; ++i) start(absl::StrCat("late", i));
    begin(2, "r1", static_cast<std::uint32_t>(chance_.between(10, 60)));
    begin(3, {}, 2);
  }

  void run() {
    for (int i = 0; i < 25; ++i) {
      trouble();
      if (i == 10) stop(3);
    }
    fleet_.heal();
    for (int b = 1; b <= fleet_.size(); ++b) {
      if (down_.contains(b)) fleet_.boot(b);
    }
    BOOST_REQUIRE(fleet_.run_until([&] { return fleet_.settled(); }, 120'000));
    BOOST_REQUIRE(fleet_.run_until([&] { return over(); }, 600'000));
    check();
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
    // Once all are over the groups forget them.
    BOOST_TEST(fleet_.run_until([&] { return forgotten(); }, 60'000));
  }

 private:
  static FleetOptions options(std::uint64_t seed) {
    FleetOptions options;
    options.seed = seed;
    options.run_groups = kGroups;
    options.loss = 0.03;
    options.repeat = 0.03;
    options.delay_ms_max = 10;
    options.late = 0.02;
    options.late_ms_max = 500;
    options.disk_ms_max = 5;
    return options;
  }
  static std::string id(int i) { return absl::StrCat("r", i); }
  int up() {
    for (;;) {
      const int b = static_cast<int>(chance_.between(1, fleet_.size()));
      if (!down_.contains(b)) return b;
    }
  }
  // Asked again, under its key, until there is an answer.
  std::string ask(const std::string& key, const std::function<node::Operation(int)>& operation) {
    node::Asking asking;
    asking.key = key;
    asking.body = key;
    for (int tries = 0; tries < 50; ++tries) {
      const int b = up();
      const auto& answer = fleet_.ask(b, operation(b), asking);
      if (answer.status < 300) return answer.body;
      last_ = answer.body;
      fleet_.run(200);
    }
    BOOST_FAIL("no answer to " + key + ": " + last_);
    return "";
  }
  void start(const std::string& run) {
    ask("start-" + run, [&](int) { return node::start_of(run); });
  }
  // As the daemon does: a barrier, then how far the groups are.
  void begin(std::uint64_t batch, const std::string& prefix, std::uint32_t rate) {
    engine::BatchSpec spec;
    spec.verb = engine::BatchVerb::signal;
    spec.signal = "add";
    node::json(absl::StrCat(R"({"id": )", batch, "}")).encode(&spec.args);
    spec.filter.workflow = "w";
    spec.filter.status = "open";
    if (!prefix.empty()) spec.filter.id_prefix = prefix;
    spec.rate = rate;
    ask(absl::StrCat("begin-", batch), [&](int b) {
      fleet_.read(b, id(0));
      while (!read_all(b)) fleet_.run(50);
      node::BeginBatch begin{spec, {}, 0};
      for (std::uint16_t g = 1; g <= kGroups; ++g) {
        begin.through.push_back(fleet_.box(b).node->group(GroupId(g)).applied());
      }
      return node::ChangeBatch{std::move(begin)};
    });
  }
  bool read_all(int b) {
    const node::RequestId id = fleet_.request(b, node::Barrier{});
    return fleet_.run_until([&] { return fleet_.box(b).reads.contains(id); }, 5'000);
  }
  void stop(std::uint64_t batch) {
    ask(absl::StrCat("stop-", batch), [&](int) {
      return node::ChangeBatch{node::StopBatch{BatchId(batch), "enough"}};
    });
  }

  // A majority stays: one box is in trouble at a time.
  void trouble() {
    fleet_.run(chance_.between(1, 400));
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
        const GroupId group(static_cast<std::uint16_t>(chance_.between(0, kGroups)));
        const int leader = fleet_.leader(group);
        if (leader != 0 && leader != b) fleet_.transfer(group, leader, b);
      }
    }
  }

  const engine::Batch* batch(std::uint64_t id) {
    return fleet_.box(1).node->definitions().catalog().batches().find(BatchId(id));
  }
  bool over() {
    for (std::uint64_t id = 1; id <= 3; ++id) {
      if (batch(id) == nullptr || !batch(id)->over_at) return false;
    }
    return true;
  }
  bool forgotten() {
    for (int b = 1; b <= fleet_.size(); ++b) {
      for (std::uint16_t g = 1; g <= kGroups; ++g) {
        if (!fleet_.box(b).node->group(GroupId(g)).tables().batches().all().empty()) return false;
      }
    }
    return true;
  }
  // How often the run was asked by the batch.
  int asked(const std::string& run, int batch) {
    const engine::Run* known = fleet_.read(1, run);
    BOOST_REQUIRE(known != nullptr);
    int count = 0;
    for (const dsl::Value& item : known->variable(0, "log")->value.value.as_list()) {
      count += item == dsl::Value::int64(batch) ? 1 : 0;
    }
    return count;
  }
  void check() {
    std::uint64_t by_stopped = 0;
    for (int i = 0; i < kRuns; ++i) {
      BOOST_TEST(asked(id(i), 1) == 1);
      BOOST_TEST(asked(id(i), 2) == (id(i).starts_with("r1") ? 1 : 0));
      BOOST_TEST(asked(id(i), 3) <= 1);
      by_stopped += static_cast<std::uint64_t>(asked(id(i), 3));
    }
    for (int i = 0; i < 10; ++i) {
      const std::string late = absl::StrCat("late", i);
      BOOST_TEST(asked(late, 1) == 0);
      BOOST_TEST(asked(late, 3) <= 1);
      by_stopped += static_cast<std::uint64_t>(asked(late, 3));
    }
    // What it says is what was done.
    BOOST_TEST(changed(1) == static_cast<std::uint64_t>(kRuns));
    BOOST_TEST(changed(3) == by_stopped);
  }
  std::uint64_t changed(std::uint64_t id) {
    engine::BatchCounts all;
    for (const auto& [group, part] : batch(id)->parts) all.add(part);
    BOOST_TEST(all.refused == 0u);
    BOOST_TEST(all.unchanged == 0u);  // who is asked again says so, by the signal's dedupe id
    return all.changed;
  }

  Random chance_;
  Fleet fleet_;
  std::set<int> down_;
  bool cut_ = false;
  std::string last_;
};

int seeds() {
  const char* wanted = std::getenv("PAWL_SEEDS");
  return wanted == nullptr ? 15 : std::atoi(wanted);
}

BOOST_AUTO_TEST_SUITE(batches)

BOOST_AUTO_TEST_CASE(every_run_is_asked_once) {
  for (int seed = 1; seed <= seeds(); ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Storm(static_cast<std::uint64_t>(seed)).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
