// The workflows that storms run, of one box and of several: they differ in how long things take.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "engine/command.h"

namespace pawl::node {

inline constexpr std::uint32_t kFlowAttempts = 3;

struct FlowTimes {
  std::int64_t nap_ms = 0;
  std::int64_t retry_ms = 0;  // before a second attempt; jittered in `flow`
  // Of a task's attempt, between heartbeats, and in the queue.
  std::int64_t attempt_ms = 0, heartbeat_ms = 0, queue_ms = 0;
  bool limits_again = true;              // also those of `again`: a lost one is noticed by its run
  std::int64_t history_events = 10'000;  // then a run of `flow` continues as new
};

// So many in some storms that no run ever does, in others few.
FlowTimes with_history(FlowTimes times, std::uint64_t seed);

// "flow": signals, sleeps and tasks, as its clients say. Two with another `deployed` are two
// versions.
std::string flow(const FlowTimes& times, int deployed);
// "again": its id's open run gives way to a new start.
std::string again(const FlowTimes& times);

// What an operator may do to a run of `flow`, drawn by chance.
engine::Command operator_command(Random* random);

}  // namespace pawl::node
