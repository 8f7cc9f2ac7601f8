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

struct Case {
  const char* rule;
  std::function<void(State*)> damage;
};

BOOST_AUTO_TEST_CASE(a_good_state_follows_itself) {
  const State good = leading();
  BOOST_TEST(check_invariants(good, good) == "");
}

BOOST_AUTO_TEST_CASE(damage_is_noticed) {
  const Case cases[] = {
      {"commit never falls", [](State* s) { s->commit = Index(2); }},
      {"commit is within the log", [](State* s) { s->commit = Index(9); }},
      {"durable is within the log", [](State* s) { s->durable = Index(9); }},
      {"a leader voted for itself",
       [](State* s) { s->hard.vote = s->hard_durable.vote = NodeId(2); }},
      {"a leader knows itself", [](State* s) { s->leader = NodeId(2); }},
      {"a leader tracks each other voter", [](State* s) { s->peers.pop_back(); }},
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
      {"a leader leads to the end of its term",
       [](State* s) {
         s->role = Role::follower;
         s->leader = NodeId(0);
         s->peers.clear();
       }},
      {"time never goes back", [](State* s) { s->now_ms = -1; }},
  };
  const State good = leading();
  for (const Case& c : cases) {
    State bad = good;
    c.damage(&bad);
    BOOST_TEST(check_invariants(good, bad) == c.rule);
  }
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
