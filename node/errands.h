// What runs have to say to other runs: a child to start, to cancel, a signal to send, and to a
// caller that its child has ended; and to the groups that keep limits, which permits of them its
// tasks need, or need no more (engine/permit.h). Each is a fact of the run's tree
// (engine/run_tree.h) until an answer to it is committed:
//
//   a fact of a run --its group is led here--> a request, as a client's would be, to the other
//   run's group --answered--> a command to the run: the fact is gone
//         --not answered in time, no leader, no room--> the request is sent again
//
// A request may so be carried out more than once, and has its effect once: a child is known by its
// caller and the call's number, a signal by its dedupe id, to cancel or to end twice is to do it
// once (decision 0063).
//
// Memory, gone with the process: all of it is in the tables.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "node/node.h"

namespace pawl::node {

class Node::Errands {
 public:
  explicit Errands(Node* node) : node_(node) {}

  // An entry of a run that has errands was applied.
  void applied(GroupId group, Index run) { due_.emplace_back(group, run); }
  // This box may decide for the group.
  void opened(const Group& group);
  // Takes the answer if it is one to an errand.
  bool settle(Answer& answer);

  bool unsettled() const { return !due_.empty() || !answered_.empty(); }
  // Sends what is due, and tells runs what was answered.
  void look();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const;

 private:
  // A call of a run, or (0) its end; or a permit that it asks for, or gives back.
  struct Key {
    GroupId group;
    Index run;
    std::uint32_t call = 0;
    std::uint32_t permit = 0;
    bool gives_back = false;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  enum class What : std::uint8_t { start, signal, cancel, end, permit };
  struct Asked {
    Key key;
    What what = What::start;
  };
  void look_at(Group& group, const engine::Run& run);
  // False if it is on its way already.
  bool begin(const Key& key);
  void wait(const Key& key, std::int64_t ms);
  void send(const Key& key, const engine::Run& run, What what, Operation operation);
  void look_at_permits(const engine::Run& run);
  bool tell_caller(Group& group, const engine::Run& run);
  void take(const Asked& asked, const Answer& answer);
  void take_child(const Key& key, const Answer& answer);
  void take_permit(const Key& key, const Answer& answer);
  void submit(const Key& key, engine::Command command);

  Node* node_;
  std::uint64_t next_id_ = 0;  // of requests, of a box alone
  std::deque<std::pair<GroupId, Index>> due_;
  std::deque<std::pair<Asked, Answer>> answered_;
  std::map<RequestId, Asked> asked_;
  std::map<Key, std::int64_t> until_;  // when it is sent again
  std::set<std::pair<std::int64_t, Key>> by_time_;
};

}  // namespace pawl::node
