// Three boxes whose segments fill soon, and which give them up when they are told to.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/node/definitions.h"
#include "tests/node/small_host.h"
#include "tests/sim/changing.h"

namespace pawl::sim {

struct Filling : Changing {
  Random noise{5};

  Filling() {
    deploy(1, node::SmallHost::forgetful("short"));
    start_runs(1, 3);
  }
  std::string text(int bytes) {
    std::string made;
    for (int i = 0; i < bytes; ++i) made += static_cast<char>('a' + noise.below(26));
    return made;
  }
  void fill(int b, const std::string& id, const std::string& workflow, int signals = 12) {
    BOOST_TEST(ask(b, node::start_of(id, workflow)).status == 201);
    for (int i = 0; i < signals; ++i) {
      BOOST_TEST(
          ask(b, node::signal_of(id, "blob", R"({"text": ")" + text(9'000) + "\"}")).status == 200);
    }
  }
  void fill_and_forget(int b, int runs) {
    for (int i = 0; i < runs; ++i) {
      const std::string id = "gone-" + std::to_string(next_++);
      fill(b, id, "short");
      BOOST_TEST(ask(b, node::signal_of(id, "stop")).status == 200);
    }
    run(15'000);
  }
  void give_up(int b) {
    node::Host& host = box(b);
    for (std::uint16_t g = 0; g < host.node->group_count(); ++g) {
      BOOST_REQUIRE(run_until([&] {
        const node::Group& group = host.node->group(GroupId(g));
        return group.raft().durable() >= group.applied();
      }));
      host.keep_snapshot(node::snapshot_of(host.node.get(), GroupId(g)));
    }
    host.compact();
    host.give_up_segments();
    run(2'000);
  }
  std::uint64_t installs(int b) { return box(b).node->stats().snapshots_installed; }
  // What the box has of a run, read back from its own journal.
  bool history_holds(int b, const std::string& id) {
    GroupId group;
    const engine::Run* run = box(b).node->find({id, std::nullopt}, &group);
    BOOST_REQUIRE(run != nullptr);
    const node::RunLoaded loaded =
        box(b).load(node::LoadRun{group, run->uid().index, run->last_entry});
    return loaded.run->hash == run->hash;
  }

 private:
  int next_ = 0;
};

}  // namespace pawl::sim
