// What one entry is put together from: the jobs of one run, each decided on the state its
// predecessor leaves.
#pragma once

#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/decide.h"
#include "engine/event.h"
#include "engine/event_bytes.h"
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
  std::string encoded;           // `events`, stored form
  std::size_t answer_bytes = 0;  // of `keyed`
  std::vector<PendingAnswer> answers;
  std::vector<engine::KeyedAnswer> keyed;
  std::vector<codecs::OutgoingMessage> sends;
  std::vector<Grant> grants;
  std::vector<TaskRef> ended;
  std::vector<engine::BatchStep> batches;

  // Adds a decision that has events.
  void take(engine::Decision decision) {
    if (encoded.empty()) encoded.reserve(512);  // of a usual entry: spares growing it
    engine::encode_events(decision.events, &encoded);
    if (events.empty()) {
      events = std::move(decision.events);
    } else {
      std::move(decision.events.begin(), decision.events.end(), std::back_inserter(events));
    }
    after = std::move(decision.after);
  }
};

}  // namespace pawl::node
