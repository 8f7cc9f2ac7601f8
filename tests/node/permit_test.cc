// Permits of limits as a group keeps them for runs: what is asked late, or for nobody, is not kept.
#include <boost/test/unit_test.hpp>

#include "base/limits_permits.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

constexpr char kLimited[] = R"(
dsl = 1
name = "limited"
start = "work"
[limit.one]
concurrency = 1
[signal.stop]
[state.work]
task = "do"
limits = "one"
timeout = { heartbeat = "1h" }
on.stop = { next = "end" }
next = "end"
)";

struct Keeping : Host {
  Keeping() {
    boot();
    deploy(kCounter);
    deploy(kLimited);
  }
  int change(std::uint32_t number, bool gives_back = false, Index run = Index(999)) {
    ChangePermit op{GroupId(1), {"a", "k"}, {}, gives_back};
    op.ask.permit = {RunUid{GroupId(2), run}, number};
    op.ask.concurrency = 1;
    op.ask.priority = 3;
    op.ask.run = "r";
    const RequestId id = ask(op);
    drain();
    return status(id);
  }
  const engine::LimitRow* row() const {
    return node->group(GroupId(1)).tables().limits().find({"a", "k"});
  }
  std::size_t permits() const {
    std::size_t count = 0;
    for (std::uint16_t g = 1; g <= 3; ++g) {
      count += node->group(GroupId(g)).tables().limits().permit_count();
    }
    return count;
  }
  std::size_t tasks(RequestId poll) const { return answer(poll).tokens.size(); }
};

BOOST_AUTO_TEST_SUITE(permit)

BOOST_AUTO_TEST_CASE(asked_again_it_is_the_same) {
  Keeping host;
  BOOST_TEST(host.change(1) == 200);
  BOOST_TEST(host.change(2) == 202);
  BOOST_TEST(host.change(1) == 200);
  BOOST_TEST(host.change(2) == 202);
  BOOST_TEST(host.row()->held.size() == 1u);
  BOOST_TEST(host.row()->waiting.size() == 1u);
  BOOST_TEST(host.change(2, true) == 200);
  BOOST_TEST(host.change(2, true) == 200);
  BOOST_TEST(host.change(1, true) == 200);
  BOOST_TEST(host.row() == nullptr);
}

// As one would be that was asked for by a request which came after it had been given back.
BOOST_AUTO_TEST_CASE(a_permit_that_nobody_wants_is_taken_back) {
  Keeping host;
  host.start("r");
  const RunUid run = host.run("r").uid();
  BOOST_TEST(host.change(1) == 200);                    // of a run that is not there
  BOOST_TEST(host.change(7, false, run.index) == 202);  // of one that has never had it, or not
  host.advance(limits::kPermitCheckMs - 1);
  BOOST_TEST(host.row()->held.begin()->first.number == 1u);
  host.advance(5'000);
  BOOST_TEST(host.row() == nullptr);
  BOOST_TEST(host.audit() == "");
}

// A number that a run uses for another limit, as after a restore from groups of two moments.
BOOST_AUTO_TEST_CASE(a_permit_of_another_limit_is_no_permit) {
  Keeping host;
  host.start("first", "limited");
  host.start("second", "limited");
  host.advance(100);
  const engine::Run& second = host.run("second");
  BOOST_TEST((second.steps.at(0)->status == engine::StepStatus::limited));
  ChangePermit op{GroupId(1), {"a", "k"}, {}, false};
  op.ask = {{second.uid(), 1}, 1, 0, 0, 3, "second"};
  BOOST_TEST(host.status((host.ask(op), host.drain(), host.ask(op))) == 200);
  host.advance(10'000);
  BOOST_TEST((host.run("second").steps.at(0)->status == engine::StepStatus::limited));
  BOOST_TEST(host.row() == nullptr);
  BOOST_TEST(host.permits() == 2u);
}

BOOST_AUTO_TEST_CASE(what_is_unsound_is_refused) {
  Keeping host;
  ChangePermit op{GroupId(1), {"a", "k"}, {}, false};
  op.ask = {{RunUid{GroupId(2), Index(9)}, 1}, 0, 5'000, 10, 3, "r"};
  const RequestId id = host.ask(op);
  host.drain();
  BOOST_TEST(host.status(id) == 400);
  BOOST_TEST(host.audit() == "");
}

// Thousands of holders, none of which knows of it, and no turn that asks them all.
BOOST_AUTO_TEST_CASE(holders_are_asked_some_at_a_time) {
  Keeping host;
  for (std::uint32_t n = 1; n <= 1'000; ++n) {
    ChangePermit op{GroupId(1), {"a", "k"}, {}, false};
    op.ask = {{RunUid{GroupId(2), Index(999)}, n}, 2'000, 0, 0, 3, "r"};
    host.ask(op);
  }
  host.drain();
  BOOST_TEST(host.permits() == 1'000u);
  host.crash();
  host.boot();
  host.stall(limits::kPermitCheckMs + 1'000 * limits::kPermitCheckSpreadMs);
  host.tick();
  host.drain();
  BOOST_TEST(host.permits() >= 1'000u - limits::kPermitChecksMax);
  BOOST_TEST(host.permits() < 1'000u);
  host.advance(1'000);
  BOOST_TEST(host.permits() == 0u);
}

BOOST_AUTO_TEST_CASE(the_first_holds_the_next_waits) {
  Keeping host;
  host.start("first", "limited");
  host.start("second", "limited");
  host.advance(100);
  const RequestId poll = host.poll(5);
  BOOST_TEST(host.tasks(poll) == 1u);
  BOOST_TEST((host.run("second").steps.at(0)->status == engine::StepStatus::limited));
  // What is held is held for as long as it takes, however often its holder is asked.
  host.advance(20 * 60'000);
  BOOST_TEST((host.run("second").steps.at(0)->status == engine::StepStatus::limited));
  host.crash();
  host.boot();
  host.advance(60'000);
  BOOST_TEST((host.run("second").steps.at(0)->status == engine::StepStatus::limited));
  host.ask(complete_of(host.answer(poll).tokens.at(0)));
  host.advance(100);
  BOOST_TEST((host.run("second").steps.at(0)->status == engine::StepStatus::queued));
  host.signal("second", "stop");
  host.advance(100);
  BOOST_TEST(host.permits() == 0u);
  BOOST_TEST(!host.run("second").has_errands());
  BOOST_TEST(host.audit() == "");
}

BOOST_AUTO_TEST_CASE(runs_rest_and_go_while_they_wait) {
  Keeping host;
  for (int i = 0; i < 8; ++i) host.start(id_in_group(*host.node, 1, i), "limited");
  host.advance(40 * 60'000);
  BOOST_TEST(host.permits() == 8u);
  for (int i = 0; i < 8; ++i) host.signal(id_in_group(*host.node, 1, i), "stop");
  host.advance(1'000);
  BOOST_TEST(host.permits() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
