// Limits shared by the cluster, as the group that keeps one knows them: who holds a permit, who
// waits for one and in which order, when the last ones were granted. Part of a group's tables, and
// changed by entries of its own (decision 0073).
//
//   (none) --asked, nobody before it and room--> held --given back--> gone
//          --asked----------> waits --room-----> held
//                                   --given back--> gone
//
// Whoever asks says what the limit is: a workflow that was deployed anew counts by its new numbers
// from its next task on, with those that others hold.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace pawl::engine {

// A limit's name and the value of its key.
using LimitName = std::pair<std::string, std::string>;

// A permit of a run (permit.h): never used again.
struct PermitId {
  RunUid run;
  std::uint32_t number = 0;
  friend auto operator<=>(const PermitId&, const PermitId&) = default;
};

// What is asked for.
struct PermitAsk {
  PermitId permit;
  std::uint32_t concurrency = 0;  // 0: any number
  std::uint32_t rate = 0;         // in any window; 0: any number
  std::int64_t window_ms = 0;
  std::int64_t priority = 0;  // of the task: higher first, then in the order of asking
  std::string run;            // its id, to be shown
  friend bool operator==(const PermitAsk&, const PermitAsk&) = default;
};

// Of kPermitLevel; in an entry of the group.
struct LimitChange {
  enum class What : std::uint8_t { waits, granted, gone };
  What what = What::waits;
  LimitName limit;
  PermitAsk ask;  // only the permit of what is gone, or granted to one that waits
  friend bool operator==(const LimitChange&, const LimitChange&) = default;
};

// Whether a change may have such a name and such an ask (`gives_back`: only its permit counts):
// within the bounds of limits_permits.h. What other boxes ask for is checked, folds need not.
bool is_sound(const LimitName& limit, const PermitAsk& ask, bool gives_back);

void encode_limit_changes(const std::vector<LimitChange>& changes, std::string* out);
// False if malformed.
bool decode_limit_changes(std::string_view bytes, std::vector<LimitChange>* changes);

struct PermitHolder {
  TimeMs since;
  std::string run;
  friend bool operator==(const PermitHolder&, const PermitHolder&) = default;
};

// The order of those that wait.
struct PermitPlace {
  std::int64_t negated_priority = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const PermitPlace&, const PermitPlace&) = default;
};

struct PermitWaiter {
  PermitAsk ask;
  TimeMs since;
  friend bool operator==(const PermitWaiter&, const PermitWaiter&) = default;
};

struct LimitRow {
  // As it was asked for last.
  std::uint32_t concurrency = 0, rate = 0;
  std::int64_t window_ms = 0;
  // The largest that were asked for since the row is there: so many grants are remembered, for so
  // long.
  std::uint32_t rate_kept = 0;
  std::int64_t window_ms_kept = 0;
  std::map<PermitId, PermitHolder> held;
  std::map<PermitPlace, PermitWaiter> waiting;
  std::deque<TimeMs> grants;  // ascending
  std::uint64_t last_number = 0;

  // It only remembers grants, and none that counts any more: as if it were not there.
  bool is_over(TimeMs now) const;

  // Grants behind this time.
  std::size_t grants_since(TimeMs time) const;
  // Whether there is room for one more such permit, beside `more_held` and `more_granted` now that
  // the row does not know of yet.
  bool has_room(const PermitAsk& ask, TimeMs now, std::int64_t more_held = 0,
                std::size_t more_granted = 0) const;
  // When the first of those that wait can have its permit, should nobody give one back before;
  // nothing if that is what it waits for, or nobody waits.
  std::optional<TimeMs> due() const;
  friend bool operator==(const LimitRow&, const LimitRow&) = default;
};

class LimitRows {
 public:
  // A fold; time never goes back. False, and nothing changed: a permit that is known already (or is
  // not), one that is not its turn or has no room, or one more than the group can have
  // (limits_permits.h).
  bool apply(const LimitChange& change, TimeMs now);

  bool empty() const { return rows_.empty(); }
  const std::map<LimitName, LimitRow>& all() const { return rows_; }
  const LimitRow* find(const LimitName& limit) const;
  // Of those that are not over.
  std::size_t count(TimeMs now) const;
  // Those that are held or waited for.
  std::size_t permit_count() const { return permits_.size(); }
  // Where a permit waits; null: nowhere.
  const PermitPlace* place_of(const LimitName& limit, const PermitId& permit) const;
  // Limits by when the first of those that wait can have its permit.
  const std::set<std::pair<TimeMs, LimitName>>& by_due() const { return by_due_; }

  // A snapshot's record.
  void encode(std::string* out) const;
  // Replaces the content; false if malformed.
  bool decode(std::string_view bytes);
  friend bool operator==(const LimitRows& a, const LimitRows& b) { return a.rows_ == b.rows_; }

 private:
  bool add_waiting(const LimitChange& change, TimeMs now);
  bool grant(const LimitChange& change, TimeMs now);
  bool remove(const LimitChange& change);
  LimitRow& row_for(const LimitChange& change);
  // The indexes are as the row is.
  void unindex(const LimitName& limit, const LimitRow& row);
  void index(const LimitName& limit, const LimitRow& row);
  void forget_idle(TimeMs now);

  std::map<LimitName, LimitRow> rows_;
  // Of a permit that is held, nothing; else its place.
  std::map<std::pair<LimitName, PermitId>, std::optional<PermitPlace>> permits_;
  std::set<std::pair<TimeMs, LimitName>> by_due_;
  // Limits that only remember grants, by when they need not any more.
  std::set<std::pair<TimeMs, LimitName>> idle_;
};

}  // namespace pawl::engine
