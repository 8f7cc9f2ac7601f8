// One command on its way to a run: from a client, a worker, or the node itself. Jobs for a run
// whose last entry is not yet committed wait in its mailbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/digest.h"
#include "base/ids.h"
#include "engine/command.h"
#include "node/request.h"

namespace pawl::node {

// What the answer to a job's request is made of.
enum class Reply : std::uint8_t {
  nothing,   // internal: nobody waits
  envelope,  // 200, the run after it
  started,   // 201, the new run
  outcome,   // 200, a task's outcome was taken, or what another group has told
  deleted,   // 202, the run's data is deleted, but for what lies on the disks
};

struct Job {
  std::string run_id;  // whose mailbox; of the run's id, not its uid
  Index run;           // 0: the newest run of the id
  engine::Command command;
  Reply reply = Reply::nothing;
  RequestId request;
  int item = -1;  // position in a ReportTasks, or -1
  engine::Actor actor;
  std::string key;
  Digest digest{};
  engine::ForwardedAs forwarded;
  std::optional<IfMatch> if_match;
  std::string workflow;                  // of a Start
  std::optional<std::uint32_t> version;  // of a Start; absent: the default
  engine::BatchId batch;                 // 0: not of one; else with Reply::nothing (batches.h)
  bool terminated_existing = false;      // of a Start: the id's open run was terminated for it
};

// The jobs that wait, by run id. A run is busy from the moment an entry of its is proposed until it
// is applied, and while it is busy its jobs are kept here in order.
//
//   idle --acquire--> busy --wait--> busy (n jobs) --release--> idle, its jobs are decided in turn
class Mailboxes {
 public:
  bool busy(const std::string& run_id) const { return boxes_.contains(run_id); }
  void acquire(const std::string& run_id);
  // Keeps the job; false if the mailbox is full (429) and the job was not taken.
  bool wait(Job&& job);
  // The run is idle again; what waited is returned, in order.
  std::vector<Job> release(const std::string& run_id);
  // Nobody is busy any more; what waited is returned.
  std::vector<Job> clear();
  std::size_t waiting() const { return waiting_; }

 private:
  absl::flat_hash_map<std::string, std::vector<Job>> boxes_;  // looked up, never iterated
  std::size_t waiting_ = 0;
};

}  // namespace pawl::node
