// The invariants must notice: each case breaks one thing in a good state.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "tests/raft/member.h"

namespace pawl::raft {
namespace {

State leading() {
  BenchMember member(3, 2, {1, 2});
  member.elect(3);
  member.receive(2, 3, AppendReply{Index(3), Index(3)});
  return member.raft().state();
}

// What no entry could bring: rewrites the log of an unknown membership's founders in place.
void break_membership(State* s) {
  Trail fresh;
  Membership m;
  m.voters = {NodeId(1), NodeId(2), NodeId(3)};
  auto shared = std::make_shared<Membership>(m);
  fresh.found(shared);
  fresh.append(Term(1), 1);
  fresh.append(Term(2), 1);
  fresh.append(Term(3), 1);
  s->trail = fresh;
  shared->learners = {NodeId(3)};  // a voter and a learner at once
}

struct Case {
  const char* rule;
  std::function<void(State*)> damage;
};

BOOST_AUTO_TEST_CASE(a_good_state_follows_itself) {
  const State good = leading();
  BOOST_TEST(check_invariants(good, good) == "");
}

void expect_all(const std::vector<Case>& cases) {
  const State good = leading();
  for (const Case& c : cases) {
    State bad = good;
    c.damage(&bad);
    BOOST_TEST(check_invariants(good, bad) == c.rule);
  }
}

BOOST_AUTO_TEST_CASE(damage_is_noticed) {
  expect_all({
      {"commit never falls", [](State* s) { s->commit = Index(2); }},
      {"commit is within the log", [](State* s) { s->commit = Index(9); }},
      {"durable is within the log", [](State* s) { s->durable = Index(9); }},
      {"a leader voted for itself",
       [](State* s) { s->hard.vote = s->hard_durable.vote = NodeId(2); }},
      {"a leader knows itself", [](State* s) { s->leader = NodeId(2); }},
      {"a leader tracks each other member", [](State* s) { s->peers.pop_back(); }},
      {"next is past match", [](State* s) { s->peers[0].next = s->peers[0].match; }},
      {"next is at most one past the log", [](State* s) { s->peers[0].next = Index(9); }},
      {"match only rises within a term", [](State* s) { s->peers[0].match = Index(1); }},
      {"a leader's vote is on disk",
       [](State* s) {
         s->hard_durable = {Term(2), NodeId(0)};
       }},
      {"nothing is held without a reason",
       [](State* s) {
         s->held.push_back({NodeId(1), NodeId(2), s->hard.term, Heartbeat{}});
       }},
      {"a term starts once",
       [](State* s) {
         s->trail.append(Term(3), 1);
         s->term_start = Index(4);
       }},
      {"a leader that steps down follows nobody",
       [](State* s) {
         s->role = Role::follower;
         s->leader = NodeId(2);
         s->peers.clear();
       }},
  });
}

BOOST_AUTO_TEST_CASE(damage_to_rounds_reads_and_members_is_noticed) {
  expect_all({
      {"rounds only rise within a term",
       [](State* s) {
         s->round = Round(0);
         for (Progress& p : s->peers) p.round = p.match_round = Round(0);
       }},
      {"a follower has answered no round of the future",
       [](State* s) { s->peers[0].round = s->round.next(); }},
      {"a read waits for no round of the future",
       [](State* s) {
         s->reads.push_back({1, s->commit, s->round.next()});
       }},
      {"reads have an index once the term has a committed entry",
       [](State* s) {
         s->reads.push_back({1, Index(0), Round(0)});
       }},
      {"a leader hands over to a voter", [](State* s) { s->transfer.to = NodeId(9); }},
      {"a leader is sent no snapshot",
       [](State* s) {
         s->incoming.snapshot = {{Index(9), Term(1)}, 10, {}};
       }},
      {"at most one change of membership is not committed",
       [](State* s) {
         for (const std::uint64_t extra : {4u, 5u}) {
           Membership m = s->membership();
           m.learners = {NodeId(extra)};
           s->trail.append_membership(s->hard.term, std::make_shared<const Membership>(m));
           s->peers.resize(2);
           s->peers.emplace_back();
           s->peers.back().id = NodeId(extra);
           s->peers.back().next = Index(1);
         }
       }},
      {"the membership is well formed", [](State* s) { break_membership(s); }},
      {"time never goes back", [](State* s) { s->now_ms = -1; }},
  });
}

BOOST_AUTO_TEST_CASE(a_falling_term_is_noticed) {
  const State before = BenchMember(3, 2, {1}).raft().state();
  State after = before;
  after.hard.term = after.hard_durable.term = Term(1);
  BOOST_TEST(check_invariants(before, after) == "the term never falls");
}

BOOST_AUTO_TEST_CASE(overwriting_what_is_committed_is_noticed) {
  BenchMember member(3, 2, {1, 2});
  member.receive(2, 2, Append{{Index(2), Term(2)}, Term(2), 0, Index(2)});
  const State before = member.raft().state();
  State after = before;
  after.trail = bench_trail({1, 1});
  BOOST_TEST(check_invariants(before, after) == "what is committed is not overwritten");
}

}  // namespace
}  // namespace pawl::raft
