// Bugs planted in the node, to see that the fleet's storms find them, as raft/planted.h has them
// for the consensus. The library is built without them: there planted() is a constant and the code
// beside it is gone. Only one test program builds these sources with PAWL_PLANTED_BUGS.
#pragma once

#include <cstdint>

namespace pawl::node {

enum class Bug : std::uint8_t {
  none,
  read_own_tables,     // a read is answered from this box's tables, whoever leads
  refuse_unconfirmed,  // what rests on no entry is answered without asking whether this box leads
  forget_keys,         // the dedupe table is not looked at
  forward_unnumbered,  // a forwarded request is not known by its number
  copy_of_any_term,    // a late copy of a forwarded request is taken for a new one
  retry_replaced,      // a replaced proposal is given up before anything is committed in its place
  keep_void_reads,     // entries read for an older leadership are sent in a newer one
  stamp_before_entry,  // a new leader's first stamps are older than what it has just applied
  freeze_time,         // time stands still behind another box's stamp
  answer_at_proposal,  // a change is answered when it is proposed
  open_lost_group,     // mailboxes stay busy when the leadership is lost
  no_lease_after_failover,  // tasks that are out when the leader changes stay out
  take_twice,               // a delivery that was taken is taken again
  lower_read_index,         // a read index that another box gave is not waited for
  delete_nothing,           // a run's data is left as it is, and the answer says it went
  unknown_outcome,          // an outcome is taken, and its worker told that there is no such task
};

#ifdef PAWL_PLANTED_BUGS
// Set by the test before each run. A variable of this one program.
extern Bug planted_bug;
inline bool planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool planted(Bug) { return false; }
#endif

}  // namespace pawl::node
