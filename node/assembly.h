// What one entry is put together from: the jobs of one run, each decided on the state its
// predecessor leaves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/event.h"
#include "engine/run.h"
#include "node/group.h"
#include "node/node.h"

namespace pawl::node {

struct Node::Assembly {
  Index run;  // 0: no job has touched one yet
  std::string run_id;
  bool starts = false;                 // its first event is the run's first
  Index previous;                      // the run's newest entry before this one
  Seq first_seq;                       // of the first event
  std::shared_ptr<engine::Run> after;  // the run once `events` are folded; null before the first
  std::vector<engine::Event> events;
  std::vector<PendingAnswer> answers;
  std::vector<engine::KeyedAnswer> keyed;
  std::vector<codecs::OutgoingMessage> sends;
  std::vector<Grant> grants;
  std::vector<TaskRef> ended;
};

// The outcomes of a ReportTasks as they come in; answered when the last one is there.
struct Node::ReportBatch {
  std::vector<std::string> tokens;
  std::vector<Answer> items;
  std::size_t missing = 0;
};

}  // namespace pawl::node
