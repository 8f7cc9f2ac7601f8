// Batches while boxes crash, are cut off and hand their leaderships over: every run that fits and
// existed when it began is asked once, and no other (node/batches.h).
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/limits_batches.h"
#include "tests/node/definitions.h"
#include "tests/sim/trouble.h"

namespace pawl::sim {
namespace {

using engine::BatchId;

constexpr int kRuns = 40;
constexpr std::uint16_t kGroups = 3;

class Storm {
 public:
  explicit Storm(std::uint64_t seed) : troubled_(troubled_options(seed, kGroups)) {
    fleet_.deploy(1, node::kCounter);
    for (int i = 0; i < kRuns; ++i) start(id(i));
    // One of them is stopped, one ends before its turn has come.
    begin(1, {}, static_cast<std::uint32_t>(troubled_.chance.between(10, 60)));
    for (int i = 0; i < 10; ++i) start(absl::StrCat("late", i));
    begin(2, "r1", static_cast<std::uint32_t>(troubled_.chance.between(10, 60)));
    begin(3, {}, 2);
  }

  void run() {
    for (int i = 0; i < 25; ++i) {
      troubled_.trouble(400);
      if (i == 10) stop(3);
    }
    troubled_.mend();
    BOOST_REQUIRE(fleet_.run_until([&] { return over(); }, 600'000));
    check();
    BOOST_TEST(fleet_.run_until([&] { return fleet_.differences().empty(); }));
    // Once all are over the groups forget them.
    BOOST_TEST(fleet_.run_until([&] { return forgotten(); }, 60'000));
  }

 private:
  static std::string id(int i) { return absl::StrCat("r", i); }
  void start(const std::string& run) {
    troubled_.demand("start-" + run, [&](int) { return node::start_of(run); });
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
    troubled_.demand(absl::StrCat("begin-", batch), [&](int b) {
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
    troubled_.demand(absl::StrCat("stop-", batch), [&](int) {
      return node::ChangeBatch{node::StopBatch{BatchId(batch), "enough"}};
    });
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

  Troubled troubled_;
  Fleet& fleet_ = troubled_.fleet;
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
