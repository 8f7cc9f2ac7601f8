// A task as a poll hands it out: POST /v1/queues/{q}/poll -> {tasks: [...]}.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dsl/value.h"

namespace pawl::cli {

struct WorkerTask {
  std::string token;  // names run, task and attempt; outlives the daemon's restarts
  std::string run;
  std::string name_space;  // of the run; "" is `default`
  std::string type;
  dsl::Value input;
  std::int64_t attempt = 0;
  std::string fence;
  std::string idempotency_key;
  std::string lease_until;  // RFC 3339
  std::string deadline;     // RFC 3339, or "" if there is none
  dsl::Value progress;      // what an earlier attempt left, or null
};

// The tasks of a poll's answer. False if it is not the shape above; `out` then holds nothing.
bool parse_tasks(const std::string& body, std::vector<WorkerTask>* out);

// How often to renew a lease that ends at `lease_until` (RFC 3339), in milliseconds: a third of
// what is left of it at `wall_ms` (since the Unix epoch). Between 250 ms and 10 s whatever the text
// says: the time of a group may differ from this box's clock, and a third of the default lease is
// 10 s.
std::int64_t heartbeat_interval_ms(const std::string& lease_until, std::int64_t wall_ms);

}  // namespace pawl::cli
