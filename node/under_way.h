// What a node has under way for those who asked: memory, gone with the process.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/ids.h"
#include "engine/tables.h"
#include "node/inputs.h"
#include "node/job.h"
#include "node/leases.h"
#include "node/request.h"

namespace pawl::node {

struct UnderWay {
  // The outcomes of a ReportTasks as they come in; answered when the last one is there.
  struct ReportBatch {
    std::vector<std::string> tokens;
    std::vector<Answer> items;
    std::size_t missing = 0;
  };
  // Who waits for a cold run.
  struct Load {
    Index newest;  // of the run's entries, as asked for; 0: not yet, it is not on the disk
    std::vector<RequestId> reads;
    std::vector<Job> jobs;
  };
  // A group's due timers, from the earliest on, some a turn: while what was fired is with the disk
  // the next are decided. Behind the last it begins anew.
  struct TimerPass {
    engine::DueTimer last;           // that was looked at; none: it begins
    Index fired_through;             // what was fired is applied when this box has applied so far
    bool undecided = false;          // some could not be decided now
    std::int64_t retry_mono_ms = 0;  // nothing is fired before
    std::int64_t look_mono_ms = 0;   // no tick is asked for on account of timers before
  };

  // Requests that are not answered yet: what is not in here is never answered (again).
  absl::flat_hash_set<RequestId> outstanding;  // looked up, never iterated
  // Of those that change something: when their outcome is unknown, in order. (Alone; of several
  // boxes it is Cluster::deadlines.)
  std::deque<std::pair<std::int64_t, RequestId>> deadlines;
  // Jobs whose idempotency key is that of an entry under way.
  absl::flat_hash_map<std::string, std::vector<std::pair<GroupId, Job>>> jobs_by_key;
  std::map<RequestId, ReportBatch> report_batches;
  absl::flat_hash_map<std::string, std::vector<TaskRef>> poll_keys;  // looked up, never iterated
  std::map<std::pair<GroupId, Index>, Load> loads;                   // on their way
  // Resets that wait for what their runs were, by run and event.
  std::map<std::tuple<GroupId, Index, Seq>, std::vector<Job>> pasts;
  std::vector<std::pair<GroupId, Index>> unloads;    // closed runs to look at
  std::set<std::pair<GroupId, GroupId>> delivering;  // sender, receiver: a message on its way
  std::deque<Request> catalog_requests;
  bool catalog_busy = false;
  std::string pausing_queue;      // its QueuePaused is under way
  bool was_ready = false;         // alone: the node was so, and so it stays
  std::vector<TimerPass> timers;  // by group
  RoomChanged room;               // the disk's, as it was last told
};

}  // namespace pawl::node
