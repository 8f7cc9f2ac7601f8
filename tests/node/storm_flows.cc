#include "tests/node/storm_flows.h"

#include "absl/strings/substitute.h"

namespace pawl::node {
namespace {

// $0 deployed, $1 nap, $2 retry, $3 attempt, $4 heartbeat, $5 queue, $6 events
constexpr char kFlow[] = R"(
dsl = 1
name = "flow"
start = "idle"
[id]
conflict = "use_existing"
[history]
max_events = $6
[input]
n = "int"
[vars]
log = { type = "list", default = [] }
results = { type = "list", default = [] }
blob = { type = "string", default = "" }
deployed = $0
[signal.add]
payload.id = "int"
[signal.blob]
payload.text = "string"
[signal.work]
[signal.nap]
[signal.stop]
[signal.leave]
[retry.few]
attempts = 3
initial = "$2ms"
jitter = 0.5
[on.add]
save.log = "= vars.log + [signal.id]"
[on.blob]
save.blob = "= signal.text"
[state.idle]
on.work = { next = "work" }
on.nap = { next = "nap" }
on.stop = { next = "end" }
moves = ["work", "nap"]
[state.nap]
sleep = "$1ms"
next = "idle"
moves = ["idle"]
[state.work]
task = "do"
retry = "few"
timeout = { attempt = "$3ms", heartbeat = "$4ms", queue = "$5ms" }
save.results = "= vars.results + [result.m]"
on.leave = { next = "idle" }
next = "idle"
)";

// $0 retry, $1 limits
constexpr char kAgain[] = R"(
dsl = 1
name = "again"
start = "work"
[id]
conflict = "terminate_existing"
[input]
n = "int"
[vars]
log = { type = "list", default = [] }
[signal.add]
payload.id = "int"
[retry.few]
attempts = 3
initial = "$0ms"
[on.add]
save.log = "= vars.log + [signal.id]"
[state.work]
task = "do"
retry = "few"
$1
next = "end"
)";

}  // namespace

std::string flow(const FlowTimes& times, int deployed) {
  return absl::Substitute(kFlow, deployed, times.nap_ms, times.retry_ms, times.attempt_ms,
                          times.heartbeat_ms, times.queue_ms, times.history_events);
}

FlowTimes with_history(FlowTimes times, std::uint64_t seed) {
  static constexpr std::int64_t kEvents[] = {10, 10'000, 15, 40};
  times.history_events = kEvents[seed % std::size(kEvents)];
  return times;
}

std::string again(const FlowTimes& times) {
  const std::string limits =
      absl::Substitute(R"(timeout = { attempt = "$0ms", heartbeat = "$1ms" })", times.attempt_ms,
                       times.heartbeat_ms);
  return absl::Substitute(kAgain, times.retry_ms, times.limits_again ? limits : "");
}

engine::Command operator_command(Random* random) {
  switch (random->below(8)) {
    case 0:
      return engine::Cancel{"storm"};
    case 1:
      return engine::Terminate{"storm"};
    case 2:
    case 3:
      return engine::Pause{"storm"};
    case 4:
      return engine::Resume{"storm"};
    case 5:
      return engine::RetryIncident{std::nullopt, "storm"};
    case 6:
      return engine::DeleteData{"storm"};
    default:
      return engine::Move{"idle", "work", "storm", std::nullopt, {}};
  }
}

}  // namespace pawl::node
