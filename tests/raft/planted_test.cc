// The bugs of raft/planted.h, each of which the storms must find. This program is built with its
// own copy of the consensus, in which they can be switched on.
#include "raft/planted.h"

#include <boost/test/unit_test.hpp>

#include "tests/raft/seed_search.h"

namespace pawl::raft {

Bug planted_bug = Bug::none;

namespace {

constexpr std::uint64_t kSeedsMax = 3000;

struct Case {
  const char* name;
  Bug bug;
};

constexpr Case kCases[] = {
    {"count_leader_before_disk", Bug::count_leader_before_disk},
    {"vote_before_hard_state", Bug::vote_before_hard_state},
    {"commit_older_terms", Bug::commit_older_terms},
    {"vote_for_short_log", Bug::vote_for_short_log},
    {"commit_unverified", Bug::commit_unverified},
    {"believe_old_reports", Bug::believe_old_reports},
    {"count_old_term_acks", Bug::count_old_term_acks},
    {"membership_at_commit", Bug::membership_at_commit},
    {"joint_one_majority", Bug::joint_one_majority},
    {"count_learners", Bug::count_learners},
    {"change_while_changing", Bug::change_while_changing},
    {"keep_cut_membership", Bug::keep_cut_membership},
    {"reuse_read_round", Bug::reuse_read_round},
    {"read_without_round", Bug::read_without_round},
    {"read_before_first_commit", Bug::read_before_first_commit},
    {"install_over_newer_log", Bug::install_over_newer_log},
    {"forget_snapshot_membership", Bug::forget_snapshot_membership},
    {"store_any_chunk", Bug::store_any_chunk},
    {"vote_below_promise", Bug::vote_below_promise},
};

BOOST_AUTO_TEST_CASE(without_a_bug_nothing_is_found) {
  planted_bug = Bug::none;
  BOOST_TEST(seeds_to_find(PlantedBugs(), 100) == 0u);
}

BOOST_AUTO_TEST_CASE(bugs_in_the_consensus_are_found) {
  for (const Case& each : kCases) {
    planted_bug = each.bug;
    const std::uint64_t seeds = seeds_to_find(PlantedBugs(), kSeedsMax);
    planted_bug = Bug::none;
    BOOST_TEST(seeds > 0u, each.name << " was not found");
    BOOST_TEST_MESSAGE(each.name << " found by seed " << seeds);
  }
}

}  // namespace
}  // namespace pawl::raft
