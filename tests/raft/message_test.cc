// Messages that make no sense are dropped before they touch anything.
#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

constexpr std::uint64_t kHuge = UINT64_MAX;

Message from_two(std::uint64_t term, const Body& body) {
  return {NodeId(2), NodeId(1), Term(term), body};
}
EntryId id(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

BOOST_AUTO_TEST_CASE(sensible_messages_are_well_formed) {
  for (const Message& good :
       {from_two(3, PreVoteRequest{Term(4), id(7, 3)}), from_two(0, PreVoteRequest{Term(1), {}}),
        from_two(3, PreVoteReply{Term(4), true}), from_two(3, VoteRequest{id(7, 2)}),
        from_two(3, Append{id(0, 0), Term(1), 1, Index(0)}),
        from_two(3, Append{id(7, 3), Term(0), 0, Index(9)}),
        from_two(3, AppendReply{Index(4), Index(7)}), from_two(3, AppendReject{Index(4), id(3, 1)}),
        from_two(3, Heartbeat{Index(4)}),
        from_two(3, SnapshotChunk{{id(7, 3), 100, {}}, 90, 10, Round(1)}),
        from_two(3, SnapshotReply{Index(7), 100, Round(1)}), from_two(3, TimeoutNow{})}) {
    BOOST_TEST(well_formed(good), to_string(good));
  }
}

std::vector<Message> nonsense() {
  return {
      {NodeId(0), NodeId(1), Term(1), Heartbeat{}},
      {NodeId(1), NodeId(1), Term(1), Heartbeat{}},
      {NodeId(2), NodeId(0), Term(1), Heartbeat{}},
      from_two(kHuge, Heartbeat{}),
      from_two(1, Heartbeat{Index(kHuge)}),
      from_two(3, PreVoteRequest{Term(3), id(7, 3)}),
      from_two(3, PreVoteRequest{Term(5), id(7, 3)}),
      from_two(3, PreVoteRequest{Term(4), id(7, 4)}),
      from_two(3, PreVoteReply{Term(kHuge), true}),
      from_two(3, VoteRequest{id(7, 3)}),
      from_two(3, VoteRequest{id(7, 0)}),
      from_two(3, VoteRequest{id(0, 2)}),
      from_two(3, Append{id(7, 4), Term(4), 1, Index(0)}),
      from_two(3, Append{id(7, 2), Term(1), 1, Index(0)}),
      from_two(3, Append{id(7, 2), Term(4), 1, Index(0)}),
      from_two(3, Append{id(0, 0), Term(0), 1, Index(0)}),
      from_two(3, Append{id(kHuge, 2), Term(3), 1, Index(0)}),
      from_two(3, Append{id(7, 2), Term(3), limits::kAppendEntriesMax + 1, Index(0)}),
      from_two(3, Append{id(7, 2), Term(3), 1, Index(kHuge)}),
      from_two(3, AppendReply{Index(8), Index(7)}),
      from_two(3, AppendReply{Index(8), Index(kHuge)}),
      from_two(3, AppendReject{Index(0), id(0, 0)}),
      from_two(3, AppendReject{Index(4), id(5, 1)}),
      from_two(3, HeartbeatReply{Index(8), Index(7)}),
      from_two(3, Heartbeat{Index(4), Round(kHuge)}),
      from_two(3, Append{id(7, 2), Term(3), 2, Index(0), Round(1), true}),
      from_two(3, SnapshotChunk{{id(7, 4), 100, {}}, 0, 10, Round(1)}),
      from_two(3, SnapshotChunk{{id(0, 0), 100, {}}, 0, 10, Round(1)}),
      from_two(3, SnapshotChunk{{id(7, 3), 100, {}}, 91, 10, Round(1)}),
      from_two(3, SnapshotChunk{{id(7, 3), 100, {}}, 100, 0, Round(1)}),
      from_two(3, SnapshotChunk{{id(7, 3), 100, {}}, kHuge, 10, Round(1)}),
      from_two(3, SnapshotReply{Index(0), 100, Round(1)}),
  };
}

BOOST_AUTO_TEST_CASE(nonsense_is_dropped_and_counted) {
  for (const Message& bad : nonsense()) {
    BOOST_TEST(!well_formed(bad), to_string(bad));
    BenchMember member(3, 2, {1, 2});
    BOOST_TEST(member.step(Receive{bad}).empty(), to_string(bad));
    BOOST_TEST(member.raft().state().messages_refused == 1u);
    BOOST_TEST(member.raft().term().v == 2u);
  }
}

BOOST_AUTO_TEST_CASE(misdirected_messages_are_dropped) {
  BenchMember member(3, 2, {1, 2});
  BOOST_TEST(member.step(Receive{{NodeId(2), NodeId(3), Term(7), Heartbeat{}}}).empty());
  BOOST_TEST(member.raft().state().messages_refused == 1u);
  BOOST_TEST(member.raft().term().v == 2u);
}

// Whoever it is may lead by a membership that this log has not seen (dissertation 4.2.2).
BOOST_AUTO_TEST_CASE(a_leader_that_is_no_member_yet_is_followed) {
  BenchMember member(3, 2, {1, 2});
  member.receive(9, 7, Heartbeat{});
  BOOST_TEST(member.raft().term().v == 7u);
  BOOST_TEST(member.raft().leader().v == 9u);
}

// A leader is not deposed by the answer of somebody it has not asked.
BOOST_AUTO_TEST_CASE(answers_of_strangers_to_a_leader_are_dropped) {
  BenchMember leader(3, 2, {1, 2});
  leader.elect(3);
  BOOST_TEST(leader.receive(9, 7, HeartbeatReply{}).empty());
  BOOST_TEST(leader.raft().leads());
  BOOST_TEST(leader.raft().state().messages_refused == 1u);
}

BOOST_AUTO_TEST_CASE(a_membership_that_cannot_be_read_is_dropped) {
  BenchMember member(3, 2, {1});
  Append append{id(1, 1), Term(2), 1, Index(0)};
  append.membership = true;
  BOOST_TEST(member.receive(2, 2, append).empty());
  BOOST_TEST(member.raft().state().messages_refused == 1u);
}

// A follower's claims about entries that the leader does not have.
BOOST_AUTO_TEST_CASE(a_leader_drops_claims_past_its_log) {
  BenchMember leader(3, 2, {1, 2});
  leader.elect(3);
  const Index last = leader.raft().last().index;
  BOOST_TEST(leader.receive(2, 3, AppendReply{last.next(), last.next()}).empty());
  BOOST_TEST(leader.receive(2, 3, HeartbeatReply{last.next(), last.next()}).empty());
  BOOST_TEST(leader.raft().state().messages_refused == 2u);
  BOOST_TEST(leader.raft().commit().v == 0u);
}

Body random_answer(Random* random) {
  const Index a(random->below(9));
  const Index b(a.v + random->below(4));
  switch (random->below(7)) {
    case 0:
      return PreVoteRequest{Term(random->below(6)), id(random->below(9), random->below(6))};
    case 1:
      return PreVoteReply{Term(random->below(6)), random->chance(0.5)};
    case 2:
      return VoteRequest{id(random->below(9), random->below(6))};
    case 3:
      return VoteReply{random->chance(0.5)};
    case 4:
      return AppendReply{a, b};
    case 5:
      return AppendReject{b, id(a.v, random->below(6))};
    default:
      return HeartbeatReply{a, b};
  }
}

// Requests and answers in any order, from anybody, of any term: no rule within the member breaks.
// (Appends and heartbeats are left out: those of two leaders in one term rightly stop the process.)
BOOST_AUTO_TEST_CASE(any_answers_at_any_time) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    BenchMember member(3, 2, {1, 2});
    std::int64_t now = 0;
    for (int i = 0; i < 60; ++i) {
      switch (random.below(6)) {
        case 0:
          member.step(Tick{now += random.between(0, 700), random.next()});
          break;
        case 1:
          member.step(Propose{static_cast<std::uint32_t>(random.between(1, 3))});
          break;
        default:
          member.receive(random.below(5), member.raft().term().v + random.below(2),
                         random_answer(&random));
      }
      if (random.chance(0.7)) member.sync();
    }
  }
}

}  // namespace
}  // namespace pawl::raft
