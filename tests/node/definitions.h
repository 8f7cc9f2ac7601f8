// The small workflows the node's tests run.
#pragma once

#include <string>

namespace pawl::node {

// Counts signals, works, sleeps: whatever its client says.
inline constexpr char kCounter[] = R"(
dsl = 1
name = "w"
start = "idle"
[vars]
log = { type = "list", default = [] }
results = { type = "list", default = [] }
ticks = 0
[signal.add]
[signal.add.payload]
id = "int"
[signal.blob]
[signal.blob.payload]
text = "string"
[signal.work]
[signal.nap]
[signal.stop]
[retry.fast]
attempts = 3
initial = "1s"
jitter = 0.0
[on.add]
save.log = "= vars.log + [signal.id]"
[on.blob]
save.blob = "= signal.text"
[state.idle]
on.work = { next = "work" }
on.nap = { next = "nap" }
on.stop = { next = "end" }
[state.nap]
sleep = "1m"
next = "woken"
[state.woken]
set.ticks = "= vars.ticks + 1"
next = "idle"
[state.work]
task = "do"
retry = "fast"
timeout = { attempt = "10m", heartbeat = "10s" }
save.results = "= vars.results + [result]"
next = "idle"
)";

// A task at once, of the priority its input names.
inline constexpr char kTask[] = R"(
dsl = 1
name = "job"
start = "work"
[input]
priority = { type = "int", optional = true, default = 3 }
[signal.leave]
[state.work]
task = "do"
priority = "= input.priority"
timeout = { attempt = "10m" }
on.leave = { next = "end" }
next = "end"
)";

inline std::string with_id(const std::string& name, const std::string& policy) {
  return "dsl = 1\nname = \"" + name + "\"\nstart = \"a\"\n[id]\n" + policy +
         "\n[signal.stop]\n[signal.fail]\n[state.a]\non.stop = { next = \"end\" }\n"
         "on.fail = { next = \"failed\" }\n[state.failed]\nend = \"failed\"\nerror.type = \"no\"\n";
}

}  // namespace pawl::node
