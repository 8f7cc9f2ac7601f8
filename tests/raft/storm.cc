#include "tests/raft/storm.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace pawl::raft {
namespace {

constexpr int kRounds = 250;
constexpr int kSpares = 2;
// With windows of one entry and a backlog of 50, each of which takes a round trip and a write; or a
// snapshot of many chunks.
constexpr int kHealedRoundsMax = 3000;

// Probabilities a round or a packet.
struct Weather {
  double loss = 0;
  double repeat = 0;
  double late = 0;       // a packet waits for another round, so others overtake it
  double slow_disk = 0;  // a write waits for another round
  double crash = 0;
  double restart = 0.2;
  double partition = 0;
  double heal = 0.05;
  double freeze = 0;  // a member is not ticked
  double propose = 0.5;
  double compact = 0;
  double change = 0;  // of the membership
  double transfer = 0;
  double read = 0;
  double idle = 0;  // a member may no longer campaign, or may again
  double lose = 0;  // a member that is down loses its log
};

Weather draw(Random* random) {
  Weather w;
  if (random->chance(0.5)) w.loss = random->unit() * 0.3;
  if (random->chance(0.5)) w.repeat = random->unit() * 0.3;
  if (random->chance(0.5)) w.late = random->unit() * 0.8;
  if (random->chance(0.5)) w.slow_disk = random->unit() * 0.95;
  if (random->chance(0.5)) w.crash = random->unit() * 0.2;
  if (random->chance(0.5)) w.partition = random->unit() * 0.1;
  if (random->chance(0.5)) w.freeze = random->unit() * 0.5;
  if (random->chance(0.5)) w.compact = random->unit() * 0.2;
  if (random->chance(0.5)) w.change = random->unit() * 0.4;
  if (random->chance(0.5)) w.transfer = random->unit() * 0.1;
  if (random->chance(0.7)) w.read = random->unit();
  if (random->chance(0.2)) w.idle = 0.02;
  if (random->chance(0.3)) w.lose = random->unit() * 0.1;
  return w;
}

class Storm {
 public:
  Storm(std::uint64_t seed, int members, const PlantedBugs& bugs, bool print)
      : random_(seed * 1000 + static_cast<std::uint64_t>(members)),
        weather_(draw(&random_)),
        cluster_(options(&random_, members, bugs)),
        print_(print) {
    cluster_.trace(print);
  }

  StormResult run() {
    for (int i = 0; i < kRounds && ok(); ++i) {
      break_things();
      round();
    }
    if (ok()) heal();
    result_.failure = cluster_.failure().empty() ? result_.failure : cluster_.failure();
    result_.steps = cluster_.steps();
    result_.committed = cluster_.committed().size();
    result_.reads = cluster_.reads_answered();
    result_.snapshots = cluster_.snapshots_installed();
    result_.memberships = cluster_.memberships_committed();
    return result_;
  }

 private:
  static Cluster::Options options(Random* random, int members, const PlantedBugs& bugs) {
    Cluster::Options o;
    o.members = members + kSpares;
    o.founders = members;
    o.snapshot_chunk_bytes = static_cast<std::uint32_t>(random->between(100, 2000));
    o.append_bytes_max = static_cast<std::uint64_t>(random->between(100, 2000));
    o.inflight_bytes_max = static_cast<std::uint64_t>(random->between(100, 4000));
    o.promotion_lag_max = 10;
    o.append_entries_max = static_cast<std::uint32_t>(random->between(1, 5));
    o.inflight_messages_max = static_cast<std::uint32_t>(random->between(1, 5));
    o.uncommitted_entries_max = 50;
    // Short, so that there are many elections.
    o.heartbeat_ms = 30;
    o.election_timeout_ms_min = 90;
    o.election_timeout_ms_max = 180;
    o.bugs = bugs;
    return o;
  }

  bool ok() const { return cluster_.failure().empty() && result_.failure.empty(); }
  int any() {
    return static_cast<int>(random_.below(static_cast<std::uint64_t>(cluster_.size()))) + 1;
  }

  void break_things() {
    if (random_.chance(weather_.crash)) {
      const int victim = any();
      result_.crashes += cluster_.up(victim) ? 1 : 0;
      cluster_.crash(victim, random_.below(4));
    }
    if (random_.chance(weather_.lose)) lose_log(any());
    if (random_.chance(weather_.partition)) {
      const int from = any();
      for (int to = 1; to <= cluster_.size(); ++to) {
        if (random_.chance(0.6)) cluster_.cut(from, to, true);
        if (random_.chance(0.6)) cluster_.cut(to, from, true);
      }
    }
    if (random_.chance(weather_.heal)) mend_links();
    for (int m = 1; m <= cluster_.size(); ++m) {
      if (!cluster_.up(m) && random_.chance(weather_.restart)) cluster_.restart(m);
    }
    const int compacting = any();
    if (cluster_.up(compacting) && random_.chance(weather_.compact)) compact(compacting);
  }

  // At most one at a time is without what it acknowledged, and others can elect a leader without
  // it: of two, it would wait for ever for what it alone had.
  void lose_log(int member) {
    if (cluster_.up(member)) return;
    for (int m = 1; m <= cluster_.size(); ++m) {
      const Membership& members = cluster_.membership_of(m);
      const std::size_t before = members.outgoing.size();
      if (members.voters.size() < 3 || (before > 0 && before < 3)) return;
      if (m != member && !cluster_.keeps_promise(m)) return;
    }
    ++result_.logs_lost;
    cluster_.lose_log(member, true);
  }

  // What it has applied and has on its disk: others may have to be sent the snapshot.
  void compact(int member) {
    const Raft& raft = cluster_.raft(member);
    const std::uint64_t most = std::min(raft.commit(), raft.durable()).v;
    if (most == 0) return;
    cluster_.snapshot(member, Index(most - random_.below(std::min<std::uint64_t>(most, 4))));
    // One that has been received may still be ahead of what is committed here.
    const std::uint64_t have = std::min(cluster_.disk(member).snapshot.last.index.v, most);
    const std::uint64_t kept = random_.below(6);
    if (have > kept && ok()) cluster_.compact(member, Index(have - kept));
  }

  // What clients and operators do.
  void ask() {
    if (random_.chance(weather_.read)) cluster_.read(any());
    const int member = any();
    if (random_.chance(weather_.idle)) cluster_.set_candidacy(member, random_.chance(0.5));
    const int leader = random_.chance(0.8) ? cluster_.leader() : any();
    if (leader == 0 || !cluster_.up(leader)) return;
    if (random_.chance(weather_.transfer)) {
      ++result_.transfers;
      cluster_.transfer(leader, any());
    }
    if (random_.chance(0.01)) cluster_.abort_transfer(leader);
    if (random_.chance(weather_.change)) change(leader);
  }

  // Moves one or two members up or down: stranger, learner, voter.
  void change(int leader) {
    const Membership& now = cluster_.membership_of(leader);
    Membership wish;
    wish.voters = now.voters;
    wish.learners = now.learners;
    for (std::uint64_t moves = 1 + random_.below(2); moves > 0; --moves) {
      move(NodeId(static_cast<std::uint64_t>(any())), &wish);
    }
    if (well_formed(wish)) cluster_.change(leader, wish);
  }

  void move(NodeId id, Membership* wish) {
    const auto take = [&](std::vector<NodeId>* from) { return std::erase(*from, id) > 0; };
    const auto put = [&](std::vector<NodeId>* to) {
      to->insert(std::lower_bound(to->begin(), to->end(), id), id);
    };
    if (take(&wish->learners)) {
      if (random_.chance(0.8)) put(&wish->voters);
    } else if (take(&wish->voters)) {
      if (random_.chance(0.5)) put(&wish->learners);
    } else {
      put(&wish->learners);
    }
  }

  void mend_links() {
    for (int a = 1; a <= cluster_.size(); ++a) {
      for (int b = 1; b <= cluster_.size(); ++b) cluster_.cut(a, b, false);
    }
  }

  // Ten to twenty milliseconds.
  void round() {
    for (int m = 1; m <= cluster_.size(); ++m) {
      if (random_.chance(weather_.freeze)) continue;
      cluster_.tick(m, random_.between(10, 20), random_.next());
    }
    if (const int leader = cluster_.leader(); leader != 0) {
      if (leader != last_leader_) ++result_.elections;
      last_leader_ = leader;
      if (random_.chance(weather_.propose)) {
        cluster_.propose(leader, static_cast<std::uint32_t>(random_.between(1, 8)),
                         static_cast<std::uint32_t>(random_.below(500)), random_.chance(0.5));
      }
      // What was held goes out late at times, and often together with what came after it.
      if (random_.chance(0.7)) cluster_.replicate(leader);
    }
    ask();
    for (int m = 1; m <= cluster_.size(); ++m) {
      while (!random_.chance(weather_.slow_disk) && cluster_.complete_write(m)) {
      }
    }
    deliver();
    print();
  }

  // Every packet that was there has its chance, in random order.
  void deliver() {
    for (std::size_t left = cluster_.packets().size(); left > 0 && ok(); --left) {
      const std::size_t at = weather_.late > 0 ? random_.below(left) : 0;
      if (random_.chance(weather_.late)) continue;
      if (random_.chance(weather_.loss)) {
        ++result_.lost;
        cluster_.drop(at);
        continue;
      }
      if (random_.chance(weather_.repeat)) {
        const Packet again = cluster_.packets()[at];
        cluster_.receive(static_cast<int>(again.message.to.v), again);
      }
      cluster_.deliver(at);
    }
  }

  // Fair weather: the group must elect, catch all its members up and commit something new.
  void heal() {
    weather_ = Weather();
    weather_.propose = 0.05;  // who is behind a lone voter must be able to catch up
    mend_links();
    for (int m = 1; m <= cluster_.size(); ++m) {
      cluster_.restart(m);
      cluster_.set_candidacy(m, true);
    }
    const std::size_t committed = cluster_.committed().size();
    for (int i = 0; i < kHealedRoundsMax && ok() && !whole(committed); ++i) round();
    if (ok() && !whole(committed)) {
      result_.failure = absl::StrCat("liveness: leader ", cluster_.leader(), ", ", committed,
                                     " were committed, now ", cluster_.committed().size());
    }
  }

  // A leader, something new committed, no change under way, and every member has what was committed
  // before.
  bool whole(std::size_t committed) const {
    const int leader = cluster_.leader();
    if (leader == 0 || cluster_.committed().size() <= committed) return false;
    const Membership& membership = cluster_.membership_of(leader);
    if (membership.joint()) return false;
    for (const NodeId id : membership.all_members()) {
      if (cluster_.raft(static_cast<int>(id.v)).commit().v < committed) return false;
    }
    return true;
  }

  void print() {
    if (!print_) return;
    for (const std::string& line : cluster_.take_trace())
      std::fprintf(stderr, "%s\n", line.c_str());
  }

  Random random_;
  Weather weather_;
  Cluster cluster_;
  bool print_;
  int last_leader_ = 0;
  StormResult result_;
};

}  // namespace

StormResult run_storm(std::uint64_t seed, int members, const PlantedBugs& bugs, bool print) {
  return Storm(seed, members, bugs, print).run();
}

}  // namespace pawl::raft
