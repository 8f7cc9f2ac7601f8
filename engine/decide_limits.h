// Who gets a permit of a limit (limit_rows.h), as the leader of its group decides: pure. What
// several requests want of the same rows is decided together, for one entry.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "engine/limit_rows.h"

namespace pawl::engine {

enum class PermitState : std::uint8_t {
  held,
  waits,
  none,     // given back, or never asked for
  no_room,  // the group keeps as many permits as it can: to be asked again
};

class LimitDecision {
 public:
  // `rows` must outlive this and not change; `now` is the time of the entry to be.
  LimitDecision(const LimitRows& rows, TimeMs now) : rows_(rows), now_(now) {}

  // Asked again, a permit stays where it is.
  PermitState ask(const LimitName& limit, const PermitAsk& ask);
  void give_back(const LimitName& limit, const PermitId& permit);
  // Grants those that wait and are due, at most `max` limits' worth.
  void grant_due(std::size_t max);

  // What comes of all that, in this order; empty: nothing changes.
  const std::vector<LimitChange>& changes() const { return changes_; }

 private:
  // A row as it is once the changes so far are folded.
  struct View {
    const LimitRow* row = nullptr;  // null: there was none
    // Of those that wait in the row: all before it are gone or granted.
    std::map<PermitPlace, PermitWaiter>::const_iterator next;
    std::set<PermitId> gone;                 // of the row's: held or waiting no more
    std::map<PermitPlace, PermitAsk> added;  // wait
    std::map<PermitId, PermitPlace> places;  // of these
    std::set<PermitId> granted;
    std::int64_t more_held = 0;
    std::size_t more_granted = 0;  // those given back since, too
    std::uint64_t last_number = 0;
  };
  View& view(const LimitName& limit);
  PermitState state(const View& view, const LimitName& limit, const PermitId& permit) const;
  // The first of those that wait; null: nobody does.
  const PermitAsk* first(View* view, PermitPlace* place) const;
  bool has_room(const View& view, const PermitAsk& ask) const;
  void grant_waiting(const LimitName& limit, View* view);

  const LimitRows& rows_;
  TimeMs now_;
  std::map<LimitName, View> views_;
  std::vector<LimitChange> changes_;
  std::size_t more_permits_ = 0, more_rows_ = 0;
};

}  // namespace pawl::engine
