// What storms and reviews have found, each by name: the shortest story that showed it.
#include <boost/test/unit_test.hpp>
#include <optional>

#include "base/limits.h"
#include "codecs/raft_message.h"
#include "tests/node/definitions.h"
#include "tests/sim/changing.h"
#include "tests/sim/three.h"

namespace pawl::sim {
namespace {

int to_box(const node::OutgoingFrame& frame) { return static_cast<int>(frame.to.v); }

// The message that the group's members say to each other in the frame, if it is one.
std::optional<raft::Body> said_in(const node::OutgoingFrame& frame, GroupId group) {
  codecs::RaftEnvelope envelope;
  std::string error;
  const bool is_of_group = frame.kind == codecs::FrameKind::kRaft &&
                           codecs::decode_raft_message(frame.payload, &envelope, &error) &&
                           envelope.group == group;
  return is_of_group ? std::optional(envelope.message.body) : std::nullopt;
}

bool is_of_group(const node::OutgoingFrame& frame, GroupId group) {
  return said_in(frame, group).has_value();
}

template <class... Bodies>
bool is_one_of(const node::OutgoingFrame& frame, GroupId group) {
  const std::optional<raft::Body> body = said_in(frame, group);
  return body && (std::holds_alternative<Bodies>(*body) || ...);
}

// The run "r" of the counter, started through a box that does not lead its group.
struct OneRun : Three {
  OneRun() {
    deploy(1, node::kCounter);
    group = box(1).node->group_of("r");
    first = leader(group);
    other = first % 3 + 1;
    BOOST_TEST(ask(other, node::start_of("r")).status == 201);
  }
  // What `other` forwards from now on is kept and lost.
  void keep_forwarded() {
    filter = [this](int from, const node::OutgoingFrame& frame) { return !keeps(from, frame); };
  }
  bool keeps(int from, const node::OutgoingFrame& frame) {
    node::ForwardedRequest request;
    if (from != other || frame.kind != codecs::FrameKind::kForwardedRequest) return false;
    if (node::decode(frame.payload, &request)) sent.push_back(request);
    return true;
  }
  // `other` hears this answer to the last of them from box b.
  void answer_last(int b, bool not_leader, const node::Answer& answer) {
    const node::ForwardedRequest& last = sent.back();
    const std::string bytes =
        node::encode(node::ForwardedAnswer{last.base + last.number, last.term, not_leader, answer});
    give(other, node::PeerFrame{NodeId(static_cast<std::uint64_t>(b)),
                                codecs::FrameKind::kForwardedAnswer, bytes});
  }
  std::size_t added() { return read(1, "r")->vars_value(0).field("log")->as_list().size(); }

  GroupId group;
  int first = 0;  // the box that leads it at first
  int other = 0;
  std::vector<node::ForwardedRequest> sent;
};

BOOST_AUTO_TEST_SUITE(found)

// A start takes the place of an open run whose definition has not reached the leader yet: it waits
// for that, as a command to the run would.
BOOST_AUTO_TEST_CASE(a_start_that_replaces_a_run_waits_for_the_definition_of_that_run) {
  Three fleet;
  fleet.deploy(1, node::with_id("again", "conflict = \"terminate_existing\""));
  const GroupId group = fleet.box(1).node->group_of("r");
  const int behind = fleet.leader(GroupId(0)) % 3 + 1;
  const int other = behind % 3 + 1;
  fleet.lead(group, other);
  fleet.run(100);
  fleet.filter = [&](int, const node::OutgoingFrame& frame) {
    return to_box(frame) != behind || !is_of_group(frame, GroupId(0));
  };
  fleet.deploy(other, node::kCounter);
  BOOST_TEST(fleet.ask(other, node::start_of("r")).status == 201);
  fleet.lead(group, behind);
  const node::RequestId start = fleet.request(other, node::start_of("r", "again"));
  fleet.run(1'000);
  BOOST_TEST(!fleet.box(other).answered(start));
  fleet.filter = nullptr;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(start); }));
  BOOST_TEST(fleet.box(other).status(start) == 201);
}

// A box that was deposed unawares does not know of an attempt that its successor handed out: it
// must not say that there is none, nor prolong one that is over.
BOOST_AUTO_TEST_CASE(a_deposed_leader_says_nothing_of_a_heartbeat) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  const GroupId group = fleet.box(1).node->group_of("r");
  const int old = fleet.leader(group);
  const int other = old % 3 + 1;
  BOOST_TEST(fleet.ask(old, node::start_of("r")).status == 201);
  BOOST_TEST(fleet.ask(old, node::signal_of("r", "work")).status == 200);
  const auto& first = fleet.ask(old, node::poll_of(1, 1'000));
  BOOST_REQUIRE(first.tokens.size() == 1u);
  const std::string first_token = first.tokens[0];
  fleet.stop_time(old);
  const node::RequestId poll = fleet.box(other).ask(node::poll_of(1, 60'000));
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(poll); }, 60'000));
  BOOST_REQUIRE(fleet.box(other).answer(poll).tokens.size() == 1u);
  const std::string second_token = fleet.box(other).answer(poll).tokens[0];
  fleet.wake_in_the_past();
  BOOST_REQUIRE(fleet.box(old).node->leads(group));
  const node::RequestId of_first = fleet.request(old, node::HeartbeatTask{first_token, {}});
  const node::RequestId of_second = fleet.request(old, node::HeartbeatTask{second_token, {}});
  BOOST_TEST(!fleet.box(old).answered(of_first));
  BOOST_TEST(!fleet.box(old).answered(of_second));
  fleet.resume_time();
  BOOST_REQUIRE(fleet.run_until(
      [&] { return fleet.box(old).answered(of_first) && fleet.box(old).answered(of_second); }));
  BOOST_TEST(fleet.box(old).type(of_first) == "lease-lost");
  BOOST_TEST(fleet.box(old).status(of_second) == 200);
}

// A box that was deposed unawares refuses something, asks whether it still leads, and hears that it
// does not; a moment later it leads again. What it meant to say before is older than the request.
BOOST_AUTO_TEST_CASE(a_refusal_of_a_lost_leadership_is_not_confirmed_by_the_next_one) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  const GroupId group = fleet.box(1).node->group_of("r");
  const int old = fleet.leader(group);
  const int other = old % 3 + 1;
  fleet.stop_time(old);
  BOOST_REQUIRE(fleet.run_until([&] {
    return fleet.box(other).node->leads(group) || fleet.box(6 - old - other).node->leads(group);
  }));
  const int next = fleet.box(other).node->leads(group) ? other : 6 - old - other;
  const node::RequestId start = fleet.box(next).ask(node::start_of("r"));
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(next).answered(start); }));
  BOOST_REQUIRE(fleet.box(next).status(start) == 201);
  fleet.wake_in_the_past();
  BOOST_REQUIRE(fleet.box(old).node->leads(group));
  const node::RequestId signal = fleet.request(old, node::signal_of("r", "add", R"({"id": 1})"));
  BOOST_TEST(!fleet.box(old).answered(signal));
  // It catches up, and is handed the leadership at once.
  fleet.resume_time();
  BOOST_REQUIRE(fleet.run_until(
      [&] {
        return fleet.box(old).node->group(group).applied() ==
               fleet.box(next).node->group(group).applied();
      },
      100));
  fleet.transfer(group, next, old);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(old).answered(signal); }));
  BOOST_TEST(fleet.box(old).status(signal) == 200);
}

// A request was sent twice within one tick; both times come up for another try in one tick too,
// when its own box has become the leader. It is decided once.
BOOST_AUTO_TEST_CASE(a_request_that_is_to_be_tried_again_twice_is_tried_once) {
  OneRun fleet;
  const int other = fleet.other;
  BOOST_TEST(fleet.ask(other, node::signal_of("r", "stop")).status == 200);
  fleet.keep_forwarded();
  const node::RequestId signal = fleet.request(other, node::signal_of("r", "add", R"({"id":1})"));
  const node::RequestId start = fleet.request(other, node::start_of("r"));
  BOOST_REQUIRE(fleet.sent.size() == 1u);  // the start asks for its version first
  fleet.answer_last(fleet.first, true, {});
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.sent.size() == 3; }, 100));
  fleet.transfer(fleet.group, fleet.first, other);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(fleet.group) == other; }, 1'000));
  BOOST_REQUIRE(fleet.run_until(
      [&] { return fleet.box(other).answered(signal) && fleet.box(other).answered(start); }));
  fleet.run(500);
  BOOST_TEST(fleet.box(other).status(start) == 201);
  BOOST_TEST(fleet.added() == (fleet.box(other).status(signal) == 200 ? 1u : 0u));
}

// A forwarded request's deadline passes while its entry is under way, or while it waits for the
// run; then a copy of it comes. The leader has forgotten whom it was to answer, not what it has
// done.
BOOST_AUTO_TEST_CASE(a_copy_that_outlives_the_deadline_of_the_first_does_nothing) {
  for (const bool run_is_busy : {false, true}) {
    OneRun fleet;
    const int leader = fleet.first, other = fleet.other;
    fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
      if (fleet.keeps(from, frame)) return false;
      return to_box(frame) != leader || !is_of_group(frame, fleet.group);  // nothing is committed
    };
    if (run_is_busy) fleet.request(leader, node::signal_of("r", "add", R"({"id":1})"));
    const node::RequestId signal = fleet.request(other, node::signal_of("r", "add", R"({"id":2})"));
    BOOST_REQUIRE(fleet.sent.size() == 1u);
    for (const std::int64_t left_ms : {20, 1'000}) {
      fleet.sent[0].left_ms = left_ms;
      const std::string bytes = node::encode(fleet.sent[0]);
      fleet.give(leader, node::PeerFrame{NodeId(static_cast<std::uint64_t>(other)),
                                         codecs::FrameKind::kForwardedRequest, bytes});
      fleet.run(60);
    }
    BOOST_TEST(fleet.box(leader).node->leads(fleet.group));
    fleet.filter = nullptr;
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(signal); }));
    fleet.run(500);
    BOOST_TEST(fleet.added() == (run_is_busy ? 2u : 1u));
  }
}

// A journal has all that was ever written, also what a later leader replaced: a snapshot at an
// index that was written twice is as good as any.
BOOST_AUTO_TEST_CASE(a_snapshot_may_cover_what_was_replaced) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  std::vector<std::string> ids;
  for (int n = 0; n < 6; ++n) {
    ids.push_back(node::id_in_group(*fleet.box(1).node, 1, n));
    BOOST_TEST(fleet.ask(1, node::start_of(ids.back())).status == 201);
  }
  const GroupId group(1);
  const int old = fleet.leader(group);
  fleet.run(100);
  fleet.cut_off(old);
  const Index common = fleet.box(old).node->group(group).raft().last().index;
  for (const std::string& id : ids) fleet.request(old, node::signal_of(id, "add", R"({"id":1})"));
  BOOST_REQUIRE(fleet.run_until([&] {
    const int b = old % 3 + 1;
    return fleet.box(b).node->leads(group) || fleet.box(6 - old - b).node->leads(group);
  }));
  BOOST_TEST(fleet.box(old).node->group(group).raft().durable().v == common.v + ids.size());
  fleet.heal();
  BOOST_REQUIRE(fleet.run_until([&] {
    return fleet.box(old).node->group(group).raft().leader() !=
               NodeId(static_cast<std::uint64_t>(old)) &&
           fleet.box(old).node->group(group).applied() > common;
  }));
  // Fewer entries than were replaced.
  const node::Group& here = fleet.box(old).node->group(group);
  BOOST_TEST(here.applied().v < common.v + ids.size());
  BOOST_TEST((here.raft().durable() >= here.applied()));
  for (std::uint16_t g = 0; g <= 3; ++g) {
    const node::GroupSnapshot taken = node::snapshot_of(fleet.box(old).node.get(), GroupId(g));
    fleet.box(old).snapshots.push_back(taken.bytes);
    fleet.box(old).snapshot_places.emplace_back(taken.index, taken.term);
  }
  fleet.crash(old);
  fleet.boot(old);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.settled(); }));
  for (const std::string& id : ids) {
    BOOST_TEST(fleet.ask(old, node::signal_of(id, "add", R"({"id":2})")).status == 200);
  }
  BOOST_TEST(fleet.run_until([&] { return fleet.differences().empty(); }, 1'000));
}

// How often the run's journal, at any box, has an event of this name.
int count_events(Fleet& fleet, const std::string& run, const std::string& name) {
  fleet.run(1'000);
  return fleet.box(1).count_events(run, name);
}

// The leader's hand-out to a poll of another box is lost on its way there: it has reached no
// worker, so that it comes back, soon and without using an attempt.
BOOST_AUTO_TEST_CASE(a_hand_out_that_is_lost_between_boxes_uses_no_attempt) {
  for (const bool link_breaks : {false, true}) {
    Three fleet;
    fleet.deploy(1, node::kCounter);
    const int leader = fleet.leader(fleet.box(1).node->group_of("r"));
    const int other = leader % 3 + 1;
    const node::RequestId poll = fleet.request(other, node::poll_of(1, 60'000));
    BOOST_TEST(fleet.ask(leader, node::start_of("r")).status == 201);
    int lost = 0;
    fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
      if (from != leader || frame.kind != codecs::FrameKind::kForwardedAnswer || lost > 0)
        return true;
      ++lost;
      return false;
    };
    BOOST_TEST(fleet.ask(leader, node::signal_of("r", "work")).status == 200);
    BOOST_REQUIRE(fleet.run_until([&] { return lost > 0; }, 3'000));
    if (link_breaks) {
      fleet.cut(leader, other);
      fleet.run(50);
      fleet.heal();
    }
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(poll); }, 9'000));
    BOOST_REQUIRE(fleet.box(other).answer(poll).tokens.size() == 1u);
    const std::string& token = fleet.box(other).answer(poll).tokens[0];
    BOOST_TEST(fleet.ask(other, node::complete_of(token)).status == 200);
    BOOST_TEST(count_events(fleet, "r", "task.failed") == 0);
  }
}

// The same, and its poll's client has gone: what the leader gave goes back to the queue.
BOOST_AUTO_TEST_CASE(a_hand_out_that_is_lost_goes_back_when_its_client_has_gone) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  const int leader = fleet.leader(fleet.box(1).node->group_of("r"));
  const int other = leader % 3 + 1;
  const node::RequestId poll = fleet.request(other, node::poll_of(1, 60'000));
  BOOST_TEST(fleet.ask(leader, node::start_of("r")).status == 201);
  int lost = 0;
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    const bool loses =
        from == leader && frame.kind == codecs::FrameKind::kForwardedAnswer && lost == 0;
    lost += loses ? 1 : 0;
    return !loses;
  };
  BOOST_TEST(fleet.ask(leader, node::signal_of("r", "work")).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return lost > 0; }, 3'000));
  fleet.give(other, node::Cancelled{poll});
  fleet.run(5'000);
  BOOST_TEST((fleet.read(leader, "r")->steps.at(0)->status == engine::StepStatus::queued));
  BOOST_TEST(count_events(fleet, "r", "task.returned") == 1);
  BOOST_TEST(count_events(fleet, "r", "task.failed") == 0);
}

// A new leader that has no room says "try again later" of a request that the one before it has had.
// It can't know whether that one has done it, however often it says so.
BOOST_AUTO_TEST_CASE(what_an_earlier_leader_may_have_done_is_not_settled_by_a_refusal) {
  OneRun fleet;
  const int other = fleet.other, next = 6 - fleet.first - other;
  fleet.keep_forwarded();
  const node::RequestId signal = fleet.request(other, node::signal_of("r", "add", R"({"id":1})"));
  BOOST_REQUIRE(fleet.sent.size() == 1u);
  fleet.transfer(fleet.group, fleet.first, next);
  node::Answer full;
  full.status = 429;
  for (const std::size_t times : {2u, 3u, 4u}) {
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.sent.size() == times; }));
    fleet.answer_last(next, false, full);
    BOOST_TEST(!fleet.box(other).answered(signal));
  }
  fleet.filter = nullptr;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(signal); }));
  BOOST_TEST(fleet.box(other).status(signal) == 200);
}

// A task's lease ends while its run is busy, and the run is free again while the leader hands the
// group over, which comes to nothing: the leader goes on, and the task must come back.
BOOST_AUTO_TEST_CASE(a_lease_that_ends_during_a_hand_over_that_fails_is_not_forgotten) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  fleet.run(30'000);  // leaderships are spread: nobody else hands anything over
  const GroupId group = fleet.box(1).node->group_of("r");
  const int leader = fleet.leader(group);
  BOOST_TEST(fleet.ask(leader, node::start_of("r")).status == 201);
  BOOST_TEST(fleet.ask(leader, node::signal_of("r", "work")).status == 200);
  BOOST_REQUIRE(fleet.ask(leader, node::poll_of(1, 1'000)).tokens.size() == 1u);
  fleet.run(9'500);
  bool busy = true;
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    if (from != leader) return true;
    return !is_one_of<raft::TimeoutNow>(frame, group) &&
           !(busy && is_one_of<raft::Append>(frame, group));
  };
  const node::RequestId add = fleet.request(leader, node::signal_of("r", "add", R"({"id":1})"));
  fleet.run(1'000);
  BOOST_REQUIRE(fleet.box(leader).node->leads(group));
  BOOST_TEST(!fleet.box(leader).answered(add));
  fleet.transfer(group, leader, leader % 3 + 1);
  busy = false;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(leader).answered(add); }, 200));
  BOOST_TEST(!fleet.box(leader).node->leads(group));
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(leader).node->leads(group); }, 5'000));
  const node::Asking patient{.deadline_ms = 40'000};
  BOOST_TEST(fleet.ask(leader, node::poll_of(1, 30'000), patient).tokens.size() == 1u);
}

// A leader writes the change that the roster wishes, and another leader replaces it; then the first
// one leads again. Nobody else has the change to make.
BOOST_AUTO_TEST_CASE(a_change_of_members_that_another_leader_replaced_is_made_again) {
  FleetOptions options;
  options.run_groups = 1;
  Changing fleet(options);
  const GroupId group(1);
  const int writer = 1, usurper = 3;
  for (const GroupId g : {GroupId(0), group}) {
    if (fleet.leader(g) != writer) fleet.transfer(g, fleet.leader(g), writer);
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(g) == writer && fleet.settled(); }));
  }
  const int four = fleet.add_box();
  fleet.boot(four);
  const auto learns = [&](int b, GroupId g) {
    return fleet.box(b).node->group(g).raft().membership().learners.size() == 1;
  };
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    return from != writer || !is_one_of<raft::Append>(frame, group);
  };
  BOOST_TEST(fleet.ask(writer, added(four, false)).status == 200);
  BOOST_REQUIRE(fleet.run_until([&] { return learns(writer, group); }));
  fleet.run(5'000);
  BOOST_TEST(!learns(usurper, group));
  // The third box is elected, and replaces the entry.
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    return from != writer || !is_one_of<raft::Append, raft::Heartbeat>(frame, group);
  };
  fleet.transfer(group, writer, usurper);
  BOOST_REQUIRE(fleet.run_until([&] { return !learns(writer, group); }));
  BOOST_TEST(!learns(usurper, group));
  fleet.cut_off(usurper);
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    return !is_one_of<raft::TimeoutNow>(frame, group) &&
           (from == writer || !is_one_of<raft::PreVoteRequest>(frame, group));
  };
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.leader(group) == writer; }));
  fleet.heal();
  BOOST_TEST(fleet.run_until([&] {
    for (int b = 1; b <= four; ++b) {
      if (!learns(b, GroupId(0)) || !learns(b, group)) return false;
    }
    return true;
  }));
}

// A client's command waits at the leader for a run that is read back from a slow disk, and another
// box takes over: the command is that one's, it waits for the first no more.
BOOST_AUTO_TEST_CASE(what_waits_for_a_slow_disk_goes_to_the_next_leader) {
  OneRun fleet;
  const int leader = fleet.first;
  const std::string blob = R"({"text":")" + std::string(5'000, 'x') + R"("})";
  BOOST_TEST(fleet.ask(leader, node::signal_of("r", "blob", blob)).status == 200);
  BOOST_TEST(fleet.ask(leader, node::signal_of("r", "stop")).status == 200);
  fleet.run(1'000);
  fleet.options.cold_ms_max = 1'000'000'000;
  const node::RequestId add = fleet.request(leader, node::signal_of("r", "add", R"({"id":1})"));
  fleet.run(500);
  BOOST_TEST(!fleet.box(leader).answered(add));
  fleet.options.cold_ms_max = 0;
  fleet.transfer(fleet.group, leader, fleet.other);
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(leader).answered(add); }, 5'000));
  BOOST_TEST(fleet.box(leader).type(add) == "run-closed");
}

// A request waits for the leader of its group while thousands of others are answered by another
// one: its number is old, but it is not over.
BOOST_AUTO_TEST_CASE(a_group_without_a_leader_is_not_forgotten_for_the_others) {
  Three fleet;
  fleet.deploy(1, node::kCounter);
  const int other = 1;
  const std::string late = node::id_in_group(*fleet.box(1).node, 1, 0);
  const std::string busy = node::id_in_group(*fleet.box(1).node, 2, 0);
  fleet.lead(GroupId(1), 2);
  fleet.lead(GroupId(2), 2);
  for (const std::string& id : {late, busy}) {
    BOOST_TEST(fleet.ask(other, node::start_of(id)).status == 201);
  }
  fleet.filter = [&](int from, const node::OutgoingFrame& frame) {
    node::ForwardedRequest request;
    return from != other || frame.kind != codecs::FrameKind::kForwardedRequest ||
           !node::decode(frame.payload, &request) || request.group != GroupId(1);
  };
  const node::Asking patient{.deadline_ms = 60'000};
  const node::RequestId signal =
      fleet.request(other, node::signal_of(late, "add", R"({"id":1})"), patient);
  for (std::size_t n = 0; n <= limits::kAnswersKeptMax; n += 64) {
    std::vector<node::RequestId> asked;
    for (int i = 0; i < 64; ++i) {
      asked.push_back(fleet.request(other, node::signal_of(busy, "unheard-of")));
    }
    BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(asked.back()); }));
  }
  fleet.filter = nullptr;
  BOOST_REQUIRE(fleet.run_until([&] { return fleet.box(other).answered(signal); }, 60'000));
  BOOST_TEST(fleet.box(other).status(signal) == 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pawl::sim
