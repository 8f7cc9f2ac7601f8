// Three boxes with a roster and a workflow, whose members change: for the tests of members and of
// what is left of them.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/node/definitions.h"
#include "tests/sim/fleet.h"

namespace pawl::sim {

inline node::ChangeBoxes added(int b, bool promote = true) {
  return {node::ChangeBoxes::What::add, NodeId(static_cast<std::uint64_t>(b)), "box:1", promote};
}
inline node::ChangeBoxes promoted(int b) {
  return {node::ChangeBoxes::What::promote, NodeId(static_cast<std::uint64_t>(b)), "", false};
}
inline node::ChangeBoxes removed(int b) {
  return {node::ChangeBoxes::What::remove, NodeId(static_cast<std::uint64_t>(b)), "", false};
}

struct Changing : Fleet {
  explicit Changing(FleetOptions fleet = {}) : Fleet(fleet) {
    boot_all();
    BOOST_REQUIRE(run_until([&] { return settled() && !roster(1).boxes().empty(); }));
    deploy(1, node::kCounter);
  }

  const engine::Roster& roster(int b) { return box(b).node->definitions().catalog().roster(); }

  // Every group of box b has these voters, and nobody learns.
  bool has_voters(int b, const std::vector<int>& voters) {
    std::vector<NodeId> wanted;
    for (const int voter : voters) wanted.push_back(NodeId(static_cast<std::uint64_t>(voter)));
    for (std::uint16_t g = 0; g <= options.run_groups; ++g) {
      const raft::Membership& now = box(b).node->group(GroupId(g)).raft().membership();
      if (now.joint() || now.voters != wanted || !now.learners.empty()) return false;
    }
    return true;
  }

  void start_runs(int through, int count) {
    for (int n = 0; n < count; ++n) {
      const auto& answer = ask(through, node::start_of("r" + std::to_string(runs_++)));
      BOOST_TEST(answer.status == 201, answer.body);
    }
  }

  // Every run ever started is there, read through box b.
  void check_runs(int b) {
    for (int n = 0; n < runs_; ++n) {
      BOOST_TEST(read(b, "r" + std::to_string(n)) != nullptr, "run " << n << " on box " << b);
    }
  }

  std::string type_of(const node::Answer& answer) {
    return node::json(answer.body).field("type")->as_string();
  }

  int runs_ = 0;
};

}  // namespace pawl::sim
