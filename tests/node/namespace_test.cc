// Namespaces on one box: runs of the same ids apart, quotas exactly kept, polls by turns, and the
// end of a namespace (node/quotas.h, node/shares.h). Several boxes: tests/sim/namespaces_test.cc.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "absl/strings/str_cat.h"
#include "engine/namespace.h"
#include "node/quotas.h"
#include "tests/node/definitions.h"
#include "tests/node/host.h"

namespace pawl::node {
namespace {

struct NamespaceHost : Host {
  explicit NamespaceHost(std::uint64_t seed = 1) : Host(3, seed) {
    boot();
    for (const char* name : {"a", "b"}) {
      put(name);
      deploy_in(name, kCounter, "w");
      deploy_in(name, kTask, "job");
    }
    deploy(kCounter);
    deploy(kTask);
  }
  RequestId put(const std::string& name, const engine::NamespaceQuota& quota = {}) {
    return done(ChangeNamespace{PutNamespace{name, quota, "why"}});
  }
  RequestId erase(const std::string& name) { return done(ChangeNamespace{DeleteNamespace{name}}); }
  RequestId done(Operation operation) {
    const RequestId id = ask(std::move(operation));
    drain();
    return id;
  }
  void deploy_in(const std::string& name, const char* toml, const std::string& workflow) {
    BOOST_REQUIRE_LT(status(done(DeployWorkflow{engine::qualified(name, workflow), toml, true})),
                     300);
  }
  int start_in(const std::string& name, const std::string& run, const std::string& workflow = "w") {
    return status(start(engine::qualified(name, run), engine::qualified(name, workflow)));
  }
  int stop_in(const std::string& name, const std::string& run) {
    return status(signal(engine::qualified(name, run), "stop"));
  }
  std::uint64_t open(const std::string& name) const {
    std::uint64_t sum = 0;
    for (std::uint16_t g = 1; g < node->group_count(); ++g) {
      sum += node->group(GroupId(g)).tables().usage_of(name).open_runs;
    }
    return sum;
  }
  // The runs of the tasks that a poll gets, sorted.
  std::vector<std::string> poll_all(std::vector<std::string> name_spaces, std::uint32_t max) {
    PollTasks poll;
    for (std::string& name : name_spaces) name = engine::qualified(name, "default");
    poll.queue = name_spaces[0];
    poll.others.assign(name_spaces.begin() + 1, name_spaces.end());
    poll.worker = "w";
    poll.max = max;
    const RequestId id = done(std::move(poll));
    std::vector<std::string> runs;
    const dsl::Value tasks = member(id, "tasks");
    for (const dsl::Value& task : tasks.as_list()) {
      const dsl::Value* name = task.field("namespace");
      runs.push_back(absl::StrCat(name == nullptr ? "default" : name->as_string(), " ",
                                  task.field("run")->as_string()));
    }
    std::sort(runs.begin(), runs.end());
    return runs;
  }
};

BOOST_AUTO_TEST_SUITE(namespaces)

BOOST_AUTO_TEST_CASE(the_same_id_is_another_run) {
  NamespaceHost host;
  for (const char* name : {"default", "a", "b"}) BOOST_CHECK_EQUAL(host.start_in(name, "r"), 201);
  BOOST_CHECK_EQUAL(host.start_in("a", "r"), 409);
  BOOST_CHECK_EQUAL(host.stop_in("a", "r"), 200);
  BOOST_CHECK(host.run("a!r").closed());
  BOOST_CHECK(!host.run("r").closed() && !host.run("b!r").closed());
  BOOST_CHECK_EQUAL(host.run("a!r").workflow(), "a!w");
  BOOST_CHECK_EQUAL(host.audit(), "");
  host.crash();
  host.boot();
  BOOST_CHECK(host.run("a!r").closed() && !host.run("b!r").closed());
  BOOST_CHECK_EQUAL(host.audit(), "");
}

BOOST_AUTO_TEST_CASE(a_namespace_that_is_not_there_takes_no_runs) {
  NamespaceHost host;
  const RequestId id = host.start("nobody!r", "nobody!w");
  BOOST_CHECK_EQUAL(host.status(id), 404);
  BOOST_CHECK_EQUAL(host.type(id), "namespace-unknown");
  // Nor anything else.
  const std::size_t versions = host.node->catalog().version_count();
  for (Operation operation :
       {Operation(DeployWorkflow{"nobody!w", kTask, true}), Operation(PauseQueue{"nobody!q", ""}),
        Operation(ChangeSubscription{PutSubscription{"nobody!out", false, {}, {}, {}}})}) {
    BOOST_CHECK_EQUAL(host.status(host.done(std::move(operation))), 404);
  }
  BOOST_CHECK_EQUAL(host.node->catalog().version_count(), versions);
}

BOOST_AUTO_TEST_CASE(open_runs_are_counted_as_they_are_proposed) {
  NamespaceHost host;
  host.put("a", {5, {}, {}});
  std::vector<RequestId> asked;
  for (int i = 0; i < 12; ++i) {
    StartRun start;
    start.workflow = "a!w";
    start.id = absl::StrCat("a!r", i);
    start.input = dsl::Value::map({});
    asked.push_back(host.ask(std::move(start)));  // all before one of them is on the disk
  }
  host.drain();
  int taken = 0;
  for (const RequestId id : asked) {
    taken += host.status(id) == 201 ? 1 : 0;
    if (host.status(id) != 201) BOOST_CHECK_EQUAL(host.type(id), "quota-exceeded");
  }
  BOOST_CHECK_EQUAL(taken, 5);
  BOOST_CHECK_EQUAL(host.open("a"), 5u);
  BOOST_CHECK_EQUAL(host.node->stats().refused_quota, 7u);
  BOOST_CHECK_EQUAL(host.stop_in("a", "r0"), 200);
  BOOST_CHECK_EQUAL(host.start_in("a", "r20"), 201);
  BOOST_CHECK_EQUAL(host.start_in("a", "r21"), 429);
  BOOST_CHECK_EQUAL(host.start_in("b", "r21"), 201);
  host.put("a", {1, {}, {}});  // lowered: nothing is ended, nothing begins
  BOOST_CHECK_EQUAL(host.open("a"), 5u);
  BOOST_CHECK_EQUAL(host.start_in("a", "r22"), 429);
  host.crash();
  host.boot();
  BOOST_CHECK_EQUAL(host.open("a"), 5u);
  BOOST_CHECK_EQUAL(host.start_in("a", "r22"), 429);
  host.put("a");
  BOOST_CHECK_EQUAL(host.start_in("a", "r22"), 201);
}

BOOST_AUTO_TEST_CASE(bytes_of_open_runs) {
  NamespaceHost host;
  BOOST_CHECK_EQUAL(host.start_in("a", "r"), 201);
  host.put("a", {{}, 3'000, {}});
  const std::string big = "{\"text\": \"" + std::string(2'000, 'x') + "\"}";
  BOOST_CHECK_EQUAL(host.status(host.signal("a!r", "blob", big)), 200);
  BOOST_CHECK_EQUAL(host.start_in("a", "r2"), 201);
  BOOST_CHECK_EQUAL(host.status(host.signal("a!r2", "blob", big)), 429);
  BOOST_CHECK_EQUAL(host.stop_in("a", "r2"), 200);  // one that only ends something is taken
  // The outcome of a task is always taken.
  host.start_in("a", "t", "job");
  PollTasks poll;
  poll.queue = "a!default";
  poll.worker = "w";
  const RequestId polled = host.done(std::move(poll));
  BOOST_REQUIRE_EQUAL(host.member(polled, "tasks").as_list().size(), 1u);
}

BOOST_AUTO_TEST_CASE(starts_a_second) {
  NamespaceHost host;
  host.put("a", {{}, {}, 3});
  const auto some = [&host](int tag) {
    int taken = 0;
    for (int i = 0; i < 10; ++i) {
      taken += host.start_in("a", absl::StrCat("r", tag, "-", i)) == 201 ? 1 : 0;
    }
    return taken;
  };
  BOOST_CHECK_EQUAL(some(1), 3);
  BOOST_CHECK_EQUAL(some(2), 0);
  host.advance(1'000);
  BOOST_CHECK_EQUAL(some(3), 3);
  host.advance(60'000);
  BOOST_CHECK_EQUAL(some(4), 3);  // no more than a second's worth is saved up
  StartTokens tokens;
  BOOST_CHECK_EQUAL(tokens.take(2, 5, 10'000, 9'500), 1u);  // since it began
  BOOST_CHECK_EQUAL(tokens.take(2, 5, 10'400, 9'500), 0u);
  BOOST_CHECK_EQUAL(tokens.take(2, 5, 10'500, 9'500), 1u);
  BOOST_CHECK_EQUAL(tokens.take(2, 1, 90'000, 9'500), 1u);
  BOOST_CHECK_EQUAL(tokens.take(2, 5, 90'000, 9'500), 1u);
  BOOST_CHECK_EQUAL(tokens.take(0, 5, 99'000, 9'500), 0u);
}

BOOST_AUTO_TEST_CASE(namespaces_take_turns) {
  NamespaceHost host;
  for (int i = 0; i < 6; ++i) {
    host.start_in("a", absl::StrCat("f", i), "job");
    host.advance(1);  // one after the other
  }
  for (int i = 0; i < 2; ++i) {
    host.start_in("b", absl::StrCat("s", i), "job");
    host.advance(1);
  }
  using Runs = std::vector<std::string>;
  BOOST_CHECK((host.poll_all({"a", "b"}, 3) == Runs{"a f0", "a f1", "b s0"}));
  BOOST_CHECK((host.poll_all({"a", "b", "default"}, 2) == Runs{"a f2", "b s1"}));
  BOOST_CHECK((host.poll_all({"b", "default"}, 2) == Runs{}));
  BOOST_CHECK((host.poll_all({"default", "a"}, 9) == Runs{"a f3", "a f4", "a f5"}));
}

BOOST_AUTO_TEST_CASE(a_parked_poll_is_woken_by_any_of_its_namespaces) {
  NamespaceHost host;
  PollTasks poll;
  poll.queue = "a!default";
  poll.others = {"b!default"};
  poll.worker = "w";
  poll.wait_ms = 30'000;
  const RequestId id = host.done(std::move(poll));
  BOOST_CHECK(!host.answered(id));
  host.start_in("default", "r", "job");
  BOOST_CHECK(!host.answered(id));
  host.start_in("b", "r", "job");
  BOOST_REQUIRE(host.answered(id));
  BOOST_CHECK_EQUAL(host.member(id, "tasks").as_list().size(), 1u);
  BOOST_CHECK(host.node->polls().queues().empty());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_namespace) {
  NamespaceHost host;
  host.start_in("a", "r");
  RequestId id = host.erase("a");
  BOOST_CHECK_EQUAL(host.status(id), 409);
  BOOST_CHECK_EQUAL(host.type(id), "namespace-in-use");
  BOOST_CHECK_EQUAL(host.start_in("a", "r2"), 201);  // it goes on
  BOOST_CHECK_EQUAL(host.status(host.erase("default")), 409);
  BOOST_CHECK_EQUAL(host.status(host.erase("nobody")), 404);
  BOOST_CHECK_EQUAL(host.status(host.erase("b")), 200);
  BOOST_CHECK(host.node->catalog().find("b!w") == nullptr);
  BOOST_CHECK(host.node->catalog().find("a!w") != nullptr);
  BOOST_CHECK_EQUAL(host.start_in("b", "r"), 404);
  BOOST_CHECK_EQUAL(host.status(host.put("b")), 201);
  BOOST_CHECK_EQUAL(host.start_in("b", "r"), 404);  // its definitions are gone
  host.deploy_in("b", kTask, "w");                  // another one by that name, as version 1
  BOOST_CHECK_EQUAL(host.start_in("b", "r"), 201);
  BOOST_CHECK_EQUAL(host.run("b!r").state(), "work");
  host.crash();
  host.boot();
  BOOST_CHECK_EQUAL(host.run("b!r").state(), "work");
  BOOST_CHECK_EQUAL(host.audit(), "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::node
