// Bugs planted in the consensus itself, to see that the storms of tests/raft find them. The library
// is built without them: there planted() is a constant and the code beside it is gone. Only one
// test program builds these sources with PAWL_PLANTED_BUGS.
#pragma once

#include <cstdint>

namespace pawl::raft {

enum class Bug : std::uint8_t {
  none,
  count_leader_before_disk,    // the leader's own entries count when appended
  vote_before_hard_state,      // a vote leaves before it is on disk
  commit_older_terms,          // an entry of an older term is committed by counting (figure 8)
  vote_for_short_log,          // a vote is given whatever the candidate's log
  commit_unverified,           // a follower commits entries that may not be its leader's
  believe_old_reports,         // a write's report counts although its entry was cut since
  count_old_term_acks,         // an acknowledgement of an older term counts
  membership_at_commit,        // a membership is in force when committed, not when appended
  joint_one_majority,          // of a joint membership only the new voters are asked
  count_learners,              // learners are counted as voters
  change_while_changing,       // a second change before the first is done, not joint
  keep_cut_membership,         // a membership stays in force when its entry is cut
  reuse_read_round,            // a read is confirmed by a round begun before it
  read_without_round,          // a leader answers reads from what it knows
  read_before_first_commit,    // and before an entry of its term is committed
  install_over_newer_log,      // a snapshot is installed although the log has passed it
  forget_snapshot_membership,  // and the membership it carries is not taken over
  store_any_chunk,             // a chunk is stored wherever the stream has got to
  vote_below_promise,          // who has lost entries votes, and campaigns, as if it had had none
};

#ifdef PAWL_PLANTED_BUGS
// Set by the test before each run. A variable of this one program.
extern Bug planted_bug;
inline bool planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool planted(Bug) { return false; }
#endif

}  // namespace pawl::raft
