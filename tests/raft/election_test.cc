// The table of raft/election.h, a test a transition (those that scripts show better are in
// tests/scripts/raft).
#include "raft/election.h"

#include <boost/test/unit_test.hpp>

#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

EntryId id(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

BOOST_AUTO_TEST_CASE(follower_times_out_between_min_and_max) {
  for (const std::uint64_t random : {std::uint64_t{0}, std::uint64_t{150}, std::uint64_t{300}}) {
    BenchMember member(3, 2, {1, 2});
    member.step(Tick{0, random});
    member.receive(2, 2, Heartbeat{});  // draws with this random number
    const std::int64_t timeout = 300 + static_cast<std::int64_t>(random);
    member.step(Tick{timeout - 1, 0});
    BOOST_TEST((member.raft().role() == Role::follower));
    member.step(Tick{timeout, 0});
    BOOST_TEST((member.raft().role() == Role::pre_candidate));
    BOOST_TEST(member.raft().term().v == 2u);
    BOOST_TEST(member.sent() ==
               "1>2 t2 pre-vote? next t3 last 2.2\n1>3 t2 pre-vote? next t3 last 2.2\n");
  }
}

BOOST_AUTO_TEST_CASE(a_leader_out_of_sight_is_not_waited_for) {
  for (const std::uint64_t random : {std::uint64_t{0}, std::uint64_t{18}, std::uint64_t{19}}) {
    BenchMember member(3, 2, {1, 2});
    member.step(Tick{0, random});
    member.receive(2, 2, Heartbeat{});
    member.step(Unreachable{NodeId(3)});  // not the leader
    member.step(Tick{100, random});
    BOOST_TEST((member.raft().role() == Role::follower));
    member.step(Unreachable{NodeId(2)});
    BOOST_TEST(!leader_is_alive(member.raft().state()));
    member.step(Tick{100 + static_cast<std::int64_t>(random % 19), 0});
    BOOST_TEST((member.raft().role() == Role::pre_candidate));
    // It was only the link: a sign of life, and all is as before.
    member.receive(2, 2, Heartbeat{});
    BOOST_TEST((member.raft().role() == Role::follower));
    BOOST_TEST(leader_is_alive(member.raft().state()));
  }
}

BOOST_AUTO_TEST_CASE(only_voter_leads_at_the_first_tick) {
  BenchMember member(bench_config(1, 1));
  member.step(Tick{1, 0});
  BOOST_TEST(member.raft().leads());
  BOOST_TEST(!member.raft().ready());
  BOOST_TEST(member.all<AppendEntries>().size() == 1u);
  BOOST_TEST((member.all<AppendEntries>()[0].source == AppendEntries::Source::noop));
  member.sync();
  BOOST_TEST(member.raft().ready());
  BOOST_TEST(member.all<CommitTo>().size() == 1u);
  BOOST_TEST(member.raft().term_start().v == 1u);
}

BOOST_AUTO_TEST_CASE(only_voter_counts_itself_when_both_writes_are_durable) {
  BenchMember member(bench_config(1, 1));
  member.step(Campaign{});
  member.step(EntriesPersisted{Term(1), Index(1), Term(1)});
  BOOST_TEST(!member.raft().ready());
  member.step(HardStatePersisted{{Term(1), NodeId(1)}});
  BOOST_TEST(member.raft().ready());
}

BOOST_AUTO_TEST_CASE(a_member_that_is_no_voter_never_campaigns) {
  BenchMember member(bench_config(9, 3));
  member.step(Tick{100000, 0});
  member.step(Campaign{});
  BOOST_TEST(member.effects().empty());
  BOOST_TEST((member.raft().role() == Role::follower));
}

BOOST_AUTO_TEST_CASE(a_candidate_asks_once_its_own_vote_is_durable) {
  BenchMember member(3, 2, {1, 2});
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), true});
  BOOST_TEST((member.raft().role() == Role::candidate));
  BOOST_TEST(member.sent() == "");
  BOOST_TEST(member.all<SaveHardState>().size() == 1u);
  member.sync();
  BOOST_TEST(member.sent() == "1>2 t3 vote? last 2.2\n1>3 t3 vote? last 2.2\n");
  member.receive(3, 3, VoteReply{true});
  BOOST_TEST(member.raft().leads());
  BOOST_TEST(
      member.sent() ==
      "1>2 t3 append after 2.2 +1 of t3 commit 0\n1>3 t3 append after 2.2 +1 of t3 commit 0\n");
}

BOOST_AUTO_TEST_CASE(one_members_votes_count_once) {
  BenchMember member(5, 2, {1, 2});
  member.step(Campaign{});
  for (int i = 0; i < 5; ++i) member.receive(2, 2, PreVoteReply{Term(3), true});
  BOOST_TEST((member.raft().role() == Role::pre_candidate));
  member.receive(3, 2, PreVoteReply{Term(3), true});
  member.sync();
  for (int i = 0; i < 5; ++i) member.receive(2, 3, VoteReply{true});
  BOOST_TEST((member.raft().role() == Role::candidate));
}

BOOST_AUTO_TEST_CASE(a_late_denial_does_not_undo_a_vote) {
  BenchMember member(5, 2, {1, 2});
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), true});
  member.receive(3, 2, PreVoteReply{Term(3), true});
  member.sync();
  member.receive(2, 3, VoteReply{true});
  member.receive(2, 3, VoteReply{false});
  member.receive(3, 3, VoteReply{true});
  BOOST_TEST(member.raft().leads());
}

BOOST_AUTO_TEST_CASE(answers_to_an_earlier_pre_vote_do_not_count) {
  BenchMember member(3, 2, {1, 2});
  member.step(Campaign{});
  member.receive(2, 4, Heartbeat{});  // term 4 came meanwhile
  member.sync();
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), true});
  BOOST_TEST((member.raft().role() == Role::pre_candidate));
}

BOOST_AUTO_TEST_CASE(denials_end_a_candidacy) {
  BenchMember member(3, 2, {1, 2});
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), false});
  BOOST_TEST((member.raft().role() == Role::pre_candidate));
  member.receive(3, 2, PreVoteReply{Term(3), false});
  BOOST_TEST((member.raft().role() == Role::follower));
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), true});
  member.sync();
  member.receive(2, 3, VoteReply{false});
  member.receive(3, 3, VoteReply{false});
  BOOST_TEST((member.raft().role() == Role::follower));
  BOOST_TEST(member.raft().term().v == 3u);
}

BOOST_AUTO_TEST_CASE(a_candidate_yields_to_its_terms_leader) {
  BenchMember member(3, 2, {1, 2});
  member.step(Campaign{});
  member.receive(2, 2, PreVoteReply{Term(3), true});
  member.sync();
  member.receive(3, 3, Heartbeat{});
  BOOST_TEST((member.raft().role() == Role::follower));
  BOOST_TEST(member.raft().leader().v == 3u);
  // Late votes change nothing.
  BOOST_TEST(member.receive(2, 3, VoteReply{true}).empty());
}

struct VoteCase {
  EntryId last;
  bool granted;
};

BOOST_AUTO_TEST_CASE(votes_go_to_logs_that_are_as_current) {
  for (const VoteCase& c :
       {VoteCase{id(3, 3), true}, VoteCase{id(1, 3), false}, VoteCase{id(9, 2), false},
        VoteCase{id(4, 3), true}, VoteCase{id(1, 4), true}}) {
    BenchMember member(3, 4, {1, 3, 3});
    member.receive(2, 4, PreVoteRequest{Term(5), c.last});
    BOOST_TEST(std::get<PreVoteReply>(member.all<Send>().at(0).message.body).granted == c.granted);
    BOOST_TEST(member.raft().term().v == 4u);
    member.receive(2, 5, VoteRequest{c.last});
    BOOST_TEST(member.sent() == "");
    member.sync();
    BOOST_TEST(std::get<VoteReply>(member.all<Send>().at(0).message.body).granted == c.granted);
  }
}

BOOST_AUTO_TEST_CASE(one_vote_a_term) {
  BenchMember member(3, 4, {1});
  member.receive(2, 5, VoteRequest{id(1, 1)});
  member.sync();
  BOOST_TEST(member.sent() == "1>2 t5 vote granted\n");
  member.receive(3, 5, VoteRequest{id(9, 4)});
  BOOST_TEST(member.sent() == "1>3 t5 vote denied\n");
  member.receive(2, 5, VoteRequest{id(1, 1)});  // asked again: the same answer
  BOOST_TEST(member.sent() == "1>2 t5 vote granted\n");
  BOOST_TEST(member.all<SaveHardState>().empty());
}

BOOST_AUTO_TEST_CASE(a_followers_leader_is_protected) {
  BenchMember member(3, 4, {1});
  member.step(Tick{1000, 0});
  member.sync();
  member.receive(2, 4, Heartbeat{});
  member.step(Tick{1299, 0});
  BOOST_TEST(member.receive(3, 9, VoteRequest{id(9, 8)}).empty());
  member.receive(3, 4, PreVoteRequest{Term(5), id(9, 4)});
  BOOST_TEST(member.sent() == "1>3 t4 pre-vote denied next t5\n");
  BOOST_TEST(member.raft().term().v == 4u);
  // No longer once it has been silent for the shortest timeout.
  const State& state = member.raft().state();
  BOOST_TEST(leader_is_alive(state));
  member.step(Tick{1300, 0});
  BOOST_TEST(!leader_is_alive(state));
}

BOOST_AUTO_TEST_CASE(old_terms_are_told_the_new_one) {
  BenchMember member(3, 4, {1});
  member.receive(2, 3, Heartbeat{});
  BOOST_TEST(member.sent() == "1>2 t4 alive r0 match 0 received 0\n");
  member.receive(2, 3, VoteRequest{id(1, 1)});
  BOOST_TEST(member.sent() == "1>2 t4 vote denied\n");
  member.receive(2, 3, PreVoteRequest{Term(4), id(1, 1)});
  BOOST_TEST(member.sent() == "1>2 t4 pre-vote denied next t4\n");
  BOOST_TEST(member.receive(2, 3, AppendReply{}).empty());
}

BOOST_AUTO_TEST_CASE(time_never_goes_back) {
  BenchMember member(3, 4, {1});
  member.step(Tick{100, 0});
  member.step(Tick{50, 0});
  BOOST_TEST(member.raft().state().now_ms == 100);
}

}  // namespace
}  // namespace pawl::raft
