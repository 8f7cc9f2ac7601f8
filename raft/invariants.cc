#include "raft/invariants.h"

#include <algorithm>

namespace pawl::raft {
namespace {

// Collects the first broken rule.
class Rules {
 public:
  void must(bool holds, const char* rule) {
    if (!holds && broken_.empty()) broken_ = rule;
  }
  const std::string& broken() const { return broken_; }

 private:
  std::string broken_;
};

void check_log(const State& s, Rules* rules) {
  const EntryId last = s.trail.last();
  rules->must(last.term <= s.hard.term, "no entry is of a later term than the member's");
  rules->must(s.durable <= last.index, "durable is within the log");
  rules->must(s.commit <= last.index, "commit is within the log");
  rules->must(s.trail.floor().index <= s.commit, "only committed entries are dropped");
  rules->must(s.cut_term <= s.hard.term, "truncations are not of the future");
  rules->must(s.verified <= last.index, "verified is within the log");
  rules->must(s.hard_durable.term <= s.hard.term, "the disk is not ahead of the hard state");
  rules->must(s.held.size() <= limits::kHeldMessagesMax, "held messages are bounded");
  rules->must(s.held.empty() || !s.hard_is_durable(), "nothing is held without a reason");
  for (const Message& m : s.held) {
    rules->must(m.term == s.hard.term, "a held message is of the current term");
    rules->must(m.from == s.config.self && well_formed(m), "a held message is well formed");
  }
}

void check_membership(const State& s, Rules* rules) {
  const MembershipTrail& trail = s.trail.memberships();
  const Membership& m = trail.current();
  rules->must(!m.known() || well_formed(m), "the membership is well formed");
  rules->must(trail.index() <= s.trail.last().index, "the membership in force is of the log");
  if (s.role != Role::leader) return;
  const auto uncommitted = trail.first_from(s.commit.next());
  rules->must(!uncommitted || *uncommitted == trail.index(),
              "at most one change of membership is not committed");
  rules->must(!m.joint() || trail.index() > s.commit || s.commit < s.term_start,
              "a committed joint membership is left");
  std::vector<NodeId> others = m.all_members();
  std::erase(others, s.config.self);
  rules->must(s.peers.size() == others.size(), "a leader tracks each other member");
  for (std::size_t i = 0; i < std::min(others.size(), s.peers.size()); ++i) {
    rules->must(s.peers[i].id == others[i], "a leader tracks each other member");
  }
}

void check_reads(const State& s, Rules* rules) {
  rules->must(s.role == Role::leader || s.reads.empty(), "only a leader has reads");
  rules->must(s.reads.size() <= limits::kReadsPendingMax, "reads are bounded");
  Round before(UINT64_MAX);
  for (const PendingRead& read : s.reads) {
    rules->must(read.round <= s.round, "a read waits for no round of the future");
    rules->must(read.index <= s.commit, "a read's index is committed");
    rules->must((read.index.v == 0) == (s.commit < s.term_start),
                "reads have an index once the term has a committed entry");
    rules->must(read.round.v == 0 || read.round >= before || before.v == UINT64_MAX,
                "reads are in the order of their rounds");
    rules->must(before.v != 0 || read.round.v == 0, "reads without a round are the last");
    before = read.round;
  }
}

void check_transfer(const State& s, Rules* rules) {
  if (s.transfer.to.v == 0) return;
  rules->must(s.role == Role::leader, "only a leader hands over");
  rules->must(s.transfer.to != s.config.self, "a leader does not hand over to itself");
  rules->must(s.trail.memberships().current().is_voter(s.transfer.to),
              "a leader hands over to a voter");
}

void check_incoming(const State& s, Rules* rules) {
  const IncomingSnapshot& in = s.incoming;
  rules->must(in.stored <= in.snapshot.bytes, "no more is stored than there is");
  rules->must(in.snapshot.last.index.v > 0 || !in.busy, "nothing is stored of no snapshot");
  rules->must(in.term <= s.hard.term, "snapshots do not come from the future");
  rules->must(s.role != Role::leader || in.snapshot.last.index.v == 0,
              "a leader is sent no snapshot");
}

void check_peer(const State& s, const Progress& p, Rules* rules) {
  const Index last = s.trail.last().index;
  rules->must(p.id != s.config.self, "a leader is not its own follower");
  rules->must(p.match < p.next, "next is past match");
  rules->must(p.next <= last.next(), "next is at most one past the log");
  rules->must(p.inflight.size() <= s.config.inflight_messages_max,
              "in-flight messages are bounded");
  rules->must(p.mode == Progress::Mode::replicate || p.inflight.size() == 0,
              "only replication has messages in flight");
  rules->must(p.inflight.size() > 0 || p.inflight.bytes() == 0, "nothing in flight has no bytes");
  rules->must(p.match <= last, "match is within the log");
  rules->must(p.round <= s.round, "a follower has answered no round of the future");
  rules->must(p.match_round <= s.round, "match rose in no round of the future");
  rules->must(p.mode != Progress::Mode::install || p.stored <= p.snapshot.bytes,
              "a follower has no more of a snapshot than there is");
  rules->must(p.sent_by_heartbeat_before <= p.sent_by_heartbeat, "heartbeat marks are in order");
  rules->must(p.sent_by_heartbeat < p.next, "heartbeat marks are behind next");
}

void check_role(const State& s, Rules* rules) {
  switch (s.role) {
    case Role::leader:
      rules->must(s.leader == s.config.self, "a leader knows itself");
      rules->must(s.hard.vote == s.config.self, "a leader voted for itself");
      rules->must(s.is_voter() || s.trail.memberships().index() > s.commit,
                  "a leader is a voter until the change that removes it is committed");
      rules->must(s.only_voter() || s.hard_is_durable(), "a leader's vote is on disk");
      rules->must(s.trail.last().term == s.hard.term, "a leader has an entry of its term");
      rules->must(s.trail.term_at(s.term_start).value_or(s.hard.term) == s.hard.term,
                  "term_start is of the leader's term");
      for (const Progress& p : s.peers) check_peer(s, p, rules);
      break;
    case Role::candidate:
      rules->must(s.hard.vote == s.config.self, "a candidate voted for itself");
      [[fallthrough]];
    case Role::pre_candidate:
      rules->must(s.leader.v == 0, "a candidate knows no leader");
      rules->must(s.ballots.size() == s.electors.size() &&
                      s.electors == s.trail.memberships().current().all_voters(),
                  "a candidate has a ballot a voter");
      rules->must(s.keeps_promise(), "a candidate has all that it had acknowledged");
      rules->must(s.may_lead(), "a candidate is a voter, or a change that made it none is open");
      break;
    case Role::follower:
      rules->must(s.leader != s.config.self, "a follower does not follow itself");
      break;
  }
  rules->must(s.role == Role::leader || s.peers.empty(), "only a leader tracks followers");
}

void check_change_in_term(const State& before, const State& after, Rules* rules) {
  rules->must(before.hard.vote.v == 0 || before.hard.vote == after.hard.vote, "one vote a term");
  rules->must(before.role != Role::leader || after.role == Role::leader ||
                  (after.role == Role::follower && after.leader.v == 0),
              "a leader that steps down follows nobody");
  rules->must(
      before.role == Role::leader || after.role != Role::leader || before.role == Role::candidate,
      "nobody leads the same term twice");
  rules->must(before.leader.v == 0 || before.role == Role::leader ||
                  after.leader == before.leader || after.role == Role::pre_candidate,
              "one leader a term");
  rules->must(before.verified <= after.verified, "verified only rises within a term");
  if (before.role != Role::leader || after.role != Role::leader) return;
  const EntryId last = before.trail.last();
  rules->must(last.index <= after.trail.floor().index || after.trail.holds(last),
              "a leader only adds to its log");
  rules->must(before.term_start == after.term_start, "a term starts once");
  rules->must(before.round <= after.round, "rounds only rise within a term");
  for (const Progress& p : after.peers) {
    const Progress* known = before.peer(p.id);
    if (known == nullptr) continue;
    rules->must(known->match <= p.match, "match only rises within a term");
    rules->must(known->round <= p.round, "answered rounds only rise within a term");
    rules->must(!known->is_lost() || p.is_lost(),
                "who has lost its log counts no more in the term");
  }
}

void check_change(const State& before, const State& after, Rules* rules) {
  rules->must(before.hard.term <= after.hard.term, "the term never falls");
  rules->must(before.hard_durable.term <= after.hard_durable.term, "the term on disk never falls");
  rules->must(before.commit <= after.commit, "commit never falls");
  rules->must(before.trail.floor().index <= after.trail.floor().index, "the floor never falls");
  rules->must(before.now_ms <= after.now_ms, "time never goes back");
  rules->must(
      before.snapshot.last.index <= after.snapshot.last.index || after.snapshot.last.index.v == 0,
      "snapshots are replaced by newer ones, or lost");
  if (before.commit >= after.trail.floor().index) {
    rules->must(before.trail.term_at(before.commit) == after.trail.term_at(before.commit),
                "what is committed is not overwritten");
  }
  if (before.commit < after.commit) {
    const bool own = after.role == Role::leader && before.hard.term == after.hard.term;
    rules->must(!own || after.trail.term_at(after.commit) == after.hard.term,
                "a leader counts only entries of its own term");
    // A leader that is removed by what it commits steps down with the same step.
    const bool led = before.role == Role::leader;
    rules->must(led || after.role == Role::leader || after.commit <= after.durable,
                "a follower commits what is on its disk");
    rules->must(led || after.role == Role::leader || after.commit <= after.verified,
                "a follower commits what is known to be its leader's");
  }
  if (before.hard.term == after.hard.term) check_change_in_term(before, after, rules);
}

}  // namespace

std::string check_invariants(const State& before, const State& after) {
  Rules rules;
  check_log(after, &rules);
  check_role(after, &rules);
  check_membership(after, &rules);
  check_reads(after, &rules);
  check_transfer(after, &rules);
  check_incoming(after, &rules);
  check_change(before, after, &rules);
  return rules.broken();
}

}  // namespace pawl::raft
