// What a run waits for: the part of the envelope that tells a client what it can do next.
#pragma once

#include <string>
#include <vector>

#include "dsl/definition.h"
#include "engine/run.h"

namespace pawl::engine {

struct WaitingTimer {
  TimerId id;
  std::string name;  // "after 1d", "every 30s", "sleep", "timeout", "start", "retry" ...
  std::string path;  // of the state; "" for the run's own
  TimeMs fire_at;
};

struct WaitingTask {
  StepId step;
  std::string path;     // of the state
  std::string handler;  // "" for the state's own
  std::string type, queue;
  StepStatus status = StepStatus::queued;
  std::uint32_t attempt = 0;
  std::string worker;
  std::optional<TimeMs> retry_at;
  std::string limit, limit_key;  // status limited: which one's permit it waits for
};

// A child run whose end, or a signal to another run whose answer, is waited for.
struct WaitingCall {
  std::string path;              // of the state
  std::string run;               // its id
  std::string workflow, signal;  // one of them
  std::string uid;               // of the child, once it runs
};

struct WaitingFor {
  std::vector<std::string> signals;
  std::vector<WaitingTimer> timers;  // by fire_at
  std::vector<WaitingTask> tasks;
  std::vector<WaitingCall> children;
};

// The state a machine of the run is in; null if the definition has none of that name.
const dsl::State* state_of(const Run& run, const dsl::Definition& definition, std::uint32_t frame);

WaitingFor waiting_for(const Run& run, const dsl::Definition& definition);

// Signals a handler waits for now (whatever its `if` says) or that would be buffered; sorted.
std::vector<std::string> accepted_signals(const Run& run, const dsl::Definition& definition);

// "queued", "backoff", "started", "incident", "held", "withdrawn".
const char* to_string(StepStatus status);
// "running" ...: as the API says it.
const char* to_string(RunStatus status);

}  // namespace pawl::engine
