// The leader's and the follower's side of replication: the tables of raft/replication.h, append.h,
// progress.h.
#include <boost/test/unit_test.hpp>

#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

EntryId id(std::uint64_t index, std::uint64_t term) { return {Index(index), Term(term)}; }

using Reason = ProposalRefused::Reason;

Reason refusal(const BenchMember& member) {
  BOOST_TEST_REQUIRE(member.all<ProposalRefused>().size() == 1u);
  BOOST_TEST(member.effects().size() == 1u);
  return member.all<ProposalRefused>()[0].reason;
}

BOOST_AUTO_TEST_CASE(proposals_are_refused_unless_ready) {
  BenchMember member(3, 2, {1, 2});
  member.step(Propose{1});
  BOOST_TEST((refusal(member) == Reason::not_leader));
  member.elect(3);
  member.step(Propose{1});
  BOOST_TEST((refusal(member) == Reason::not_ready));
  member.receive(2, 3, AppendReply{Index(3), Index(3)});
  BOOST_TEST(member.raft().ready());
  member.step(Propose{3});
  const auto appends = member.all<AppendEntries>();
  BOOST_TEST_REQUIRE(appends.size() == 1u);
  BOOST_TEST((appends[0].first == Index(4) && appends[0].last == Index(6)));
  BOOST_TEST((appends[0].source == AppendEntries::Source::proposal && !appends[0].truncates));
  // 3 has not answered its probe yet.
  BOOST_TEST(member.sent() == "1>2 t3 append after 3.3 +3 of t3 commit 3\n");
}

BOOST_AUTO_TEST_CASE(uncommitted_entries_are_bounded) {
  Config config = bench_config(1, 1);
  config.uncommitted_entries_max = 4;
  BenchMember member(config);
  member.elect(1);
  member.step(Propose{5});
  BOOST_TEST((refusal(member) == Reason::uncommitted));
  member.step(Propose{4});
  BOOST_TEST(member.all<AppendEntries>().size() == 1u);
  const EntriesPersisted report{Term(1), Index(5), Term(1)};
  member.step(Propose{1});
  BOOST_TEST((refusal(member) == Reason::uncommitted));
  member.step(report);
  BOOST_TEST(member.raft().commit().v == 5u);
  member.step(Propose{1});
  BOOST_TEST(member.all<AppendEntries>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_leader_counts_itself_only_when_its_disk_has_it) {
  BenchMember member(5, 2, {1, 2});
  member.elect(5);
  member.receive(2, 3, AppendReply{Index(3), Index(3)});
  member.receive(3, 3, AppendReply{Index(3), Index(3)});
  BOOST_TEST(member.raft().commit().v == 3u);
  member.step(Propose{1});
  member.receive(2, 3, AppendReply{Index(4), Index(4)});
  BOOST_TEST(member.raft().commit().v == 3u);
  member.receive(3, 3, AppendReply{Index(3), Index(4)});  // received, not on disk: does not count
  BOOST_TEST(member.raft().commit().v == 3u);
  member.receive(3, 3,
                 AppendReply{Index(4), Index(4)});  // with the leader's it would be three of five
  BOOST_TEST(member.raft().commit().v == 3u);
  member.step(EntriesPersisted{Term(3), Index(4), Term(3)});
  BOOST_TEST(member.raft().commit().v == 4u);
  BOOST_TEST(member.all<CommitTo>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(heartbeats_come_in_their_rhythm) {
  BenchMember member(3, 2, {1, 2});
  member.elect(3);
  BOOST_TEST(member.step(Tick{49, 0}).empty());
  member.step(Tick{50, 0});
  BOOST_TEST(member.sent() == "1>2 t3 heartbeat r2 commit 0\n1>3 t3 heartbeat r2 commit 0\n");
  BOOST_TEST(member.step(Tick{99, 0}).empty());
  BOOST_TEST(member.step(Tick{100, 0}).size() == 2u);
}

BOOST_AUTO_TEST_CASE(stale_rejections_are_ignored) {
  BenchMember member(3, 2, {1, 2});
  member.elect(3);
  member.receive(2, 3, AppendReply{Index(3), Index(3)});
  const auto next = [&] { return member.raft().state().peers.at(0).next.v; };
  BOOST_TEST(next() == 4u);
  BOOST_TEST(member.receive(2, 3, AppendReject{Index(2), id(1, 1)}).empty());
  BOOST_TEST(next() == 4u);
  // A probe's second answer.
  member.receive(3, 3, AppendReject{Index(2), id(1, 1)});
  BOOST_TEST(member.sent() == "1>3 t3 append after 1.1 +1 of t2 commit 3\n");
  BOOST_TEST(member.receive(3, 3, AppendReject{Index(2), id(1, 1)}).empty());
}

BOOST_AUTO_TEST_CASE(an_append_is_of_one_term_and_bounded) {
  Config config = bench_config(1, 2);
  config.append_entries_max = 2;
  BenchMember member(config, {{Term(4), NodeId(0)}, bench_trail({1, 1, 1, 3, 4}), Index(0)});
  member.elect(2);
  member.receive(2, 5, AppendReject{Index(5), id(0, 0)});
  BOOST_TEST(member.sent() == "1>2 t5 append after 0.0 +2 of t1 commit 0\n");
  member.receive(2, 5, AppendReply{Index(2), Index(2)});
  BOOST_TEST(
      member.sent() ==
      "1>2 t5 append after 2.1 +1 of t1 commit 0\n1>2 t5 append after 3.1 +1 of t3 commit 0\n"
      "1>2 t5 append after 4.3 +1 of t4 commit 0\n1>2 t5 append after 5.4 +1 of t5 commit 0\n");
}

BOOST_AUTO_TEST_CASE(what_is_below_the_floor_waits_for_an_install) {
  BenchMember member(3, 2, {1, 2});
  member.elect(3);
  member.receive(2, 3, AppendReply{Index(3), Index(3)});
  member.step(Compacted{Index(2)});
  member.receive(3, 3, AppendReject{Index(2), id(0, 0)});
  BOOST_TEST_REQUIRE(member.effects().size() == 1u);
  BOOST_TEST(member.all<SnapshotNeeded>().at(0).floor.v == 2u);
  BOOST_TEST((member.raft().state().peers.at(1).mode == Progress::Mode::install));
  member.receive(3, 3, HeartbeatReply{});
  BOOST_TEST(member.effects().empty());
  // Somehow (a snapshot) it has got there.
  member.receive(3, 3, HeartbeatReply{Index(2), Index(2)});
  BOOST_TEST(member.sent() == "1>3 t3 append after 2.2 +1 of t3 commit 3\n");
}

BOOST_AUTO_TEST_CASE(a_follower_commits_only_what_is_verified_and_durable) {
  BenchMember member(3, 2, {1, 2, 2});
  member.receive(2, 2, Heartbeat{Index(3)});
  BOOST_TEST(member.raft().commit().v == 0u);  // are those entries the leader's?
  member.receive(2, 2, Append{id(2, 2), Term(2), 0, Index(3)});
  BOOST_TEST(member.raft().commit().v == 2u);
  member.receive(2, 2, Append{id(3, 2), Term(2), 2, Index(5)});
  BOOST_TEST(member.raft().commit().v == 3u);
  member.sync();
  BOOST_TEST(member.raft().commit().v == 5u);
}

BOOST_AUTO_TEST_CASE(an_old_append_cuts_nothing) {
  BenchMember member(3, 2, {1, 2, 2, 2});
  member.receive(2, 2, Append{id(1, 1), Term(2), 1, Index(0)});
  BOOST_TEST(member.all<AppendEntries>().empty());
  BOOST_TEST(member.sent() == "1>2 t2 appended match 2 received 2\n");
  BOOST_TEST(member.raft().last().index.v == 4u);
}

BOOST_AUTO_TEST_CASE(only_what_is_missing_is_written) {
  BenchMember member(3, 2, {1, 2, 2});
  member.receive(2, 2, Append{id(1, 1), Term(2), 5, Index(0)});
  const auto appends = member.all<AppendEntries>();
  BOOST_TEST_REQUIRE(appends.size() == 1u);
  BOOST_TEST((appends[0].first == Index(4) && appends[0].last == Index(6)));
  BOOST_TEST(!appends[0].truncates);
}

// An Append that begins before the conflict: what agrees is kept and not written again.
BOOST_AUTO_TEST_CASE(only_what_conflicts_is_cut) {
  BenchMember member(3, 4, {1, 1, 3, 3});
  member.receive(2, 4, Append{id(0, 0), Term(1), 3, Index(0)});
  const auto appends = member.all<AppendEntries>();
  BOOST_TEST_REQUIRE(appends.size() == 1u);
  BOOST_TEST((appends[0].first == Index(3) && appends[0].last == Index(3)));
  BOOST_TEST(appends[0].truncates);
  BOOST_TEST(member.raft().durable().v == 2u);
  BOOST_TEST((member.raft().last() == id(3, 1)));
}

BOOST_AUTO_TEST_CASE(committed_entries_below_the_floor_are_taken_for_granted) {
  Trail trail(id(5, 2));
  trail.append(Term(2), 1);
  BenchMember member(bench_config(1, 3), {{Term(3), NodeId(0)}, trail, Index(5)});
  member.receive(
      2, 3, Append{id(2, 1), Term(2), 4, Index(6)});  // ends at the snapshot's last and one more
  BOOST_TEST(member.all<AppendEntries>().empty());
  BOOST_TEST(member.sent() == "1>2 t3 appended match 6 received 6\n");
  BOOST_TEST(member.raft().commit().v == 6u);
}

BOOST_AUTO_TEST_CASE(a_rejection_names_where_the_logs_may_agree) {
  BenchMember member(3, 7, {1, 1, 4, 4, 6});
  member.receive(2, 7, Append{id(9, 5), Term(7), 1, Index(0)});
  BOOST_TEST(member.sent() == "1>2 t7 rejected after 9 hint 4.4\n");
  member.receive(2, 7, Append{id(5, 5), Term(7), 1, Index(0)});
  BOOST_TEST(member.sent() == "1>2 t7 rejected after 5 hint 4.4\n");
  member.receive(2, 7, Append{id(3, 2), Term(7), 1, Index(0)});
  BOOST_TEST(member.sent() == "1>2 t7 rejected after 3 hint 2.1\n");
}

}  // namespace
}  // namespace pawl::raft
