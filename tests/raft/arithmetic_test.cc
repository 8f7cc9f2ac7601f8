// Quorums, trails, progress: the parts that know nothing of messages.
#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/trail.h"

namespace pawl::raft {
namespace {

Index reached(const std::vector<Index>& matches) {
  std::vector<std::uint64_t> raw;
  for (const Index m : matches) raw.push_back(m.v);
  return Index(reached_by_majority(raw));
}

BOOST_AUTO_TEST_CASE(majorities) {
  BOOST_TEST(majority(1) == 1u);
  BOOST_TEST(majority(2) == 2u);
  BOOST_TEST(majority(3) == 2u);
  BOOST_TEST(majority(4) == 3u);
  BOOST_TEST(majority(5) == 3u);
}

BOOST_AUTO_TEST_CASE(reached_by_majority_is_what_more_than_half_have) {
  BOOST_TEST(reached({Index(7)}).v == 7u);
  BOOST_TEST(reached({Index(7), Index(3)}).v == 3u);
  BOOST_TEST(reached({Index(1), Index(9), Index(4)}).v == 4u);
  BOOST_TEST(reached({Index(1), Index(9), Index(4), Index(4)}).v == 4u);
  BOOST_TEST(reached({Index(0), Index(9), Index(8), Index(0), Index(7)}).v == 7u);
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    std::vector<Index> matches(1 + random.below(9));
    for (Index& m : matches) m = Index(random.below(6));
    const Index got = reached(matches);
    std::size_t have = 0;
    std::size_t have_more = 0;
    for (const Index m : matches) {
      have += m >= got;
      have_more += m > got;
    }
    BOOST_TEST(have >= majority(matches.size()));
    BOOST_TEST(have_more < majority(matches.size()));
  }
}

BOOST_AUTO_TEST_CASE(tallies) {
  using B = Ballot;
  const auto of = [](std::vector<B> ballots) { return tally(ballots); };
  BOOST_TEST((of({B::granted}) == Verdict::won));
  BOOST_TEST((of({B::denied}) == Verdict::lost));
  BOOST_TEST((of({B::granted, B::open}) == Verdict::open));
  BOOST_TEST((of({B::granted, B::denied}) == Verdict::lost));
  BOOST_TEST((of({B::granted, B::granted, B::open}) == Verdict::won));
  BOOST_TEST((of({B::granted, B::denied, B::open}) == Verdict::open));
  BOOST_TEST((of({B::granted, B::denied, B::denied}) == Verdict::lost));
  BOOST_TEST((of({B::granted, B::granted, B::denied, B::denied}) == Verdict::lost));
}

// The trail against the plainest model there is: a vector of terms.
struct Model {
  std::uint64_t floor = 0;
  std::vector<std::uint64_t> terms = {0};  // [0] is before the log

  std::uint64_t last() const { return terms.size() - 1; }
  std::optional<EntryId> last_not_after(EntryId bound) const {
    for (std::uint64_t i = std::min(last(), bound.index.v); i + 1 > floor; --i) {
      if (terms[i] <= bound.term.v) return EntryId{Index(i), Term(terms[i])};
      if (i == 0) break;
    }
    return std::nullopt;
  }
};

void compare(const Trail& trail, const Model& model, Random* random) {
  BOOST_TEST(trail.last().index.v == model.last());
  BOOST_TEST(trail.last().term.v == model.terms.back());
  BOOST_TEST(trail.floor().index.v == model.floor);
  for (std::uint64_t i = 0; i <= model.last() + 2; ++i) {
    const std::optional<Term> term = trail.term_at(Index(i));
    BOOST_TEST(term.has_value() == (i >= model.floor && i <= model.last()));
    if (!term) continue;
    BOOST_TEST(term->v == model.terms[i]);
    if (i == model.floor) continue;
    const Trail::Run run = trail.run_at(Index(i));
    BOOST_TEST((run.first.v <= i && i <= run.last.v && run.term == *term));
    BOOST_TEST((run.first.v == model.floor + 1 || model.terms[run.first.v - 1] != term->v));
    BOOST_TEST((run.last.v == model.last() || model.terms[run.last.v + 1] != term->v));
  }
  for (int i = 0; i < 20; ++i) {
    const EntryId bound{Index(random->below(model.last() + 3)), Term(random->below(12))};
    BOOST_TEST((trail.last_not_after(bound) == model.last_not_after(bound)));
  }
}

BOOST_AUTO_TEST_CASE(trail_is_a_vector_of_terms) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    Trail trail;
    Model model;
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t action = random.below(10);
      if (action < 6) {
        const std::uint64_t term =
            std::max<std::uint64_t>(1, model.terms.back() + (random.chance(0.3) ? 1 : 0));
        const std::uint64_t count = 1 + random.below(4);
        trail.append(Term(term), count);
        model.terms.insert(model.terms.end(), count, term);
      } else if (action < 8 && model.last() > model.floor) {
        const std::uint64_t from = model.floor + 1 + random.below(model.last() - model.floor + 1);
        trail.truncate_from(Index(from));
        model.terms.resize(std::min<std::size_t>(model.terms.size(), from));
      } else if (action == 8) {
        model.floor += random.below(model.last() - model.floor + 1);
        trail.drop_through(Index(model.floor));
      }
      compare(trail, model, &random);
    }
  }
}

BOOST_AUTO_TEST_CASE(trail_replays_a_journal) {
  Trail trail(EntryId{Index(4), Term(2)});
  BOOST_TEST(trail.replay({Index(5), Term(2)}));
  BOOST_TEST(trail.replay({Index(6), Term(2)}));
  BOOST_TEST(trail.replay({Index(7), Term(3)}));
  BOOST_TEST(trail.replay({Index(6), Term(4)}));  // overwritten
  BOOST_TEST((trail.last() == EntryId{Index(6), Term(4)}));
  const Trail before = trail;
  for (const EntryId bad : {EntryId{Index(8), Term(4)}, EntryId{Index(7), Term(3)},
                            EntryId{Index(4), Term(9)}, EntryId{Index(0), Term(9)},
                            EntryId{Index(7), Term(0)}, EntryId{Index(UINT64_MAX), Term(9)}}) {
    BOOST_TEST(!trail.replay(bad));
    BOOST_TEST((trail == before));
  }
}

BOOST_AUTO_TEST_CASE(inflight_is_a_bounded_ring) {
  Inflight ring;
  std::uint64_t next = 0;
  for (int turn = 0; turn < 5; ++turn) {
    while (ring.size() < limits::kInflightMessagesMax) ring.push(Index(++next), 10);
    ring.acknowledge(Index(0));
    BOOST_TEST(ring.size() == limits::kInflightMessagesMax);
    ring.acknowledge(Index(next - 10));
    BOOST_TEST(ring.size() == 10u);
    BOOST_TEST(ring.bytes() == 100u);
  }
  ring.acknowledge(Index(next + 100));
  BOOST_TEST(ring.size() == 0u);
}

BOOST_AUTO_TEST_CASE(progress_sees_loss_at_the_second_heartbeat) {
  Progress p;
  p.become_replicate(Index(5));
  BOOST_TEST(!p.shows_loss(Index(4)));
  p.next = Index(9);
  p.heartbeat_sent();
  BOOST_TEST(!p.shows_loss(Index(4)));
  p.next = Index(12);
  p.heartbeat_sent();
  BOOST_TEST(p.shows_loss(Index(7)));
  BOOST_TEST(!p.shows_loss(Index(8)));
  p.become_probe(Index(8));
  BOOST_TEST(!p.shows_loss(Index(7)));
}

}  // namespace
}  // namespace pawl::raft
