// Memberships as values, along a log, and the sizes beside them.
#include "raft/membership.h"

#include <boost/test/unit_test.hpp>

#include "base/random.h"
#include "raft/quorum.h"
#include "raft/trail.h"

namespace pawl::raft {
namespace {

std::vector<NodeId> ids(const std::vector<std::uint64_t>& numbers) {
  std::vector<NodeId> out;
  for (const std::uint64_t n : numbers) out.push_back(NodeId(n));
  return out;
}

Membership of(const std::vector<std::uint64_t>& voters,
              const std::vector<std::uint64_t>& learners = {}) {
  Membership m;
  m.voters = ids(voters);
  m.learners = ids(learners);
  return m;
}

MembershipPtr shared(const Membership& m) { return std::make_shared<const Membership>(m); }

BOOST_AUTO_TEST_CASE(well_formed_memberships) {
  BOOST_TEST(well_formed(of({1, 2, 3}, {4})));
  BOOST_TEST(!well_formed(of({})));
  BOOST_TEST(!well_formed(of({2, 1})));
  BOOST_TEST(!well_formed(of({1, 1})));
  BOOST_TEST(!well_formed(of({0, 1})));
  BOOST_TEST(!well_formed(of({1, 2}, {2})));
  BOOST_TEST(!well_formed(of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})));
  Membership joint = of({1, 2});
  joint.outgoing = ids({2, 3});
  joint.learners_next = ids({3});
  BOOST_TEST(well_formed(joint));
  joint.learners_next = ids({2});
  BOOST_TEST(!well_formed(joint));
}

BOOST_AUTO_TEST_CASE(a_change_of_voters_is_joint) {
  const Membership now = of({1, 2, 3}, {4});
  BOOST_TEST(to_string(membership_towards(of({1, 2, 3}, {4, 5}), now)) == "1,2,3 learners 4,5");
  const Membership joint = membership_towards(of({1, 2, 4}, {3, 5}), now);
  BOOST_TEST(to_string(joint) == "1,2,4 & 1,2,3 learners 5 next 3");
  BOOST_TEST(well_formed(joint));
  BOOST_TEST(to_string(membership_after(joint)) == "1,2,4 learners 3,5");
}

BOOST_AUTO_TEST_CASE(a_joint_membership_needs_both_majorities) {
  Membership joint = of({1, 4, 5});
  joint.outgoing = ids({1, 2, 3});
  const auto reached = [&](const std::vector<std::uint64_t>& have) {
    return reached_by_quorum(joint, [&](NodeId id) { return have[id.v - 1]; });
  };
  BOOST_TEST(reached({9, 9, 9, 0, 0}) == 0u);
  BOOST_TEST(reached({9, 0, 0, 9, 9}) == 0u);
  BOOST_TEST(reached({9, 7, 0, 8, 0}) == 7u);
  BOOST_TEST(reached({0, 9, 9, 8, 8}) == 8u);
  const auto verdict = [&](const std::vector<Ballot>& ballots) {
    return tally(joint, [&](NodeId id) { return ballots[id.v - 1]; });
  };
  constexpr Ballot kYes = Ballot::granted;
  constexpr Ballot kNo = Ballot::denied;
  constexpr Ballot kOpen = Ballot::open;
  BOOST_TEST((verdict({kYes, kYes, kNo, kYes, kNo}) == Verdict::won));
  BOOST_TEST((verdict({kYes, kYes, kYes, kOpen, kOpen}) == Verdict::open));
  BOOST_TEST((verdict({kYes, kYes, kYes, kNo, kNo}) == Verdict::lost));
}

BOOST_AUTO_TEST_CASE(a_membership_goes_with_its_entry) {
  Trail trail;
  trail.found(shared(of({1, 2, 3})));
  trail.append(Term(1), 2);
  trail.append_membership(Term(1), shared(of({1, 2})));
  trail.append(Term(1), 1);
  trail.append_membership(Term(2), shared(of({1})));
  BOOST_TEST(to_string(trail.memberships().current()) == "1");
  BOOST_TEST(trail.memberships().index().v == 5u);
  BOOST_TEST(trail.brings_membership(Index(3)));
  BOOST_TEST(!trail.brings_membership(Index(4)));
  BOOST_TEST(trail.memberships().is_voter_since(Index(3), NodeId(2)));
  BOOST_TEST(!trail.memberships().is_voter_since(Index(3), NodeId(3)));
  // A batch holds entries of one term, and a membership alone.
  BOOST_TEST(trail.batch_end(Index(1), 10, 1000).v == 2u);
  BOOST_TEST(trail.batch_end(Index(3), 10, 1000).v == 3u);
  BOOST_TEST(trail.batch_end(Index(4), 10, 1000).v == 4u);
  trail.truncate_from(Index(5));
  BOOST_TEST(to_string(trail.memberships().current()) == "1,2");
  trail.drop_through(Index(3));
  trail.truncate_from(Index(4));
  BOOST_TEST(to_string(trail.memberships().current()) == "1,2");
  BOOST_TEST(trail.install({Index(9), Term(3)}, shared(of({7}))) == false);
  BOOST_TEST(to_string(trail.memberships().current()) == "7");
}

// Against exact sizes: never less, and a batch is within its bytes or a single entry.
BOOST_AUTO_TEST_CASE(sizes_are_upper_bounds) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    SizeTrail sizes;
    std::vector<std::uint64_t> exact = {0};
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t count = 1 + random.below(20);
      const auto bytes = static_cast<std::uint32_t>(random.below(1u << random.below(12)));
      sizes.append(Index(exact.size()), count, bytes);
      exact.insert(exact.end(), count, bytes);
      if (exact.size() > 30 && random.chance(0.1)) {
        exact.resize(exact.size() - 1 - random.below(20));
        sizes.truncate_from(Index(exact.size()));
      }
    }
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t first = 1 + random.below(exact.size() - 1);
      const std::uint64_t last = first + random.below(exact.size() - first);
      std::uint64_t sum = 0;
      for (std::uint64_t at = first; at <= last; ++at) sum += exact[at];
      BOOST_TEST(sizes.bytes(Index(first), Index(last)) >= sum);
      const std::uint64_t budget = random.below(20'000);
      const Index through = sizes.through_within(Index(first), Index(last), budget);
      BOOST_TEST((through.v >= first && through.v <= last));
      BOOST_TEST((through.v == first || sizes.bytes(Index(first), through) <= budget));
      BOOST_TEST((through.v == last || sizes.bytes(Index(first), through.next()) > budget));
    }
  }
}

}  // namespace
}  // namespace pawl::raft
