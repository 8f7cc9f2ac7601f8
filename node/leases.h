// Leases of handed-out tasks, in memory: a heartbeat renews one without an entry. After a restart
// or a failover every task that is out gets one full lease. Ends are found lazily: when a lease
// runs out, whoever asks looks at the run whether the attempt is still out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "dsl/value.h"
#include "engine/command.h"

namespace pawl::node {

struct TaskRef {
  GroupId group;
  Index run;
  engine::StepId step;
  std::uint32_t attempt = 0;
  friend auto operator<=>(const TaskRef&, const TaskRef&) = default;
};

// A task's token, as workers hold it; parse_token is false on anything token_of would not print.
std::string token_of(const TaskRef& task);
bool parse_token(std::string_view token, TaskRef* task);

struct Lease {
  std::int64_t lease_ms = 0;
  std::int64_t until_mono_ms = 0;
  std::int64_t details_at_mono_ms = INT64_MIN / 2;  // when details were last committed
  std::optional<dsl::Value> details;                // newer than those, not committed yet
};

class Leases {
 public:
  void grant(const TaskRef& task, std::int64_t lease_ms, std::int64_t now_mono_ms);
  // Prolongs; null if there is no such lease.
  Lease* renew(const TaskRef& task, std::int64_t now_mono_ms);
  void end(const TaskRef& task);
  // All of the group's: another box leads it.
  void end_group(GroupId group);
  // Takes out and returns the leases that have run out, earliest first, at most `max`.
  std::vector<std::pair<TaskRef, Lease>> take_expired(std::int64_t now_mono_ms, std::size_t max);
  // Monotonic ms of the earliest end, or INT64_MAX.
  std::int64_t next_mono_ms() const;
  std::optional<std::int64_t> until_mono_ms(const TaskRef& task) const;
  std::size_t size() const { return leases_.size(); }

 private:
  std::map<TaskRef, Lease> leases_;
  std::set<std::pair<std::int64_t, TaskRef>> by_end_;
};

}  // namespace pawl::node
