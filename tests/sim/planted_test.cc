// Bugs planted in the node and in the consensus, each of which the storms must find.
// PAWL_BUG=name searches for that one alone; PAWL_FIRST_SEED=N begins at another seed than 1.
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "node/planted.h"
#include "raft/planted.h"
#include "tests/sim/apart.h"

namespace pawl {

node::Bug node::planted_bug = node::Bug::none;
raft::Bug raft::planted_bug = raft::Bug::none;

namespace sim {
namespace {

constexpr std::uint64_t kSeedsMax = 10'000;

// How many storms it takes until one breaks a rule or is stopped by a CHECK, with which words; 0 if
// none does.
std::uint64_t storms_to_find(std::string* words) {
  const char* given = std::getenv("PAWL_FIRST_SEED");
  const std::uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  for (std::uint64_t storms = 1; storms <= kSeedsMax; ++storms) {
    StormOptions options;
    options.seed = first + storms - 1;
    const StormResult result = run_storm_apart(options);
    if (result.failure.empty()) continue;
    *words = result.failure;
    return storms;
  }
  return 0;
}

void check(std::string_view name) {
  const char* only = std::getenv("PAWL_BUG");
  if (only != nullptr && name != only) return;
  prepare_digests();
  std::string words;
  const std::uint64_t storms = storms_to_find(&words);
  BOOST_TEST(storms > 0u, name << " was not found");
  BOOST_TEST_MESSAGE("found after " << storms << " storms: " << name << ": " << words);
}

template <class Bug, std::size_t kCount>
void check_each(const std::pair<const char*, Bug> (&bugs)[kCount], Bug* planted) {
  for (const auto& [name, bug] : bugs) {
    *planted = bug;
    check(name);
  }
  *planted = Bug::none;
}

BOOST_AUTO_TEST_CASE(planted_bugs_of_the_node_are_found) {
  using node::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"read_own_tables", Bug::read_own_tables},
      {"refuse_unconfirmed", Bug::refuse_unconfirmed},
      {"forget_keys", Bug::forget_keys},
      {"forward_unnumbered", Bug::forward_unnumbered},
      {"copy_of_any_term", Bug::copy_of_any_term},
      {"freeze_time", Bug::freeze_time},
      {"answer_at_proposal", Bug::answer_at_proposal},
      {"open_lost_group", Bug::open_lost_group},
      {"no_lease_after_failover", Bug::no_lease_after_failover},
      {"take_twice", Bug::take_twice},
      {"lower_read_index", Bug::lower_read_index},
      {"delete_nothing", Bug::delete_nothing},
      {"unknown_outcome", Bug::unknown_outcome},
  };
  check_each(bugs, &node::planted_bug);
}

// Storms seldom meet what these need: hours. By hand, until they do.
BOOST_AUTO_TEST_CASE(rare_bugs_planted_in_the_node_are_found, *boost::unit_test::disabled()) {
  using node::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"retry_replaced", Bug::retry_replaced},
      {"keep_void_reads", Bug::keep_void_reads},
      {"stamp_before_entry", Bug::stamp_before_entry},
  };
  check_each(bugs, &node::planted_bug);
}

BOOST_AUTO_TEST_CASE(rare_bugs_planted_in_the_consensus_are_found, *boost::unit_test::disabled()) {
  using raft::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"commit_older_terms", Bug::commit_older_terms},
      {"believe_old_reports", Bug::believe_old_reports},
      {"joint_one_majority", Bug::joint_one_majority},
  };
  check_each(bugs, &raft::planted_bug);
}

BOOST_AUTO_TEST_CASE(planted_bugs_of_the_consensus_are_found_through_the_node) {
  using raft::Bug;
  const std::pair<const char*, Bug> bugs[] = {
      {"count_leader_before_disk", Bug::count_leader_before_disk},
      {"vote_before_hard_state", Bug::vote_before_hard_state},
      {"vote_for_short_log", Bug::vote_for_short_log},
      {"commit_unverified", Bug::commit_unverified},
      {"reuse_read_round", Bug::reuse_read_round},
      {"read_without_round", Bug::read_without_round},
      {"read_before_first_commit", Bug::read_before_first_commit},
      {"count_old_term_acks", Bug::count_old_term_acks},
      {"change_while_changing", Bug::change_while_changing},
      {"keep_cut_membership", Bug::keep_cut_membership},
      {"membership_at_commit", Bug::membership_at_commit},
      {"count_learners", Bug::count_learners},
  };
  check_each(bugs, &raft::planted_bug);
}

}  // namespace
}  // namespace sim
}  // namespace pawl
