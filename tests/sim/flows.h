// The workflows that the fleet's storms run: as those of tests/node, with shorter times.
#pragma once

#include <cstdint>

namespace pawl::sim {

inline constexpr std::uint32_t kAttempts = 3;
inline constexpr std::int64_t kNapMs = 1'500;

// `%` is where a later deployment differs.
inline constexpr char kFlow[] = R"(
dsl = 1
name = "flow"
start = "idle"
[id]
conflict = "use_existing"
[input]
n = "int"
[vars]
log = { type = "list", default = [] }
results = { type = "list", default = [] }
blob = { type = "string", default = "" }
deployed = %
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
initial = "200ms"
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
sleep = "1500ms"
next = "idle"
moves = ["idle"]
[state.work]
task = "do"
retry = "few"
timeout = { attempt = "8s", heartbeat = "2s", queue = "20s" }
save.results = "= vars.results + [result.m]"
on.leave = { next = "idle" }
next = "idle"
)";

// Its id's open run gives way to a new start.
inline constexpr char kAgain[] = R"(
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
initial = "200ms"
[on.add]
save.log = "= vars.log + [signal.id]"
[state.work]
task = "do"
retry = "few"
timeout = { attempt = "8s", heartbeat = "2s" }
next = "end"
)";

}  // namespace pawl::sim
