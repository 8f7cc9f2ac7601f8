// Deleting what a closed run holds: its payloads go, its skeleton and its hash stay.
#include <boost/test/unit_test.hpp>

#include "engine/evolve.h"
#include "world.h"

namespace pawl::engine {
namespace {

constexpr const char* kWorkflow = R"toml(
dsl = 1
name = "flow"
start = "work"
[vars]
note = { type = "string", default = "a secret note" }
[signal.stop]
[signal.fail]
[state.work]
task = "t"
timeout = { attempt = "1h" }
on.stop = { next = "done" }
on.fail = { next = "failed" }
next = "done"
[state.done]
end = "completed"
output = "= 'secret of ' + input.name"
[state.failed]
end = "failed"
error = { type = "broken", message = "= 'secret ' + input.name" }
)toml";

bool holds_secret(const World& world) {
  return bytes_of(world.tables).find("secret") != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(data)

BOOST_AUTO_TEST_CASE(an_open_run_keeps_its_data) {
  World world(kWorkflow);
  world.start("{'name': 'a secret'}");
  const Decision refused = world.send(DeleteData{"gdpr"});
  BOOST_CHECK(refused.refusal == Refusal::run_open);
  BOOST_CHECK(refused.events.empty());
  BOOST_CHECK(holds_secret(world));
}

BOOST_AUTO_TEST_CASE(a_closed_run_keeps_its_skeleton) {
  for (const char* how : {"stop", "fail"}) {
    World world(kWorkflow);
    world.start("{'name': 'a secret'}");
    world.hand_out();
    world.signal(how);
    BOOST_REQUIRE(world.run().closed());
    const Run before = world.run();
    BOOST_CHECK(holds_secret(world));
    const Decision deleted = world.send(DeleteData{"gdpr"});
    BOOST_REQUIRE_EQUAL(deleted.events.size(), 1u);
    const Run& run = world.run();
    BOOST_CHECK(!holds_secret(world));
    BOOST_CHECK(run.status == RunStatus::data_deleted);
    BOOST_CHECK(run.closed() && run.closed_at == before.closed_at);
    BOOST_CHECK_EQUAL(run.seq.v, before.seq.v + 1);
    BOOST_CHECK(run.hash != before.hash);
    BOOST_CHECK_EQUAL(run.state(), before.state());
    const Payload& input = run.identity->input;
    BOOST_CHECK(input.scrubbed && input.value.is_null() && !input.cold);
    BOOST_CHECK_EQUAL(input.length, before.identity->input.length);
    BOOST_CHECK(input.digest == before.identity->input.digest);
    BOOST_CHECK(run.variable(0, "note")->value.scrubbed);
    BOOST_CHECK_EQUAL(run_problem(run), "");
    if (run.output->length > 0) BOOST_CHECK(run.output->scrubbed);
    if (run.error->has_value()) {
      BOOST_CHECK_EQUAL((*run.error)->type, "broken");
      BOOST_CHECK((*run.error)->detail.scrubbed);
    }
    // Once more is nothing; the worker that still has the task may let go of it.
    const Decision again = world.send(DeleteData{"gdpr"});
    BOOST_CHECK(again.duplicate && again.events.empty());
    BOOST_CHECK_EQUAL(world.send(LoseLease{StepId(1), 1}).events.size(), 1u);
    BOOST_CHECK(world.run().status == RunStatus::data_deleted);
    BOOST_CHECK(world.send(Pause{""}).refusal == Refusal::run_closed);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_not_folded) {
  World world(kWorkflow);
  world.start("{'name': 'a secret'}");
  HashScratch scratch;
  Run open = world.run();
  BOOST_CHECK(!evolve(&open, RunDataDeleted{}, world.now, &scratch));
  Run closed_so = world.run();
  RunClosed wrong;
  wrong.status = RunStatus::data_deleted;
  BOOST_CHECK(!evolve(&closed_so, wrong, world.now, &scratch));
  world.send(Terminate{""});
  Run twice = world.run();
  BOOST_CHECK(evolve(&twice, RunDataDeleted{}, world.now, &scratch));
  BOOST_CHECK(!evolve(&twice, RunDataDeleted{}, world.now, &scratch));
}

BOOST_AUTO_TEST_CASE(answers_that_show_the_run_are_scrubbed_and_no_others) {
  Dedupe dedupe;
  const auto remember = [&](const std::string& key, const ForwardedAs& forwarded,
                            const std::string& body) {
    KeyedAnswer answer;
    answer.key = key;
    answer.forwarded = forwarded;
    answer.at = TimeMs(1000);
    answer.status = 201;
    answer.body = body;
    dedupe.remember(std::move(answer));
  };
  const std::string mine = R"({"id":"a/b","uid":"1-a",)";
  remember("k", {}, mine + R"("input":"secret"})");
  remember("other", {}, R"({"id":"a/b","uid":"1-ab","input":"\"uid\":\"1-a\""})");
  remember("", {7, 3, 1}, mine + R"("input":"secret"})");
  remember("own", {}, mine + R"("status":"data_deleted","seq":9})");
  dedupe.scrub("a/b", {GroupId(1), Index(10)});
  BOOST_CHECK_EQUAL(dedupe.find("k")->body, mine + R"("status":"data_deleted"})");
  BOOST_CHECK_EQUAL(dedupe.find("k")->status, 201);
  BOOST_CHECK_EQUAL(dedupe.find("other")->body,
                    R"({"id":"a/b","uid":"1-ab","input":"\"uid\":\"1-a\""})");
  BOOST_CHECK_EQUAL(dedupe.find(ForwardedAs{7, 3, 1})->body, mine + R"("status":"data_deleted"})");
  BOOST_CHECK_EQUAL(dedupe.find("own")->body, mine + R"("status":"data_deleted","seq":9})");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::engine
