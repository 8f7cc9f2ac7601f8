// Permits of limits that this box's groups keep (engine/limit_rows.h, decision 0073): the other
// side of what runs ask for (errands.h).
//
//   a run asks, or gives back --decided together with what else has come--> one entry --applied-->
//   answered: held (200), waits (202)
//   a permit is granted to one that waits --> its run is told, until it has answered
//   a run that holds one --asked now and then whether it does--> it does not: given back for it
//
// So a permit is lost neither by a run that is gone, nor by a request that comes late, nor by a
// group that was brought back from a backup.
//
// One entry of a group at a time: what comes meanwhile waits for the next. Memory, gone with the
// process: all of it is in the tables.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decide_limits.h"
#include "node/node.h"

namespace pawl::node {

class Node::Permits {
 public:
  explicit Permits(Node* node) : node_(node) {}

  // --- events ---
  // A run's request, of a group that is led here.
  void decide(const Request& request, const ChangePermit& op);
  // An entry of the group with changes of limits was applied; `own`: it was proposed here.
  void applied(GroupId group, std::string_view changes, bool own);
  // This box may decide for the group; no longer.
  void opened(const Group& group);
  void lost(GroupId group);
  // Takes the answer if it is one of a run that was asked or told.
  bool settle(const Answer& answer);

  bool unsettled() const { return due_; }
  // Decides what was asked for, and what is due.
  void look();
  // Asks holders whose time has come; of each tick.
  void look_at_holders();
  // Monotonic ms at which look() has something to do; INT64_MAX: never, as things are.
  std::int64_t next_wake_mono_ms() const;

 private:
  struct Asked {
    Request request;
    ChangePermit change;
  };
  // Of a group that is led here.
  struct Desk {
    std::deque<Asked> asked;
    bool under_way = false;  // an entry with changes
  };
  // A holder that is to be asked.
  struct Holder {
    GroupId group;
    engine::LimitName limit;
    engine::PermitId permit;
    friend auto operator<=>(const Holder&, const Holder&) = default;
  };
  struct Check {
    std::int64_t at = 0;        // monotonic ms
    std::int64_t again_ms = 0;  // then after so long
  };

  void serve(Group& group, Desk* desk);
  void answer(const Request& request, engine::PermitState state, std::vector<PendingAnswer>* all);
  std::int64_t due_mono_ms(const Group& group) const;
  void check_at(const Holder& holder, std::int64_t ms, std::int64_t again_ms);
  void forget(const Holder& holder);
  void ask_holder(const Holder& holder);

  Node* node_;
  bool due_ = false;
  std::uint64_t next_id_ = 0;  // of requests, of a box alone
  std::map<GroupId, Desk> desks_;
  std::map<Holder, Check> checks_;
  std::set<std::pair<std::int64_t, Holder>> by_time_;
  std::map<RequestId, Holder> asked_;
};

}  // namespace pawl::node
