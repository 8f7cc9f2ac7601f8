// What applied entries, and raft, left to do while an input was handled: done at its end, once all
// of it is folded (Node::settle).
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/ids.h"
#include "log/journal.h"
#include "node/job.h"
#include "node/leases.h"
#include "node/polls.h"

namespace pawl::node {

struct Unsettled {
  struct Released {
    GroupId group;
    std::string run_id;  // its mailbox opens
    Index run;
  };
  struct Acknowledgement {
    GroupId sender, receiver;
    std::uint64_t through = 0;
  };
  std::span<const log::Durable> durable;  // by the batch that was done; groups are told next
  std::deque<Released> released;
  std::deque<ParkedPoll> full_polls;                  // to be answered
  std::deque<TaskRef> returns;                        // handed out to a client that is gone
  std::deque<std::pair<GroupId, Job>> keyed_retries;  // their key's entry was applied
  std::deque<Acknowledgement> acknowledgements;
  std::deque<GroupId> ready;               // may decide from now on
  std::set<GroupId> senders;               // have messages to deliver
  std::deque<std::string> resumed_queues;  // their parked polls are to be filled
};

}  // namespace pawl::node
