// Waiting for a run with the API's long poll, over restarts of the daemon: `pawl await` and
// `pawl start --wait`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/session.h"
#include "dsl/value.h"

namespace pawl::cli {

struct AwaitResult {
  int exit = kDone;  // kTimedOut: not reached, `run` is the last that was seen
  bool reached = false;
  std::string body;  // of the last answer
  dsl::Value run;    // its envelope
};

// Waits until GET .../await?CONDITION is reached ("state=a" or "status=b", encoded), the run has
// closed without it, or `timeout_ms` is over (absent: no end). While the daemon is away it tries
// again, for at most a minute at a time. Prints refusals, but not "timed out".
AwaitResult await_run(Session& session, const std::string& id, const std::string& condition,
                      std::optional<std::int64_t> timeout_ms);

}  // namespace pawl::cli
