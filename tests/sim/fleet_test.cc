// Three boxes: elections, forwarding, reads, hand-outs and failover, by name.
#include <boost/test/unit_test.hpp>

#include "node/entry_sender.h"
#include "tests/node/definitions.h"
#include "tests/sim/three.h"

namespace pawl::sim {
namespace {

// How many signals the run has taken.
std::size_t log_size(const engine::Run& run) {
  return run.vars_value(0).field("log")->as_list().size();
}

BOOST_AUTO_TEST_SUITE(three_boxes)

BOOST_AUTO_TEST_CASE(every_group_gets_one_leader) {
  Three fleet;
  for (std::uint16_t g = 0; g <= 3; ++g) {
    int leaders = 0;
    for (int b = 1; b <= 3; ++b) leaders += fleet.box(b).node->leads(GroupId(g)) ? 1 : 0;
    BOOST_TEST(leaders == 1);
  }
  BOOST_TEST(fleet.box(1).node->ready());
}

BOOST_AUTO_TEST_CASE(any_box_takes_any_request) {
  Three fleet;
  fleet.deploy(2, node::kCounter);
  for (int b = 1; b <= 3; ++b) {
    for (int n = 0; n < 4; ++n) {
      const std::string id = "r" + std::to_string(b) + "-" + std::to_string(n);
      BOOST_TEST(fleet.ask(b, node::start_of(id)).status == 201);
      for (int reader = 1; reader <= 3; ++reader) BOOST_TEST(fleet.read(reader, id) != nullptr);
      BOOST_TEST(fleet.ask(b, node::start_of(id)).status == 409);
    }
  }
  BOOST_TEST(fleet.ask(1, node::start_of("x", "nothing")).status == 404);
  fleet.run(200);
  BOOST_TEST(fleet.differences() == "");
}

BOOST_AUTO_TEST_CASE(signals_from_all_sides_make_one_history) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  BOOST_TEST(fleet.ask(3, node::start_of("r")).status == 201);
  for (int n = 0; n < 30; ++n) {
    const int b = n % 3 + 1;
    const auto& answer =
        fleet.ask(b, node::signal_of("r", "add", "{\"id\":" + std::to_string(n) + "}"));
    BOOST_TEST(answer.status == 200);
    // Read elsewhere at once: it is there.
    const engine::Run* run = fleet.read((b % 3) + 1, "r");
    BOOST_REQUIRE(run != nullptr);
    BOOST_TEST(log_size(*run) == static_cast<std::size_t>(n + 1));
  }
}

BOOST_AUTO_TEST_CASE(a_dead_leader_is_replaced_and_nothing_is_lost) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  for (int n = 0; n < 12; ++n) {
    BOOST_TEST(fleet.ask(1, node::start_of("r" + std::to_string(n))).status == 201);
  }
  for (int round = 0; round < 6; ++round) {
    const int victim = fleet.leader(GroupId(static_cast<std::uint16_t>(round % 4)));
    BOOST_REQUIRE(victim > 0);
    fleet.crash(victim);
    const int other = victim % 3 + 1;
    const std::int64_t from = fleet.now_ms;
    for (int n = 0; n < 12; ++n) {
      const auto& answer =
          fleet.ask(other, node::signal_of("r" + std::to_string(n), "add",
                                           "{\"id\":" + std::to_string(round) + "}"));
      BOOST_TEST(answer.status == 200);
    }
    BOOST_TEST(fleet.now_ms - from < 3000);
    fleet.boot(victim);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  }
  fleet.run(2000);
  BOOST_TEST(fleet.differences() == "");
  for (int n = 0; n < 12; ++n) {
    const engine::Run* run = fleet.read(1, "r" + std::to_string(n));
    BOOST_REQUIRE(run != nullptr);
    BOOST_TEST(log_size(*run) == 6u);
  }
}

BOOST_AUTO_TEST_CASE(a_lagging_box_catches_up_from_the_journal) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  fleet.crash(3);
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  const std::string big(4000, 'x');
  for (int n = 0; n < 1000; ++n) {
    const auto& answer =
        fleet.ask(1 + n % 2, node::signal_of("r", "blob", "{\"text\":\"" + big + "\"}"));
    BOOST_TEST(answer.status == 200);
  }
  fleet.boot(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  BOOST_TEST(fleet.run_until([&] { return fleet.differences().empty(); }));
}

BOOST_AUTO_TEST_CASE(a_worker_gets_the_tasks_of_every_leader) {
  Three fleet;
  fleet.deploy(1, node::kTask);
  for (int n = 0; n < 20; ++n) {
    BOOST_TEST(fleet.ask(1 + n % 3, node::start_of("t" + std::to_string(n), "job")).status == 201);
  }
  std::set<std::string> tokens;
  for (int n = 0; n < 20; ++n) {
    const auto& answer = fleet.ask(2, node::poll_of(1, 5000));
    BOOST_REQUIRE(answer.tokens.size() == 1u);
    BOOST_TEST(tokens.insert(answer.tokens[0]).second);
    BOOST_TEST(fleet.ask(3, node::complete_of(answer.tokens[0])).status == 200);
  }
  BOOST_TEST(fleet.ask(2, node::poll_of(1, 1000)).tokens.empty());
  // A poll that waits at another box gets the next task.
  const node::RequestId parked = fleet.box(1).ask(node::poll_of(1, 10'000));
  fleet.run(100);
  for (int n = 0; n < 8 && !fleet.box(1).answered(parked); ++n) {
    BOOST_TEST(fleet.ask(2, node::start_of("u" + std::to_string(n), "job")).status == 201);
  }
  BOOST_TEST(fleet.run_until([&] { return fleet.box(1).answered(parked); }, 1000));
}

BOOST_AUTO_TEST_CASE(a_minority_answers_nothing) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  GroupId group = fleet.box(1).node->group_of("r");
  const int alone = fleet.leader(group);
  fleet.cut_off(alone);
  const node::RequestId lost = fleet.box(alone).ask(node::signal_of("r", "add", "{\"id\":1}"));
  const node::RequestId unread = fleet.box(alone).ask(node::Barrier{});
  const int other = alone % 3 + 1;
  BOOST_TEST(fleet.ask(other, node::signal_of("r", "add", "{\"id\":2}")).status == 200);
  fleet.run(16'000);
  BOOST_TEST(fleet.box(alone).status(lost) == 504);
  BOOST_TEST(fleet.box(alone).status(unread) == 503);
  fleet.heal();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  const engine::Run* run = fleet.read(alone, "r");
  BOOST_REQUIRE(run != nullptr);
  BOOST_TEST(log_size(*run) == 1u);
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_trace) {
  std::vector<std::uint64_t> traces;
  for (int repeat = 0; repeat < 2; ++repeat) {
    FleetOptions options;
    options.seed = 77;
    options.loss = 0.05;
    options.repeat = 0.05;
    options.delay_ms_max = 20;
    Three fleet(options);
    fleet.deploy(1, node::kCounter);
    for (int n = 0; n < 5; ++n) {
      BOOST_TEST(fleet.ask(1 + n % 3, node::start_of("r" + std::to_string(n))).status == 201);
    }
    traces.push_back(fleet.trace());
  }
  BOOST_TEST((traces[0] == traces[1]));
}

// A request was refused; a copy of it that the network has kept arrives when it would be taken.
BOOST_AUTO_TEST_CASE(a_late_copy_of_a_refused_request_does_nothing) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  const int leader = fleet.leader(fleet.box(1).node->group_of("r"));
  const int other = leader % 3 + 1;
  std::string copy;
  fleet.tap = [&](int from, const node::OutgoingFrame& frame) {
    if (from == other && frame.kind == codecs::FrameKind::kForwardedRequest) copy = frame.payload;
  };
  BOOST_TEST(fleet.ask(other, node::signal_of("r", "add", "{\"id\":1}")).status == 404);
  const std::string kept = copy;
  BOOST_REQUIRE(!kept.empty());
  BOOST_TEST(fleet.ask(leader, node::start_of("r")).status == 201);
  const NodeId from(static_cast<std::uint64_t>(other));
  fleet.give(leader, node::PeerFrame{from, codecs::FrameKind::kForwardedRequest, kept});
  fleet.run(500);
  BOOST_TEST(log_size(*fleet.read(1, "r")) == 0u);
  // Nor in a later term of the same leader.
  fleet.transfer(fleet.box(1).node->group_of("r"), leader, other);
  BOOST_REQUIRE(fleet.run_until(
      [&] { return fleet.leader(fleet.box(1).node->group_of("r")) == other && fleet.settled(); }));
  fleet.transfer(fleet.box(1).node->group_of("r"), other, leader);
  BOOST_REQUIRE(fleet.run_until(
      [&] { return fleet.leader(fleet.box(1).node->group_of("r")) == leader && fleet.settled(); }));
  fleet.give(leader, node::PeerFrame{from, codecs::FrameKind::kForwardedRequest, kept});
  fleet.run(500);
  BOOST_TEST(log_size(*fleet.read(1, "r")) == 0u);
}

// A refusal of an older term comes late: the leader asked since may do what was wanted.
BOOST_AUTO_TEST_CASE(an_older_leaders_refusal_is_not_believed) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  const int leader = fleet.leader(fleet.box(1).node->group_of("r"));
  const int other = leader % 3 + 1;
  node::ForwardedRequest sent;
  fleet.tap = [&](int from, const node::OutgoingFrame& frame) {
    if (from != other || frame.kind != codecs::FrameKind::kForwardedRequest) return;
    BOOST_TEST(node::decode(frame.payload, &sent));
  };
  fleet.mute(other, leader);
  const node::RequestId id = fleet.request(other, node::signal_of("r", "add", "{\"id\":1}"));
  BOOST_REQUIRE(sent.number > 0u);
  node::ForwardedAnswer late{sent.base + sent.number, Term(sent.term.v - 1), false, {}};
  late.answer.status = 409;
  const std::string bytes = node::encode(late);
  fleet.give(other, node::PeerFrame{NodeId(static_cast<std::uint64_t>(leader)),
                                    codecs::FrameKind::kForwardedAnswer, bytes});
  BOOST_TEST(!fleet.box(other).answered(id));
  fleet.heal();
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(id); }, 5'000));
  BOOST_TEST(fleet.box(other).status(id) == 200);
}

// The leader's clock is an hour ahead when it dies: nothing its successor writes is older, and time
// does not stand still for that hour.
BOOST_AUTO_TEST_CASE(time_runs_on_from_a_leader_whose_clock_was_ahead) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  BOOST_TEST(fleet.ask(1, node::start_of("r")).status == 201);
  const GroupId group = fleet.box(1).node->group_of("r");
  const int leader = fleet.leader(group);
  fleet.box(leader).now.wall_ms += 3'600'000;
  BOOST_TEST(fleet.ask(leader, node::signal_of("r", "nap")).status == 200);
  fleet.crash(leader);
  const int other = leader % 3 + 1;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(group) != 0; }));
  BOOST_TEST(fleet.read(other, "r")->state() == "nap");
  fleet.run(65'000);
  BOOST_TEST(fleet.read(other, "r")->state() == "idle");
}

// What is read back for an older leadership is void: other entries may have the same indexes.
BOOST_AUTO_TEST_CASE(entries_read_for_an_older_leadership_are_not_sent) {
  struct Sent final : node::EntrySender::Out {
    std::vector<std::string> payloads;
    void send(const raft::Message&, const std::vector<std::string_view>& views) override {
      payloads.insert(payloads.end(), views.begin(), views.end());
    }
  } sent;
  node::EntryCache cache;
  node::EntrySender sender(&cache);
  const auto append = [](std::uint64_t term) {
    return raft::Message{NodeId(1), NodeId(2), Term(term),
                         raft::Append{{}, Term(term), 1, Index(0), raft::Round(0), false}};
  };
  sender.send(append(1), &sent);
  const auto range = sender.wanted();
  BOOST_REQUIRE(range.has_value());
  sender.clear();
  sender.send(append(3), &sent);
  sender.loaded(*range, {"of term 1"}, &sent);
  BOOST_TEST(sent.payloads.empty());
  sender.send(append(3), &sent);
  const auto again = sender.wanted();
  BOOST_REQUIRE(again.has_value());
  sender.loaded(*again, {"of term 3"}, &sent);
  BOOST_REQUIRE(sent.payloads.size() == 1u);
  BOOST_TEST(sent.payloads[0] == "of term 3");
}

// The target of a transfer never hears of it. The leader hands nothing out meanwhile, and goes on
// with what it left when the time for it is over.
BOOST_AUTO_TEST_CASE(a_leader_that_hands_over_goes_on_if_nobody_takes_it) {
  Three fleet;
  fleet.deploy(1, node::kTask);
  const GroupId group = fleet.box(1).node->group_of("t");
  const int leader = fleet.leader(group);
  const int target = leader % 3 + 1;
  BOOST_TEST(fleet.ask(leader, node::start_of("t", "job")).status == 201);
  fleet.mute(leader, target);
  fleet.transfer(group, leader, target);
  const node::RequestId poll = fleet.box(leader).ask(node::poll_of(1, 10'000));
  fleet.run(20);
  BOOST_TEST(fleet.leader(group) == 0);
  BOOST_TEST(fleet.run_until([&] { return fleet.box(leader).answered(poll); }, 9'000));
  BOOST_TEST(fleet.box(leader).answer(poll).tokens.size() == 1u);
}

std::uint64_t sum_of_terms(Fleet& fleet) {
  std::uint64_t sum = 0;
  for (std::uint16_t g = 0; g <= fleet.options.run_groups; ++g) {
    sum += fleet.box(1).node->group(GroupId(g)).raft().term().v;
  }
  return sum;
}

// Elections wait for what is slow, nobody is deposed for it, and when a box dies there is about one
// election a group.
void check_patience(const FleetOptions& options) {
  Three fleet(options);
  fleet.deploy(1, node::kCounter);
  fleet.run(20'000);
  const std::uint64_t before = sum_of_terms(fleet);
  BOOST_TEST(before <= 40u);
  for (int n = 0; n < 40; ++n) {
    BOOST_TEST(fleet.ask(n % 3 + 1, node::start_of("r" + std::to_string(n))).status == 201);
  }
  BOOST_TEST(sum_of_terms(fleet) == before);
  fleet.crash(3);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }, 60'000));
  BOOST_TEST(sum_of_terms(fleet) <= before + 12);
  BOOST_TEST(fleet.ask(1, node::start_of("after")).status == 201);
}

// A card that takes up to 0.7 s a batch.
BOOST_AUTO_TEST_CASE(slow_disks_cause_no_elections) { check_patience({.disk_ms_max = 700}); }

// Half a second there, half a second back: reads ask their leader once, and wait for it.
BOOST_AUTO_TEST_CASE(long_ways_cause_no_elections) { check_patience({.delay_ms_max = 500}); }

// Nor do they go on waiting after one bad moment of a disk.
BOOST_AUTO_TEST_CASE(fast_boxes_wait_for_nobody) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  fleet.run(5'000);
  BOOST_TEST(fleet.box(1).node->cluster()->pace.election_ms() == limits::kElectionMsMin);
  fleet.stall_disk(2, true);
  for (int n = 0; n < 3; ++n) fleet.ask(1, node::start_of("r" + std::to_string(n)));
  fleet.run(5'000);
  fleet.stall_disk(2, false);
  fleet.run(3'000);
  BOOST_TEST(fleet.box(1).node->cluster()->pace.election_ms() == limits::kElectionMsMin);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
