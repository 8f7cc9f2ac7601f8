// Batches on one box: every run that fits and existed is asked once, at the batch's rate, whatever
// happens to the box meanwhile (node/batches.h). With several boxes: tests/sim/batches_test.cc.
#include <boost/test/unit_test.hpp>

#include "absl/strings/str_cat.h"
#include "base/limits_batches.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

using engine::BatchId;
using engine::BatchVerb;

engine::BatchSpec spec_of(BatchVerb verb, std::uint32_t rate = limits::kBatchRateMax) {
  engine::BatchSpec spec;
  spec.verb = verb;
  spec.filter.workflow = "w";
  spec.filter.status = "open";
  spec.rate = rate;
  return spec;
}

engine::BatchSpec add_to_all(std::uint32_t rate = limits::kBatchRateMax) {
  engine::BatchSpec spec = spec_of(BatchVerb::signal, rate);
  spec.signal = "add";
  json(R"({"id": 1})").encode(&spec.args);
  return spec;
}

struct BatchHost : Host {
  explicit BatchHost(std::uint64_t seed = 1) : Host(3, seed) {
    boot();
    deploy(kCounter);
    deploy(with_id("other", ""));
  }
  ChangeBatch begin_of(const engine::BatchSpec& spec) const {
    BeginBatch begin{spec, {}, 0};
    for (std::uint16_t g = 1; g < node->group_count(); ++g) {
      begin.through.push_back(node->group(GroupId(g)).applied());
    }
    return ChangeBatch{std::move(begin)};
  }
  RequestId begin_batch(const engine::BatchSpec& spec, const Asking& asking = {}) {
    const RequestId id = ask(begin_of(spec), asking);
    drain();
    return id;
  }
  RequestId stop_batch(std::uint64_t batch) {
    const RequestId id = ask(ChangeBatch{StopBatch{BatchId(batch), "enough"}});
    drain();
    return id;
  }
  const engine::BatchBook& book() const { return node->definitions().catalog().batches(); }
  const engine::Batch& batch(std::uint64_t id) const { return *book().find(BatchId(id)); }
  bool over(std::uint64_t id) const { return batch(id).over_at.has_value(); }
  engine::BatchCounts counts(std::uint64_t id) const {
    engine::BatchCounts all;
    for (const auto& [group, part] : batch(id).parts) all.add(part);
    return all;
  }
  void start_many(int from, int to) {
    for (int i = from; i < to; ++i) ask(start_of(absl::StrCat("r", i)));
    drain();
  }
  std::string log_of(int i) const { return var(absl::StrCat("r", i), "log").debug_string(); }
  int touched(int runs) const {
    int count = 0;
    for (int i = 0; i < runs; ++i) count += log_of(i) == "[]" ? 0 : 1;
    return count;
  }
};

BOOST_AUTO_TEST_SUITE(batches)

BOOST_AUTO_TEST_CASE(every_run_that_fits_is_asked_once) {
  BatchHost host;
  host.start_many(0, 40);
  host.start("other", "other");
  host.signal("r3", "stop");
  const RequestId begun = host.begin_batch(add_to_all());
  BOOST_TEST(host.status(begun) == 201);
  BOOST_TEST(host.answer(begun).location == "/v1/batches/1");
  host.start_many(40, 50);
  host.advance(10'000);
  BOOST_REQUIRE(host.over(1));
  BOOST_TEST(host.counts(1).changed == 39u);
  BOOST_TEST(host.counts(1).refused == 0u);
  for (int i = 0; i < 40; ++i) BOOST_TEST(host.log_of(i) == (i == 3 ? "[]" : "[1]"));
  for (int i = 40; i < 50; ++i) BOOST_TEST(host.log_of(i) == "[]");
  BOOST_TEST(host.audit() == "");
  // The groups have forgotten it, and nothing wakes the box for it again.
  for (std::uint16_t g = 1; g < host.node->group_count(); ++g) {
    const auto& rows = host.node->group(GroupId(g)).tables().batches();
    BOOST_TEST(rows.all().empty());
    BOOST_TEST(rows.is_done(BatchId(1)));
  }
}

BOOST_AUTO_TEST_CASE(its_rate_is_never_passed) {
  BatchHost host;
  host.start_many(0, 60);
  host.begin_batch(add_to_all(10));
  std::int64_t ms = 0;
  for (; !host.over(1) && ms < 60'000; ms += 100) {
    BOOST_TEST(host.touched(60) <= 1 + ms / 100);
    host.advance(100);
  }
  BOOST_TEST(ms >= 6'000);
  BOOST_TEST(ms <= 8'000);  // and is made use of
  BOOST_TEST(host.touched(60) == 60);
}

BOOST_AUTO_TEST_CASE(refusals_are_counted_and_the_first_are_kept) {
  BatchHost host;
  host.start_many(0, 30);
  engine::BatchSpec spec = spec_of(BatchVerb::move);
  spec.from = "idle";
  spec.to = "nap";
  host.begin_batch(spec);
  host.advance(10'000);
  BOOST_REQUIRE(host.over(1));
  const engine::BatchCounts counts = host.counts(1);
  BOOST_TEST(counts.changed == 0u);
  BOOST_TEST(counts.refused == 30u);
  BOOST_REQUIRE(counts.refusals.size() == limits::kBatchRefusalsKept);
  BOOST_TEST(counts.refusals[0].type == "move-not-allowed");
  BOOST_TEST(counts.refusals[0].detail.find("has no move to") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_so_already_is_not_changed) {
  BatchHost host;
  host.start_many(0, 5);
  host.ask(command_of("r1", engine::Pause{""}));
  host.drain();
  host.begin_batch(spec_of(BatchVerb::pause));
  host.advance(5'000);
  BOOST_TEST(host.counts(1).changed == 4u);
  BOOST_TEST(host.counts(1).refused == 1u);
  BOOST_TEST(engine::enum_name(host.run("r0").status) == std::string("paused"));
  engine::BatchSpec resume = spec_of(BatchVerb::resume);
  resume.filter.status = "paused";
  resume.filter.id_prefix = "r1";
  host.begin_batch(resume);
  host.advance(5'000);
  BOOST_TEST(host.counts(2).changed == 1u);
  BOOST_TEST(engine::enum_name(host.run("r1").status) == std::string("running"));
  BOOST_TEST(engine::enum_name(host.run("r2").status) == std::string("paused"));
  host.begin_batch(spec_of(BatchVerb::terminate));
  host.advance(5'000);
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(engine::enum_name(host.run(absl::StrCat("r", i)).status) ==
               std::string("terminated"));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_is_stopped_where_it_is) {
  BatchHost host;
  host.start_many(0, 60);
  host.begin_batch(add_to_all(10));
  host.advance(2'000);
  const RequestId stopped = host.stop_batch(1);
  BOOST_TEST(host.status(stopped) == 200);
  const int touched = host.touched(60);
  BOOST_TEST(touched > 5);
  host.advance(10'000);
  BOOST_TEST(host.touched(60) <= touched + 1);
  BOOST_REQUIRE(host.over(1));
  BOOST_TEST(host.counts(1).changed == static_cast<std::uint64_t>(host.touched(60)));
  BOOST_TEST(host.status(host.stop_batch(1)) == 200);  // and stays so
  BOOST_TEST(host.status(host.stop_batch(9)) == 404);
  BOOST_TEST(host.type(host.stop_batch(9)) == "batch-unknown");
}

BOOST_AUTO_TEST_CASE(a_key_begins_one_and_so_many_are_open) {
  BatchHost host;
  host.start_many(0, 200);
  const Asking keyed{.key = "k", .body = "b"};
  const RequestId first = host.begin_batch(add_to_all(1), keyed);
  const RequestId again = host.begin_batch(add_to_all(1), keyed);
  BOOST_TEST(host.answer(first).body == host.answer(again).body);
  for (std::size_t i = 1; i < limits::kBatchesOpenMax; ++i) {
    BOOST_TEST(host.status(host.begin_batch(add_to_all(1))) == 201);
  }
  const RequestId refused = host.begin_batch(add_to_all(1));
  BOOST_TEST(host.status(refused) == 429);
  BOOST_TEST(host.type(refused) == "too-many-batches");
  host.advance(10'000);
  BOOST_TEST(host.touched(200) > 5);
  host.stop_batch(1);
  host.advance(5'000);
  BOOST_TEST(host.status(host.begin_batch(add_to_all(1))) == 201);
}

BOOST_AUTO_TEST_CASE(nobody_overtakes_a_run_that_is_busy) {
  BatchHost host;
  host.start_many(0, 20);
  // Entries of every run are under way when it begins.
  for (int i = 0; i < 20; ++i) host.ask(signal_of(absl::StrCat("r", i), "add", R"({"id": 7})"));
  host.ask(host.begin_of(add_to_all()));
  host.drain();
  for (int i = 0; i < 20; ++i) host.ask(signal_of(absl::StrCat("r", i), "add", R"({"id": 8})"));
  host.advance(10'000);
  BOOST_REQUIRE(host.over(1));
  BOOST_TEST(host.counts(1).changed == 20u);
  for (int i = 0; i < 20; ++i) {
    const std::string log = host.log_of(i);
    BOOST_TEST((log == "[7, 1, 8]" || log == "[7, 8, 1]"), log);
  }
  BOOST_TEST(host.audit() == "");
}

// Power fails and processes end at any moment; a snapshot may be what is left of the beginning.
BOOST_AUTO_TEST_CASE(a_crash_repeats_nothing_and_leaves_nothing_out) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      BatchHost host(seed);
      host.start_many(0, 30);
      host.begin_batch(add_to_all(static_cast<std::uint32_t>(host.chance.between(20, 400))));
      for (int troubles = 0; troubles < 6; ++troubles) {
        const std::int64_t steps = host.chance.between(1, 40);
        for (std::int64_t i = 0; i < steps; ++i) {
          host.stall(host.chance.between(1, 20));
          host.tick();
          if (host.chance.chance(0.5) && host.begin() && host.chance.chance(0.8)) host.finish();
        }
        if (host.chance.chance(0.3) && !host.under_way()) {
          host.drain();
          for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
            host.keep_snapshot(snapshot_of(host.node.get(), GroupId(g)));
          }
        }
        host.chance.chance(0.5) ? host.crash() : host.kill();
        host.boot();
      }
      host.advance(30'000);
      BOOST_REQUIRE(host.over(1));
      for (int i = 0; i < 30; ++i) BOOST_TEST(host.log_of(i) == "[1]");
      BOOST_TEST(host.counts(1).changed == 30u);
      BOOST_TEST(host.audit() == "");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
