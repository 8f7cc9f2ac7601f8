// Runs that nothing happens to rest in little memory (engine/run_store.h): when more are awake than
// this box is to have, those that were touched longest ago are packed, a few in each turn; when
// very many are (a million timers are due in the same second), more in each, however lately it was.
#pragma once

#include <cstddef>
#include <cstdint>

#include "node/node.h"

namespace pawl::node {

class Node::Resting {
 public:
  explicit Resting(Node* node) : node_(*node) {}

  // At the beginning of a turn, before anything points to a run.
  void look();
  // The journal is being read: a long one makes more runs than there is memory for.
  void restored(Group* group);
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const;

 private:
  std::size_t awake() const;
  bool too_many_awake() const;
  bool rest_all(bool in_haste);
  bool rest(Group* group, engine::RunStore::RestOptions options);

  Node& node_;
  std::int64_t look_mono_ms_ = 0;  // not before
};

}  // namespace pawl::node
