// Requests that wait for a run to reach a state or status: GET /v1/runs/{id}/await and long polls
// of GET /v1/runs/{id}. Parked by run, looked at when an entry of the run is applied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/http.h"
#include "engine/event.h"
#include "engine/run.h"

namespace pawl::daemon {

struct Await {
  RequestId id;
  GroupId group;
  Index run;
  std::string state;   // reached if it is one of the run's active paths; "" if status counts
  std::string status;  // "closed" is any closed status
  std::int64_t deadline_mono_ms = 0;
  std::optional<TimeMs> start_at;  // the run's

  bool reached(const engine::Run& run) const;
  // The run is in the state, or has the status, right behind this event of its history.
  bool reached_by(const engine::Event& event, TimeMs time) const;
};

class Awaits {
 public:
  // False if too many are parked (429).
  bool park(Await await);
  // Takes out those of a run that have reached what they wait for, or can't any more (it is
  // closed).
  std::vector<Await> take_settled(GroupId group, const engine::Run& run);
  std::vector<Await> take_expired(std::int64_t mono_ms);
  // Runs of the group that somebody waits for.
  std::set<Index> runs_of(GroupId group) const;
  void cancel(RequestId id);
  bool empty() const { return awaits_.empty(); }
  std::int64_t next_wake_mono_ms() const;

 private:
  std::optional<Await> take(RequestId id);

  std::map<RequestId, Await> awaits_;
  std::map<std::pair<GroupId, Index>, std::set<RequestId>> by_run_;
  std::set<std::pair<std::int64_t, RequestId>> by_deadline_;
};

}  // namespace pawl::daemon
